-- Recordings of what tracks sound like before their faders, which play instead of their clips and devices.

CREATE TABLE freezes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    track_id uuid NOT NULL UNIQUE REFERENCES tracks ON DELETE CASCADE,
    audio_file_id uuid NOT NULL REFERENCES audio_files ON DELETE RESTRICT,
    start_time double precision NOT NULL DEFAULT 0 CHECK (start_time >= 0),
    sound_digest text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX freezes_audio_file ON freezes (audio_file_id);

CREATE TRIGGER freezes_touch BEFORE UPDATE ON freezes
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE OR REPLACE VIEW played_recordings AS
    SELECT t.project_id, c.audio_file_id FROM clips c JOIN tracks t ON t.id = c.track_id
        WHERE c.audio_file_id IS NOT NULL
    UNION ALL SELECT project_id, audio_file_id FROM takes
    UNION ALL SELECT t.project_id, d.audio_file_id FROM devices d JOIN tracks t ON t.id = d.track_id
        WHERE d.audio_file_id IS NOT NULL
    UNION ALL SELECT t.project_id, f.audio_file_id FROM freezes f JOIN tracks t ON t.id = f.track_id;
