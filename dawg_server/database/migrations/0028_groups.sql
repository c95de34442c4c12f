-- Group tracks: folders through which the sound of their tracks goes on.

ALTER TABLE tracks
    DROP CONSTRAINT tracks_track_type_check,
    ADD CONSTRAINT tracks_track_type_check CHECK (
        track_type IN ('AUDIO', 'MIDI', 'INSTRUMENT', 'AUX', 'GROUP', 'MASTER')),
    ADD COLUMN group_id uuid REFERENCES tracks ON DELETE SET NULL,
    ADD CONSTRAINT tracks_group_is_another CHECK (group_id <> id);

CREATE INDEX tracks_group ON tracks (group_id) WHERE group_id IS NOT NULL;
