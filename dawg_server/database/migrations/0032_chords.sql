-- The chord track of a project.

CREATE TABLE chords (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    symbol text NOT NULL,
    beat double precision NOT NULL CHECK (beat >= 0),
    -- Null is until the next chord.
    length double precision CHECK (length > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX chords_project ON chords (project_id, beat);

CREATE TRIGGER chords_touch BEFORE UPDATE ON chords
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();
