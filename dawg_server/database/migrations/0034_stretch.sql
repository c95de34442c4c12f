-- Recordings that follow the tempo by time-stretching.

ALTER TABLE clips
    ADD COLUMN stretch boolean NOT NULL DEFAULT false,
    ADD COLUMN original_bpm double precision CHECK (original_bpm BETWEEN 20 AND 400),
    ADD CONSTRAINT clips_stretch CHECK (
        NOT stretch OR (audio_file_id IS NOT NULL AND original_bpm IS NOT NULL AND timebase = 'musical'));
