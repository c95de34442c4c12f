-- Bytes without a row, and rows whose bytes are not measured yet.

-- A key is written down before its bytes are stored and crossed out by the row that names it; a row that goes writes
-- its key down again. So whatever dies in between, somebody knows which bytes are to be removed.
CREATE TABLE storage_leftovers (
    storage_key text PRIMARY KEY,
    remove_after timestamptz NOT NULL
);

CREATE INDEX storage_leftovers_due ON storage_leftovers (remove_after);

CREATE FUNCTION row_keeps_bytes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM storage_leftovers WHERE storage_key = NEW.storage_key;
    RETURN NULL;
END;
$$;

CREATE FUNCTION row_leaves_bytes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO storage_leftovers (storage_key, remove_after) VALUES (OLD.storage_key, now())
        ON CONFLICT (storage_key) DO UPDATE SET remove_after = excluded.remove_after;
    RETURN NULL;
END;
$$;

CREATE TRIGGER audio_files_keep_bytes AFTER INSERT ON audio_files
    FOR EACH ROW EXECUTE FUNCTION row_keeps_bytes();
CREATE TRIGGER audio_files_leave_bytes AFTER DELETE ON audio_files
    FOR EACH ROW EXECUTE FUNCTION row_leaves_bytes();
CREATE TRIGGER audio_renditions_keep_bytes AFTER INSERT ON audio_renditions
    FOR EACH ROW EXECUTE FUNCTION row_keeps_bytes();
CREATE TRIGGER audio_renditions_leave_bytes AFTER DELETE ON audio_renditions
    FOR EACH ROW EXECUTE FUNCTION row_leaves_bytes();

-- When a recording without a waveform may be measured: now, or when whoever measures it has had its time.
ALTER TABLE audio_files ADD COLUMN measure_after timestamptz NOT NULL DEFAULT now();

CREATE INDEX audio_files_unmeasured ON audio_files (measure_after) WHERE waveform IS NULL;
-- The same audio is analysed once, whoever has it.
CREATE INDEX audio_files_sha256 ON audio_files (sha256) WHERE sha256 IS NOT NULL;
