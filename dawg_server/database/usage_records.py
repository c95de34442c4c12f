"""Rows of `usage_records`: the ledger. Rows are added and never changed."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from dawg_server.database.pool import Connection, Database, Json

_COLUMNS = """id, project_id, generation_id, conversation_id, service, model, operation, input_tokens, output_tokens,
    cached_tokens, audio_in_seconds, audio_out_seconds, characters, units, unit_cost, total_cost, priced, metered,
    request_id, metadata, created_at"""
# Either end may be open; the later one is excluded.
_WITHIN = """owner_id = %(user)s AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)"""
# Links to things that were deleted meanwhile become null instead of keeping the cost from being booked.
_SETTLE = """
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(%(rows)s) AS r(
            project_id uuid, generation_id uuid, conversation_id uuid, service text, model text, operation text,
            input_tokens bigint, output_tokens bigint, cached_tokens bigint, audio_in_seconds double precision,
            audio_out_seconds double precision, characters bigint, units double precision, unit_cost numeric,
            total_cost numeric, priced boolean, metered boolean, request_id text, metadata jsonb)
    ), booked AS (
        INSERT INTO usage_records (
            owner_id, project_id, generation_id, conversation_id, service, model, operation, input_tokens,
            output_tokens, cached_tokens, audio_in_seconds, audio_out_seconds, characters, units, unit_cost,
            total_cost, priced, metered, request_id, metadata, created_at)
        SELECT %(user)s, (SELECT id FROM projects WHERE id = given.project_id FOR KEY SHARE),
            (SELECT id FROM generations WHERE id = given.generation_id FOR KEY SHARE),
            (SELECT id FROM conversations WHERE id = given.conversation_id FOR KEY SHARE),
            service, model, operation, input_tokens, output_tokens, cached_tokens, audio_in_seconds,
            audio_out_seconds, characters, units, unit_cost, total_cost, priced, metered, request_id, metadata,
            %(at)s
        FROM given
        ON CONFLICT (service, request_id) WHERE request_id IS NOT NULL DO NOTHING
        RETURNING service, total_cost
    ), closed AS (
        UPDATE budget_reservations SET settled_at = %(at)s
        WHERE id = %(reservation)s AND user_id = %(user)s AND settled_at IS NULL
    )
    SELECT service, sum(total_cost) AS cost FROM booked GROUP BY service"""


class Range(NamedTuple):
    """From `since` until just before `until`; None is open."""

    since: datetime.datetime | None = None
    until: datetime.datetime | None = None


async def of_everybody(database: Database, at: datetime.datetime) -> dict[str, Any]:
    """USD of all users: `today`, `month` and `reserved`; `budgets` are those with a limit, `over` those that are
    used up today or this month."""
    row = await database.fetch_one(
        """WITH spent AS (
               SELECT owner_id, sum(total_cost) AS month,
                      coalesce(sum(total_cost) FILTER (WHERE created_at >= date_trunc('day', %(at)s, 'UTC')), 0) AS day
               FROM usage_records WHERE created_at >= date_trunc('month', %(at)s, 'UTC') GROUP BY owner_id)
           SELECT (SELECT coalesce(sum(day), 0) FROM spent) AS today,
                  (SELECT coalesce(sum(month), 0) FROM spent) AS month,
                  (SELECT coalesce(sum(amount), 0) FROM budget_reservations
                   WHERE settled_at IS NULL AND expires_at > %(at)s) AS reserved,
                  count(*) AS budgets,
                  count(*) FILTER (WHERE spent.day >= b.daily_limit OR spent.month >= b.monthly_limit) AS over
           FROM budgets b LEFT JOIN spent ON spent.owner_id = b.user_id
           WHERE b.daily_limit IS NOT NULL OR b.monthly_limit IS NOT NULL""",
        {"at": at},
    )
    assert row is not None
    return {name: float(row[name]) for name in ("today", "month", "reserved")} | {
        name: int(row[name]) for name in ("budgets", "over")
    }


async def settle(
    database: Database | Connection,
    *,
    user_id: str,
    reservation_id: str | None,
    rows: Sequence[Mapping[str, Any]],
    at: datetime.datetime,
) -> dict[str, float]:
    """Books the rows and closes the reservation in one step; returns what was new, as USD by service.

    A row whose (service, request_id) is in the ledger already is left out, so this may be repeated after any trouble.
    """
    booked = await database.fetch_all(
        _SETTLE, {"rows": Json(list(rows)), "user": user_id, "reservation": reservation_id, "at": at}
    )
    return {row["service"]: row["cost"] for row in booked}


async def newest(
    database: Database, user_id: str, within: Range, *, service: str | None, limit: int
) -> list[dict[str, Any]]:
    return await database.fetch_all(
        f"""SELECT {_COLUMNS} FROM usage_records
            WHERE {_WITHIN} AND (%(service)s::text IS NULL OR service = %(service)s)
            ORDER BY created_at DESC, id DESC LIMIT %(limit)s""",
        {"user": user_id, **within._asdict(), "service": service, "limit": limit},
    )


async def pages(database: Database, user_id: str, within: Range, *, size: int) -> AsyncIterator[list[dict[str, Any]]]:
    """Every row, newest first, `size` at a time."""
    last: tuple[Any, Any] = (None, None)
    while True:
        rows = await database.fetch_all(
            f"""SELECT {_COLUMNS} FROM usage_records WHERE {_WITHIN}
                    AND (%(last_at)s::timestamptz IS NULL OR (created_at, id) < (%(last_at)s, %(last_id)s::uuid))
                ORDER BY created_at DESC, id DESC LIMIT %(size)s""",
            {"user": user_id, **within._asdict(), "last_at": last[0], "last_id": last[1], "size": size},
        )
        if rows:
            yield rows
        if len(rows) < size:
            return
        last = (rows[-1]["created_at"], rows[-1]["id"])


async def by_service_and_operation(database: Database, user_id: str, within: Range) -> list[dict[str, Any]]:
    """`service, operation, cost, count`."""
    return await database.fetch_all(
        f"""SELECT service, operation, sum(total_cost) AS cost, count(*) AS count FROM usage_records WHERE {_WITHIN}
            GROUP BY service, operation ORDER BY service, operation""",
        {"user": user_id, **within._asdict()},
    )


async def by_day_and_service(database: Database, user_id: str, within: Range) -> list[dict[str, Any]]:
    """`date, service, cost` of the UTC days on which something was spent."""
    return await database.fetch_all(
        f"""SELECT (created_at AT TIME ZONE 'UTC')::date AS date, service, sum(total_cost) AS cost FROM usage_records
            WHERE {_WITHIN} GROUP BY date, service ORDER BY date, service""",
        {"user": user_id, **within._asdict()},
    )
