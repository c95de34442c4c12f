-- A mail that is sent again has another link, and the one before may have arrived: both are good.

ALTER TABLE password_resets ADD COLUMN earlier_hashes bytea[] NOT NULL DEFAULT '{}';

CREATE INDEX password_resets_earlier_hashes ON password_resets USING gin (earlier_hashes);
