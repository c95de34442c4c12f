-- Undo that goes on past conflicts, changes that follow others, and client operations that changed nothing.

ALTER TABLE operations
    -- Follows another change of the document or of a recording by itself: nobody's own step, and in nobody's way.
    ADD COLUMN follows boolean NOT NULL DEFAULT false,
    -- The group of the operations that took this step back. Of a step with `undone_at` alone, undo skipped it for good.
    ADD COLUMN undone_by uuid;

ALTER TABLE operations DROP CONSTRAINT operations_source_check, ADD CONSTRAINT operations_source_check CHECK (
    source IN ('rest', 'socket', 'ai-brain', 'voice', 'generation', 'undo', 'redo', 'restore', 'measuring'));

CREATE INDEX operations_entity ON operations (project_id, entity_id, revision);
CREATE INDEX operations_undone ON operations (project_id, actor_id, undone_by) WHERE undone_by IS NOT NULL;

-- What the first use of a client operation was answered; `digest` is the SHA-256 of what was asked, where it is known.
CREATE TABLE client_operations (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    actor_id text NOT NULL,
    id text NOT NULL,
    digest bytea,
    reply jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, actor_id, id)
);

INSERT INTO client_operations (project_id, actor_id, id, reply, created_at)
    SELECT project_id, actor_id, client_operation_id, reply, created_at FROM operations
    WHERE client_operation_id IS NOT NULL AND reply IS NOT NULL;

ALTER TABLE operations DROP COLUMN reply;
