-- Effects and instruments in the chains of tracks.

CREATE TABLE devices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    track_id uuid NOT NULL REFERENCES tracks ON DELETE CASCADE,
    type text NOT NULL,
    parameters jsonb NOT NULL,
    preset text,
    bypassed boolean NOT NULL DEFAULT false,
    position integer NOT NULL CHECK (position >= 0),
    sidechain_track_id uuid REFERENCES tracks ON DELETE SET NULL,
    audio_file_id uuid REFERENCES audio_files ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT devices_track_position UNIQUE (track_id, position) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT devices_sidechain_is_another CHECK (sidechain_track_id <> track_id)
);

CREATE INDEX devices_sidechain ON devices (sidechain_track_id) WHERE sidechain_track_id IS NOT NULL;
CREATE INDEX devices_audio_file ON devices (audio_file_id) WHERE audio_file_id IS NOT NULL;

CREATE TRIGGER devices_touch BEFORE UPDATE ON devices
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();
