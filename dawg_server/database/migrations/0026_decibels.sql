-- Faders go up to +6 dB, which is 1.9953; fades may be curves.

ALTER TABLE tracks DROP CONSTRAINT tracks_volume_check, ADD CONSTRAINT tracks_volume_check CHECK (volume BETWEEN 0 AND 2);
ALTER TABLE sends DROP CONSTRAINT sends_level_check, ADD CONSTRAINT sends_level_check CHECK (level BETWEEN 0 AND 2);

ALTER TABLE clips ADD COLUMN fade_curve text NOT NULL DEFAULT 'linear' CHECK (fade_curve IN ('linear', 'equalPower'));
