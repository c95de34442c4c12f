-- Other recordings of what a clip plays, and where they are heard instead.

CREATE TABLE takes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    clip_id uuid NOT NULL REFERENCES clips ON DELETE CASCADE,
    audio_file_id uuid NOT NULL REFERENCES audio_files ON DELETE RESTRICT,
    name text,
    shift double precision NOT NULL DEFAULT 0,
    gain double precision NOT NULL DEFAULT 0 CHECK (gain BETWEEN -60 AND 24),
    crossfade double precision NOT NULL DEFAULT 0.02 CHECK (crossfade BETWEEN 0 AND 1),
    ranges jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX takes_project ON takes (project_id);
CREATE INDEX takes_clip ON takes (clip_id);
CREATE INDEX takes_audio_file ON takes (audio_file_id);

CREATE TRIGGER takes_touch BEFORE UPDATE ON takes
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

-- Whatever sounds in a project: who may read that may hear it.
CREATE VIEW played_recordings AS
    SELECT t.project_id, c.audio_file_id FROM clips c JOIN tracks t ON t.id = c.track_id
        WHERE c.audio_file_id IS NOT NULL
    UNION ALL SELECT project_id, audio_file_id FROM takes
    UNION ALL SELECT t.project_id, d.audio_file_id FROM devices d JOIN tracks t ON t.id = d.track_id
        WHERE d.audio_file_id IS NOT NULL;
