-- The content of a project.

CREATE TABLE tracks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL,
    track_type text NOT NULL DEFAULT 'AUDIO' CHECK (track_type IN ('AUDIO', 'MIDI', 'INSTRUMENT', 'AUX', 'MASTER')),
    color text CHECK (color ~ '^#[0-9a-f]{6}$'),
    volume double precision NOT NULL DEFAULT 0.8 CHECK (volume BETWEEN 0 AND 1),
    pan double precision NOT NULL DEFAULT 0 CHECK (pan BETWEEN -1 AND 1),
    is_muted boolean NOT NULL DEFAULT false,
    is_solo boolean NOT NULL DEFAULT false,
    is_armed boolean NOT NULL DEFAULT false,
    channels text NOT NULL DEFAULT 'stereo' CHECK (channels IN ('mono', 'stereo')),
    position integer NOT NULL CHECK (position >= 0),
    -- Null is the master.
    output_track_id uuid REFERENCES tracks ON DELETE SET NULL,
    lyrics text,
    metadata jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Checked at the end of the transaction, because a new order passes through states in which two tracks share a place.
    CONSTRAINT tracks_project_position UNIQUE (project_id, position) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT tracks_output_is_another CHECK (output_track_id <> id)
);

CREATE INDEX tracks_output ON tracks (output_track_id) WHERE output_track_id IS NOT NULL;

CREATE TRIGGER tracks_touch BEFORE UPDATE ON tracks
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE sends (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    track_id uuid NOT NULL REFERENCES tracks ON DELETE CASCADE,
    destination_track_id uuid NOT NULL REFERENCES tracks ON DELETE CASCADE,
    level double precision NOT NULL DEFAULT 0.8 CHECK (level BETWEEN 0 AND 1),
    pan double precision NOT NULL DEFAULT 0 CHECK (pan BETWEEN -1 AND 1),
    pre_fader boolean NOT NULL DEFAULT false,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sends_track_destination UNIQUE (track_id, destination_track_id),
    CONSTRAINT sends_destination_is_another CHECK (track_id <> destination_track_id)
);

CREATE INDEX sends_destination ON sends (destination_track_id);

CREATE TRIGGER sends_touch BEFORE UPDATE ON sends
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE clips (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    track_id uuid NOT NULL REFERENCES tracks ON DELETE CASCADE,
    audio_file_id uuid REFERENCES audio_files ON DELETE RESTRICT,
    name text NOT NULL,
    color text CHECK (color ~ '^#[0-9a-f]{6}$'),
    start_time double precision NOT NULL DEFAULT 0 CHECK (start_time >= 0),
    duration double precision NOT NULL CHECK (duration > 0),
    source_offset double precision NOT NULL DEFAULT 0 CHECK (source_offset >= 0),
    fade_in double precision NOT NULL DEFAULT 0 CHECK (fade_in >= 0),
    fade_out double precision NOT NULL DEFAULT 0 CHECK (fade_out >= 0),
    gain_db double precision NOT NULL DEFAULT 0 CHECK (gain_db BETWEEN -60 AND 24),
    midi jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- A nanosecond of grace, because sums of fractions are not exact.
    CONSTRAINT clips_fades_fit CHECK (fade_in + fade_out <= duration + 1e-9),
    CONSTRAINT clips_audio_or_midi CHECK (audio_file_id IS NULL OR midi IS NULL)
);

CREATE INDEX clips_track ON clips (track_id, start_time);
CREATE INDEX clips_audio_file ON clips (audio_file_id) WHERE audio_file_id IS NOT NULL;

CREATE TRIGGER clips_touch BEFORE UPDATE ON clips
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();
