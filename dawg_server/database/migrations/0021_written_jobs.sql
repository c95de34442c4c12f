-- Jobs that write: lyrics, and melodies.

ALTER TABLE generations DROP CONSTRAINT generations_type_check;
ALTER TABLE generations ADD CONSTRAINT generations_type_check CHECK (
    type IN ('beat', 'music', 'stems', 'mix', 'master', 'render', 'vocals', 'edit', 'lyrics', 'melody'));
