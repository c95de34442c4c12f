-- How many notes a clip has, so that those of a project are counted without reading them.

ALTER TABLE clips ADD COLUMN note_count integer
    GENERATED ALWAYS AS (CASE WHEN midi IS NULL THEN 0 ELSE jsonb_array_length(midi -> 'notes') END) STORED;
