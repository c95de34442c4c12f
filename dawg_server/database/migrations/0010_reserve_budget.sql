-- Holding money back in one step: no two calls of a user can both see the same last dollar as free.

-- A function, because each statement of one sees what was committed before it began: after the wait for the lock the
-- sums include whatever the one before has reserved. It is also one round trip, and the lock lasts no longer than that.
-- Reserving again under the same id replaces what that id held. `refused` is null, 'day' or 'month'; the other three
-- then tell the limit, what was spent since the period began, and what other open reservations hold.
CREATE FUNCTION reserve_budget(
    reservation uuid, owner text, service text, estimate numeric, at timestamptz, until timestamptz,
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
    IF rules.pause_on_exceed AND coalesce(rules.daily_limit, rules.monthly_limit) IS NOT NULL THEN
        -- One statement, so that a call which settles meanwhile is counted once: as reserved or as spent.
        SELECT used.today, used.this_month, held.amount INTO spent_today, spent_this_month, reserved FROM
            (SELECT coalesce(sum(u.total_cost) FILTER (WHERE u.created_at >= today), 0) AS today,
                    coalesce(sum(u.total_cost), 0) AS this_month
             FROM usage_records u WHERE u.owner_id = owner AND u.created_at >= this_month) used,
            (SELECT coalesce(sum(r.amount), 0) AS amount FROM budget_reservations r
             WHERE r.user_id = owner AND r.settled_at IS NULL AND r.expires_at > at AND r.id <> reservation) held;
        IF rules.monthly_limit = 0 OR spent_this_month + reserved + estimate > rules.monthly_limit THEN
            refused := 'month'; budget := rules.monthly_limit; spent := spent_this_month;
            RETURN;
        END IF;
        IF rules.daily_limit = 0 OR spent_today + reserved + estimate > rules.daily_limit THEN
            refused := 'day'; budget := rules.daily_limit; spent := spent_today;
            RETURN;
        END IF;
    END IF;
    INSERT INTO budget_reservations AS r (id, user_id, service, amount, expires_at, created_at)
        VALUES (reservation, owner, reserve_budget.service, estimate, until, at)
        ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, expires_at = excluded.expires_at, settled_at = NULL
        WHERE r.user_id = excluded.user_id;
END;
$$;
