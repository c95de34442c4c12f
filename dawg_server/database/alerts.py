"""Rows of `alerts`: budgets that are nearly or wholly used up, each told once per period."""

from __future__ import annotations

import datetime
from typing import Any

from dawg_server.database.pool import Connection, Database

_COLUMNS = """id, type, severity, period, period_start, message, current_spent, budget_limit, percentage, is_read,
    is_resolved, resolved_at, created_at"""


async def add(database: Database | Connection, alert: dict[str, Any]) -> dict[str, Any] | None:
    """The new row, or None when the user was told the same in this period already, by whichever replica."""
    return await database.fetch_one(
        f"""INSERT INTO alerts (user_id, type, severity, period, period_start, message, current_spent, budget_limit,
                percentage, created_at)
            VALUES (%(user_id)s, %(type)s, %(severity)s, %(period)s, %(period_start)s, %(message)s, %(current_spent)s,
                %(budget_limit)s, %(percentage)s, %(created_at)s)
            ON CONFLICT ON CONSTRAINT alerts_once_per_period DO NOTHING RETURNING {_COLUMNS}""",
        alert,
    )


async def newest(database: Database, user_id: str, *, unread_only: bool, limit: int) -> list[dict[str, Any]]:
    return await database.fetch_all(
        f"""SELECT {_COLUMNS} FROM alerts WHERE user_id = %s AND (NOT %s OR NOT is_read)
            ORDER BY created_at DESC, id LIMIT %s""",
        (user_id, unread_only, limit),
    )


async def mark_read(database: Database, user_id: str, alert_id: str) -> bool:
    """False when the user has no such alert."""
    return bool(
        await database.execute("UPDATE alerts SET is_read = true WHERE id = %s AND user_id = %s", (alert_id, user_id))
    )


async def mark_all_read(database: Database, user_id: str) -> int:
    """How many were unread."""
    return await database.execute("UPDATE alerts SET is_read = true WHERE user_id = %s AND NOT is_read", (user_id,))


async def resolve(database: Database, user_id: str, alert_id: str, at: datetime.datetime) -> bool:
    """Marks it as read, too. False when the user has no such alert."""
    return bool(
        await database.execute(
            """UPDATE alerts SET is_read = true, is_resolved = true, resolved_at = coalesce(resolved_at, %s)
               WHERE id = %s AND user_id = %s""",
            (at, alert_id, user_id),
        )
    )
