"""Rows of `budgets` and `budget_reservations`: what a user may spend, and what is held back for calls under way."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from dawg_server.database.pool import Connection, Database

_COLUMNS = """user_id, daily_limit, monthly_limit, alert_threshold, alert_thresholds, alerts_enabled, pause_on_exceed,
    created_at, updated_at"""
_CHANGEABLE = (
    "daily_limit",
    "monthly_limit",
    "alert_threshold",
    "alert_thresholds",
    "alerts_enabled",
    "pause_on_exceed",
)
# What is spent and reserved is always summed up, in one statement, so that a call that settles meanwhile counts once.
_SUMS = """
    (SELECT coalesce(sum(total_cost) FILTER (WHERE created_at >= date_trunc('day', %(at)s, 'UTC')), 0) AS daily_spent,
            coalesce(sum(total_cost), 0) AS monthly_spent
     FROM usage_records WHERE owner_id = %(user)s AND created_at >= date_trunc('month', %(at)s, 'UTC')) AS used,
    (SELECT coalesce(sum(amount), 0) AS reserved FROM budget_reservations
     WHERE user_id = %(user)s AND settled_at IS NULL AND expires_at > %(at)s) AS held"""


class Ceilings(NamedTuple):
    """USD a UTC day, whatever users allow themselves: of each user, and of all together. None: no ceiling."""

    user: Decimal | None = None
    server: Decimal | None = None


NO_CEILINGS = Ceilings()


class Refusal(NamedTuple):
    """Why nothing could be reserved: by the user's budget for a `day` or `month`, or by the operator's ceilings, which
    are for a day, too: for each `user`, or for the `server`. The others are USD."""

    by: str
    limit: float
    spent: float
    reserved: float


async def reserve(
    database: Database | Connection,
    *,
    reservation_id: str,
    user_id: str,
    service: str,
    amount: Decimal,
    at: datetime.datetime,
    until: datetime.datetime,
    ceilings: Ceilings = NO_CEILINGS,
) -> Refusal | None:
    """Holds `amount` USD back in one atomic step, or says why not. Again under the same id: replaces what it held."""
    row = await database.fetch_one(
        "SELECT * FROM reserve_budget(%s, %s, %s, %s, %s, %s, %s, %s)",
        (reservation_id, user_id, service, amount, at, until, *ceilings),
    )
    if row is None or row["refused"] is None:
        return None
    return Refusal(row["refused"], row["budget"], row["spent"], row["reserved"])


async def extend(database: Database | Connection, reservation_id: str, until: datetime.datetime) -> bool:
    """Keeps an open reservation from expiring; False when it was settled."""
    return bool(
        await database.execute(
            "UPDATE budget_reservations SET expires_at = %s WHERE id = %s AND settled_at IS NULL",
            (until, reservation_id),
        )
    )


async def release(database: Database | Connection, reservation_id: str, at: datetime.datetime) -> None:
    await database.execute(
        "UPDATE budget_reservations SET settled_at = %s WHERE id = %s AND settled_at IS NULL", (at, reservation_id)
    )


async def get_or_create(database: Database | Connection, user_id: str) -> dict[str, Any]:
    """The user's one row, also when several ask for the first time at once."""
    row = await database.fetch_one(f"SELECT {_COLUMNS} FROM budgets WHERE user_id = %s", (user_id,))
    return row if row is not None else await update(database, user_id, {})


async def update(database: Database | Connection, user_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Writes the given columns, leaves the others, and returns the row, which is made when there was none."""
    names = [name for name in _CHANGEABLE if name in changes]
    columns = ", ".join(["user_id", *names])
    places = ", ".join(["%(user_id)s", *(f"%({name})s" for name in names)])
    assignments = ", ".join(f"{name} = excluded.{name}" for name in ["user_id", *names])
    row = await database.fetch_one(
        f"""INSERT INTO budgets ({columns}) VALUES ({places})
            ON CONFLICT (user_id) DO UPDATE SET {assignments} RETURNING {_COLUMNS}""",
        {**changes, "user_id": user_id},
    )
    assert row is not None
    return row


async def sums(database: Database | Connection, user_id: str, at: datetime.datetime) -> dict[str, Any]:
    """`daily_spent`, `monthly_spent` and `reserved` in USD, with the columns of the user's budget, if there is one."""
    row = await database.fetch_one(
        f"SELECT used.*, held.*, budgets.* FROM {_SUMS} LEFT JOIN budgets ON budgets.user_id = %(user)s",
        {"user": user_id, "at": at},
    )
    assert row is not None
    return row
