-- What an operator lets be spent in a day, by each user and by all together, whatever users allow themselves.

-- As before, and with two ceilings in USD a UTC day. Who is held by the one for all takes turns with everybody else
-- until the end of the transaction, so that no two can both see the same last dollar as free. `refused` is null, 'day',
-- 'month', 'user' or 'server'; the last two are the ceilings.
DROP FUNCTION reserve_budget(uuid, text, text, numeric, timestamptz, timestamptz);

CREATE FUNCTION reserve_budget(
    reservation uuid, owner text, service text, estimate numeric, at timestamptz, until timestamptz,
    user_ceiling numeric, server_ceiling numeric,
    OUT refused text, OUT budget numeric, OUT spent numeric, OUT reserved numeric
) LANGUAGE plpgsql AS $$
DECLARE
    rules budgets;
    spent_today numeric;
    spent_this_month numeric;
    today timestamptz := date_trunc('day', at, 'UTC');
    this_month timestamptz := date_trunc('month', at, 'UTC');
BEGIN
    SELECT * INTO rules FROM budgets b WHERE b.user_id = owner FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO budgets (user_id) VALUES (owner) ON CONFLICT DO NOTHING;
        SELECT * INTO rules FROM budgets b WHERE b.user_id = owner FOR UPDATE;
    END IF;
    -- One statement, so that a call which settles meanwhile is counted once: as reserved or as spent.
    SELECT used.today, used.this_month, held.amount INTO spent_today, spent_this_month, reserved FROM
        (SELECT coalesce(sum(u.total_cost) FILTER (WHERE u.created_at >= today), 0) AS today,
                coalesce(sum(u.total_cost), 0) AS this_month
         FROM usage_records u WHERE u.owner_id = owner AND u.created_at >= this_month) used,
        (SELECT coalesce(sum(r.amount), 0) AS amount FROM budget_reservations r
         WHERE r.user_id = owner AND r.settled_at IS NULL AND r.expires_at > at AND r.id <> reservation) held;
    IF rules.pause_on_exceed THEN
        IF rules.monthly_limit = 0 OR spent_this_month + reserved + estimate > rules.monthly_limit THEN
            refused := 'month'; budget := rules.monthly_limit; spent := spent_this_month;
            RETURN;
        END IF;
        IF rules.daily_limit = 0 OR spent_today + reserved + estimate > rules.daily_limit THEN
            refused := 'day'; budget := rules.daily_limit; spent := spent_today;
            RETURN;
        END IF;
    END IF;
    IF estimate > 0 AND spent_today + reserved + estimate > user_ceiling THEN
        refused := 'user'; budget := user_ceiling; spent := spent_today;
        RETURN;
    END IF;
    IF estimate > 0 THEN
        PERFORM pg_advisory_xact_lock(hashtext('dawg.server_ceiling'));
        SELECT used.amount, held.amount INTO spent, reserved FROM
            (SELECT coalesce(sum(u.total_cost), 0) AS amount FROM usage_records u WHERE u.created_at >= today) used,
            (SELECT coalesce(sum(r.amount), 0) AS amount FROM budget_reservations r
             WHERE r.settled_at IS NULL AND r.expires_at > at AND r.id <> reservation) held;
        IF spent + reserved + estimate > server_ceiling THEN
            refused := 'server'; budget := server_ceiling;
            RETURN;
        END IF;
    END IF;
    INSERT INTO budget_reservations AS r (id, user_id, service, amount, expires_at, created_at)
        VALUES (reservation, owner, reserve_budget.service, estimate, until, at)
        ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, expires_at = excluded.expires_at, settled_at = NULL
        WHERE r.user_id = excluded.user_id;
END;
$$;
