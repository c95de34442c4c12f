-- The same recording in another format: other bytes, nothing new to hear.

CREATE TABLE audio_renditions (
    audio_file_id uuid NOT NULL REFERENCES audio_files ON DELETE CASCADE,
    format text NOT NULL CHECK (format IN ('wav', 'flac', 'mp3', 'ogg', 'mid')),
    mime_type text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    storage_key text NOT NULL,
    sha256 bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (audio_file_id, format),
    CONSTRAINT audio_renditions_storage_key UNIQUE (storage_key)
);
