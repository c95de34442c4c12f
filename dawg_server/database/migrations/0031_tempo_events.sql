-- Tempi and time signatures behind those at the start.

CREATE TABLE tempo_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    beat double precision NOT NULL CHECK (beat >= 0),
    bpm double precision NOT NULL CHECK (bpm BETWEEN 20 AND 300),
    curve text NOT NULL DEFAULT 'jump' CHECK (curve IN ('jump', 'linear')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tempo_events_project ON tempo_events (project_id, beat);

CREATE TRIGGER tempo_events_touch BEFORE UPDATE ON tempo_events
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE time_signature_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    bar integer NOT NULL CHECK (bar >= 0),
    time_signature text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX time_signature_events_project ON time_signature_events (project_id, bar);

CREATE TRIGGER time_signature_events_touch BEFORE UPDATE ON time_signature_events
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();
