-- The instrument that plays the notes of a track. Without it, the names of the clip and the track speak of one, as before.

ALTER TABLE tracks ADD COLUMN instrument text;
