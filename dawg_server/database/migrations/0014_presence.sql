-- Who has which project open on which replica, and what they ask others to leave alone.
-- Unlogged: after a crash of Postgres the replicas say again who is there.

CREATE UNLOGGED TABLE replicas (
    id text PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE UNLOGGED TABLE project_visits (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    sid text NOT NULL,
    replica text NOT NULL,
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    username text NOT NULL,
    role text NOT NULL,
    state jsonb,
    state_at timestamptz,
    joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project_id, sid)
);

CREATE INDEX project_visits_replica ON project_visits (replica);

-- A lock ends with its visit.
CREATE UNLOGGED TABLE track_locks (
    project_id uuid NOT NULL,
    track_id uuid NOT NULL,
    sid text NOT NULL,
    user_id text NOT NULL,
    username text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, track_id),
    FOREIGN KEY (project_id, sid) REFERENCES project_visits ON DELETE CASCADE
);

CREATE INDEX track_locks_visit ON track_locks (project_id, sid);
