-- Links to set a new password: asked for, then sent, good once. The token itself is only in the mail.

CREATE TABLE password_resets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- null where the address has no account, so that asking takes the same time for every address
    user_id text REFERENCES users ON DELETE CASCADE,
    token_hash bytea,
    attempts integer NOT NULL DEFAULT 0,
    tried_at timestamptz,
    sent_at timestamptz,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT password_resets_token_hash UNIQUE (token_hash)
);

CREATE INDEX password_resets_user ON password_resets (user_id);
CREATE INDEX password_resets_expiry ON password_resets (expires_at);
