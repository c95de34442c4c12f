-- Who talks, and how long: counted here, so that limits hold across replicas and restarts.

CREATE TABLE voice_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    started_at timestamptz NOT NULL DEFAULT now(),
    -- A session that was not seen for a while has died with its server.
    seen_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT voice_sessions_times CHECK (seen_at >= started_at AND (ended_at IS NULL OR ended_at >= started_at))
);

-- For the sum of a day: no session lasts longer than a day.
CREATE INDEX voice_sessions_user ON voice_sessions (user_id, started_at DESC);

CREATE TRIGGER voice_sessions_touch BEFORE UPDATE ON voice_sessions
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();
