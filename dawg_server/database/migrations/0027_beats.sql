-- Clips lie in time by their timebase: musical ones keep their beats, absolute ones their seconds. The other unit is what
-- they come to at the present tempo.

ALTER TABLE projects ADD COLUMN seconds_until bigint NOT NULL DEFAULT 0;
ALTER TABLE projects DISABLE TRIGGER projects_touch;
-- Up to this revision the log tells of clips in seconds alone.
UPDATE projects SET seconds_until = revision;
ALTER TABLE projects ENABLE TRIGGER projects_touch;

ALTER TABLE clips
    ADD COLUMN timebase text NOT NULL DEFAULT 'absolute',
    ADD COLUMN start_beat double precision NOT NULL DEFAULT 0,
    ADD COLUMN length_beats double precision NOT NULL DEFAULT 1,
    ADD COLUMN offset_beats double precision NOT NULL DEFAULT 0,
    ADD COLUMN fade_in_beats double precision NOT NULL DEFAULT 0,
    ADD COLUMN fade_out_beats double precision NOT NULL DEFAULT 0,
    -- Each of the three is rounded to a nanosecond.
    DROP CONSTRAINT clips_fades_fit,
    ADD CONSTRAINT clips_fades_fit CHECK (fade_in + fade_out <= duration + 1e-8);

ALTER TABLE clips DISABLE TRIGGER clips_touch;
UPDATE clips c SET
    timebase = CASE WHEN c.midi IS NULL THEN 'absolute' ELSE 'musical' END,
    start_beat = round((c.start_time * p.bpm / 60)::numeric, 9),
    length_beats = greatest(round((c.duration * p.bpm / 60)::numeric, 9), 1e-9),
    offset_beats = round((c.source_offset * p.bpm / 60)::numeric, 9),
    fade_in_beats = round((c.fade_in * p.bpm / 60)::numeric, 9),
    fade_out_beats = round((c.fade_out * p.bpm / 60)::numeric, 9)
FROM tracks t JOIN projects p ON p.id = t.project_id WHERE t.id = c.track_id;
ALTER TABLE clips ENABLE TRIGGER clips_touch;

ALTER TABLE clips
    ADD CONSTRAINT clips_timebase CHECK (timebase IN ('musical', 'absolute')),
    ADD CONSTRAINT clips_beats CHECK (
        start_beat >= 0 AND length_beats > 0 AND offset_beats >= 0 AND fade_in_beats >= 0 AND fade_out_beats >= 0);
