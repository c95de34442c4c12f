-- Accounts, their logins, and secrets that all replicas share.

-- One function for every table whose rows change, so that no statement can forget the time.
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END;
$$;

-- For rows that are history: what has happened is never rewritten.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are history and never change', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TABLE users (
    -- text, because an outside account is known by the subject of its token (at most 255 characters by OpenID Connect)
    id text PRIMARY KEY DEFAULT gen_random_uuid()::text CHECK (length(id) BETWEEN 1 AND 255),
    email text CHECK (email = lower(email)),
    username text,
    password_hash text,
    first_name text,
    last_name text,
    avatar text,
    origin text NOT NULL CHECK (origin IN ('local', 'token', 'development')),
    is_verified boolean NOT NULL DEFAULT false,
    is_active boolean NOT NULL DEFAULT true,
    last_login_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_password_only_local CHECK (password_hash IS NULL OR origin = 'local')
);

CREATE UNIQUE INDEX users_email ON users (email) WHERE email IS NOT NULL;

CREATE TRIGGER users_touch BEFORE UPDATE ON users
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

-- One row per refresh token. A login is a family of them, each replacing the one before.
CREATE TABLE sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    refresh_hash bytea NOT NULL,
    family uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    -- Checked at the end of the transaction: the old token is spent before the new one exists, or there were two unspent.
    replaced_by uuid REFERENCES sessions ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    user_agent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sessions_refresh_hash UNIQUE (refresh_hash)
);

CREATE UNIQUE INDEX sessions_one_unspent_per_family ON sessions (family)
    WHERE revoked_at IS NULL AND replaced_by IS NULL;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_replaced_by ON sessions (replaced_by) WHERE replaced_by IS NOT NULL;

CREATE TRIGGER sessions_touch BEFORE UPDATE ON sessions
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

-- Signing keys that nobody configured: made once by the first replica, read by all others.
CREATE TABLE server_secrets (
    name text PRIMARY KEY,
    value text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The reply to the first request with a key is kept, so that a repeated request does nothing twice.
CREATE TABLE idempotency_keys (
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    route text NOT NULL,
    request_hash bytea NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done')),
    status integer,
    body jsonb,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key),
    CONSTRAINT idempotency_done_has_reply CHECK (state = 'running' OR status IS NOT NULL)
);

CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE TRIGGER idempotency_keys_touch BEFORE UPDATE ON idempotency_keys
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();
