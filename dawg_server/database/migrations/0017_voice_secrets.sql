-- A call between a browser and the voice service is not seen here: its whole possible length counts from the start.

ALTER TABLE voice_sessions
    -- How long such a call can talk; null for a session that runs through this server.
    ADD COLUMN reserved_seconds integer,
    -- When the last such call has ended for certain; null until the browser has been given its secret.
    ADD COLUMN reserved_until timestamptz;
