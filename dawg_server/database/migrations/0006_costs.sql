-- What was spent, what may be spent, and what is held back for calls that are under way.

CREATE TABLE usage_records (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    project_id uuid REFERENCES projects ON DELETE SET NULL,
    generation_id uuid REFERENCES generations ON DELETE SET NULL,
    conversation_id uuid REFERENCES conversations ON DELETE SET NULL,
    service text NOT NULL,
    model text,
    operation text NOT NULL,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cached_tokens bigint NOT NULL DEFAULT 0,
    audio_in_seconds double precision NOT NULL DEFAULT 0,
    audio_out_seconds double precision NOT NULL DEFAULT 0,
    characters bigint NOT NULL DEFAULT 0,
    units double precision NOT NULL DEFAULT 0,
    unit_cost numeric(14, 6),
    total_cost numeric(14, 6) NOT NULL CHECK (total_cost >= 0),
    -- False: the price was unknown. Such a row is never mistaken for a free call.
    priced boolean NOT NULL DEFAULT true,
    -- False: the call runs between a browser and the provider, so its usage cannot be seen here.
    metered boolean NOT NULL DEFAULT true,
    request_id text,
    metadata jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A row that is written again after trouble is booked once.
CREATE UNIQUE INDEX usage_records_request ON usage_records (service, request_id) WHERE request_id IS NOT NULL;
-- Spent is always a sum over a period, never a counter; the sum is read from this index alone.
CREATE INDEX usage_records_owner ON usage_records (owner_id, created_at DESC) INCLUDE (total_cost);
CREATE INDEX usage_records_project ON usage_records (project_id) WHERE project_id IS NOT NULL;
CREATE INDEX usage_records_generation ON usage_records (generation_id) WHERE generation_id IS NOT NULL;
CREATE INDEX usage_records_conversation ON usage_records (conversation_id) WHERE conversation_id IS NOT NULL;

-- The links to a project, job and conversation are not listed: those may be deleted, and then become null.
CREATE TRIGGER usage_records_are_history BEFORE UPDATE OF
    id, owner_id, service, model, operation, input_tokens, output_tokens, cached_tokens, audio_in_seconds,
    audio_out_seconds, characters, units, unit_cost, total_cost, priced, metered, request_id, metadata, created_at
    ON usage_records FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- Inside another trigger (depth > 0) it is the account that is deleted, and its rows with it.
CREATE TRIGGER usage_records_stay BEFORE DELETE ON usage_records
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();

CREATE TABLE budgets (
    user_id text PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    -- Null is no limit; 0 means that nothing is allowed.
    daily_limit numeric(14, 6) CHECK (daily_limit >= 0),
    monthly_limit numeric(14, 6) CHECK (monthly_limit >= 0),
    alert_threshold double precision NOT NULL DEFAULT 0.8 CHECK (alert_threshold BETWEEN 0.01 AND 1),
    alert_thresholds double precision[] NOT NULL DEFAULT '{0.75,0.9,1}',
    alerts_enabled boolean NOT NULL DEFAULT true,
    pause_on_exceed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER budgets_touch BEFORE UPDATE ON budgets
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

-- Open is what is neither settled nor expired, so a reservation whose holder died frees itself.
CREATE TABLE budget_reservations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    amount numeric(14, 6) NOT NULL CHECK (amount >= 0),
    service text NOT NULL,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '15 minutes',
    settled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX budget_reservations_open ON budget_reservations (user_id, expires_at) WHERE settled_at IS NULL;

CREATE TRIGGER budget_reservations_touch BEFORE UPDATE ON budget_reservations
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();

CREATE TABLE alerts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    type text NOT NULL,
    severity text NOT NULL,
    period text NOT NULL CHECK (period IN ('day', 'month')),
    period_start date NOT NULL,
    message text NOT NULL,
    current_spent numeric(14, 6) NOT NULL,
    budget_limit numeric(14, 6) NOT NULL,
    percentage double precision NOT NULL,
    is_read boolean NOT NULL DEFAULT false,
    is_resolved boolean NOT NULL DEFAULT false,
    resolved_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- Once per period: a daily alert does not swallow the monthly one, and two replicas do not send it twice.
    CONSTRAINT alerts_once_per_period UNIQUE (user_id, type, period, period_start)
);

CREATE INDEX alerts_user ON alerts (user_id, created_at DESC);

CREATE TRIGGER alerts_touch BEFORE UPDATE ON alerts
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at();
