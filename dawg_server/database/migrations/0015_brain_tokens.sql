-- Tokens per minute: exact also inside of a turn, between turns at once, and on all replicas together.

-- What the call of the model under way may still use. It expires with the place of its turn.
ALTER TABLE brain_turns ADD COLUMN tokens_held bigint NOT NULL DEFAULT 0;

-- Holds tokens for a turn in one atomic step, as long as those of the last minute and those that are held for the
-- user's other turns leave anything of what is allowed; holds nothing new, and says how things stand, otherwise.
-- `full_until` is null when only the other turns are in the way. Titles and summaries, which nobody asked for, do not
-- count.
CREATE FUNCTION hold_brain_tokens(
    turn uuid, owner text, tokens bigint, allowed bigint,
    OUT held boolean, OUT used bigint, OUT full_until timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
    others bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('brain:' || owner, 0));
    SELECT coalesce(sum(t.tokens_held), 0) INTO others FROM brain_turns t
        WHERE t.user_id = owner AND t.id <> turn AND t.expires_at > clock_timestamp();
    SELECT coalesce(max(u.newer), 0), max(u.created_at) FILTER (WHERE u.newer >= allowed - others) + interval '1 minute'
        INTO used, full_until FROM (
            SELECT r.created_at,
                   sum(r.input_tokens + r.output_tokens) OVER (ORDER BY r.created_at DESC, r.id) AS newer
            FROM usage_records r WHERE r.owner_id = owner AND r.service = 'anthropic' AND r.operation = 'chat'
                AND r.created_at > clock_timestamp() - interval '1 minute') u;
    held := used + others < allowed;
    IF held THEN
        UPDATE brain_turns t SET tokens_held = tokens WHERE t.id = turn;
    ELSIF others >= allowed THEN
        full_until := NULL;
    END IF;
END;
$$;
