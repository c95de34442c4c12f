-- Projects, who may work on them, and their history.

CREATE TABLE projects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL,
    description text,
    bpm double precision NOT NULL DEFAULT 120 CHECK (bpm BETWEEN 20 AND 300),
    key text NOT NULL DEFAULT 'C',
    time_signature text NOT NULL DEFAULT '4/4',
    sample_rate integer NOT NULL DEFAULT 44100 CHECK (sample_rate > 0),
    lyrics text,
    is_public boolean NOT NULL DEFAULT false,
    thumbnail_url text,
    revision bigint NOT NULL DEFAULT 0 CHECK (revision >= 0),
    deleted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX projects_owner ON projects (owner_id, updated_at DESC) WHERE deleted_at IS NULL;

CREATE TRIGGER projects_touch BEFORE UPDATE ON projects
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE collaborators (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    -- Null while the address has no account yet.
    user_id text REFERENCES users ON DELETE SET NULL,
    -- Null for owners without an address, as in development mode.
    email text CHECK (email = lower(email)),
    role text NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
    invited_at timestamptz NOT NULL DEFAULT now(),
    accepted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT collaborators_project_email UNIQUE (project_id, email),
    CONSTRAINT collaborators_accepted_has_user CHECK (accepted_at IS NULL OR user_id IS NOT NULL)
);

CREATE UNIQUE INDEX collaborators_project_user ON collaborators (project_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX collaborators_one_owner ON collaborators (project_id) WHERE role = 'owner';
CREATE INDEX collaborators_user ON collaborators (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX collaborators_pending ON collaborators (email) WHERE user_id IS NULL;

-- An account that is deleted leaves its invitation behind as a pending one.
CREATE FUNCTION collaborator_without_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.accepted_at := NULL;
    RETURN NEW;
END;
$$;

CREATE TRIGGER collaborators_without_user BEFORE UPDATE OF user_id ON collaborators
    FOR EACH ROW WHEN (NEW.user_id IS NULL) EXECUTE FUNCTION collaborator_without_user();
CREATE TRIGGER collaborators_touch BEFORE UPDATE ON collaborators
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

-- "Exactly one owner": a unique index sees to "at most one", these two triggers to "at least one". The row of the owner
-- comes with the project and goes with it.
CREATE FUNCTION project_gets_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO collaborators (project_id, user_id, email, role, accepted_at)
        SELECT NEW.id, id, email, 'owner', now() FROM users WHERE id = NEW.owner_id;
    RETURN NULL;
END;
$$;

CREATE FUNCTION project_keeps_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM projects WHERE id = OLD.project_id) THEN
        RAISE EXCEPTION 'a project keeps its owner'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'collaborators_one_owner';
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER projects_owner_joins AFTER INSERT ON projects
    FOR EACH ROW EXECUTE FUNCTION project_gets_owner();
CREATE TRIGGER collaborators_owner_stays AFTER DELETE ON collaborators
    FOR EACH ROW WHEN (OLD.role = 'owner') EXECUTE FUNCTION project_keeps_owner();
CREATE TRIGGER collaborators_owner_stays_owner AFTER UPDATE OF role, project_id ON collaborators
    FOR EACH ROW WHEN (OLD.role = 'owner' AND (NEW.role <> 'owner' OR NEW.project_id <> OLD.project_id))
    EXECUTE FUNCTION project_keeps_owner();

-- The log of a project: every change with its inverse, in one gapless order.
CREATE TABLE operations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    revision bigint NOT NULL CHECK (revision > 0),
    group_id uuid NOT NULL,
    -- No foreign key: history stays whole when an account goes.
    actor_id text NOT NULL,
    source text NOT NULL CHECK (source IN (
        'rest', 'socket', 'ai-brain', 'voice', 'generation', 'undo', 'redo', 'restore')),
    kind text NOT NULL,
    entity text NOT NULL,
    entity_id uuid,
    forward jsonb NOT NULL,
    inverse jsonb NOT NULL,
    client_operation_id text,
    undone_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operations_project_revision UNIQUE (project_id, revision)
);

CREATE UNIQUE INDEX operations_client_operation ON operations (project_id, actor_id, client_operation_id)
    WHERE client_operation_id IS NOT NULL;
CREATE INDEX operations_group ON operations (project_id, group_id);
-- For undo: somebody's own latest steps.
CREATE INDEX operations_actor ON operations (project_id, actor_id, revision DESC);

CREATE TRIGGER operations_are_history BEFORE UPDATE OF
    id, project_id, revision, group_id, actor_id, source, kind, entity, entity_id, forward, inverse,
    client_operation_id, created_at
    ON operations FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE versions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    number integer NOT NULL CHECK (number > 0),
    name text,
    description text,
    revision bigint NOT NULL CHECK (revision >= 0),
    snapshot jsonb NOT NULL,
    automatic boolean NOT NULL DEFAULT false,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT versions_project_number UNIQUE (project_id, number)
);
