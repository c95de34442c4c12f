-- Places and stretches of the time line that have names, and the stretch that is played again and again.

CREATE TABLE markers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL,
    color text CHECK (color ~ '^#[0-9a-f]{6}$'),
    beat double precision NOT NULL CHECK (beat >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX markers_project ON markers (project_id, beat);

CREATE TRIGGER markers_touch BEFORE UPDATE ON markers
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE sections (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL,
    color text CHECK (color ~ '^#[0-9a-f]{6}$'),
    beat double precision NOT NULL CHECK (beat >= 0),
    length double precision NOT NULL CHECK (length > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX sections_project ON sections (project_id, beat);

CREATE TRIGGER sections_touch BEFORE UPDATE ON sections
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

ALTER TABLE projects
    ADD COLUMN loop_start double precision NOT NULL DEFAULT 0 CHECK (loop_start >= 0),
    ADD COLUMN loop_end double precision NOT NULL DEFAULT 16 CHECK (loop_end >= 0),
    ADD COLUMN looping boolean NOT NULL DEFAULT false;
