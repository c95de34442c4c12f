"""Rows of `usage_records`: the ledger. Rows are added and never changed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from dawg_server.database.pool import Connection, Database, Json

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
        SELECT %(user)s, (SELECT id FROM projects WHERE id = project_id),
            (SELECT id FROM generations WHERE id = generation_id),
            (SELECT id FROM conversations WHERE id = conversation_id),
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


async def settle(
    database: Database | Connection, *, user_id: str, reservation_id: str | None, rows: Sequence[Mapping[str, Any]],
    at: datetime.datetime,
) -> dict[str, float]:  # fmt: skip
    """Books the rows and closes the reservation in one step; returns what was new, as USD by service.

    A row whose (service, request_id) is in the ledger already is left out, so this may be repeated after any trouble.
    """
    booked = await database.fetch_all(
        _SETTLE, {"rows": Json(list(rows)), "user": user_id, "reservation": reservation_id, "at": at}
    )
    return {row["service"]: row["cost"] for row in booked}
