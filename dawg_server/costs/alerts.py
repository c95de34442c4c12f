"""Which alerts are due, and telling them: once per type, period and period start."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.costs import periods
from dawg_server.costs.status import BudgetStatus, PeriodStatus, budget_status
from dawg_server.database import alerts, budgets
from dawg_server.database.pool import Database
from dawg_server.wire import is_uuid, timestamp


class CostAlerts:
    """The alerts that one user was told."""

    def __init__(self, database: Database, clock: periods.Clock) -> None:
        self._database, self._clock = database, clock

    async def newest(self, user_id: str, *, unread_only: bool, limit: int) -> list[dict[str, Any]]:
        """As clients see them, newest first."""
        rows = await alerts.newest(self._database, user_id, unread_only=unread_only, limit=limit)
        return [view(row) for row in rows]

    async def mark_all_read(self, user_id: str) -> int:
        """How many were unread."""
        return await alerts.mark_all_read(self._database, user_id)

    async def mark_read(self, user_id: str, alert_id: str) -> None:
        if not (is_uuid(alert_id) and await alerts.mark_read(self._database, user_id, alert_id)):
            raise _no_alert()

    async def resolve(self, user_id: str, alert_id: str) -> None:
        if not (is_uuid(alert_id) and await alerts.resolve(self._database, user_id, alert_id, self._clock())):
            raise _no_alert()


async def raise_due(database: Database, bus: LocalBus, user_id: str, at: datetime.datetime) -> None:
    """Writes down and publishes what the user was not told in this period yet."""
    status = budget_status(await budgets.sums(database, user_id, at), at)
    for alert in due(status, at):
        row = await alerts.add(database, {**alert, "user_id": user_id, "created_at": at})
        if row is not None:
            await bus.publish(events.CostAlerted(user_id=user_id, alert=view(row)))


def due(status: BudgetStatus, at: datetime.datetime) -> Iterator[dict[str, Any]]:
    """Columns of `alerts`. Nothing is due before anything was spent."""
    if not status.alerts_enabled:
        return
    for period, name, start, state in (
        ("day", "daily", periods.day_start(at), status.daily),
        ("month", "monthly", periods.month_start(at), status.monthly),
    ):
        if state.limit is None or not state.spent:
            continue
        if state.is_over:
            yield _alert(
                "budget_exceeded", "critical", period, start, state, f"Your {name} budget is used up: {_of(state)}."
            )
        elif state.spent >= status.alert_threshold * state.limit:
            yield _alert(
                "threshold_reached",
                "warning",
                period,
                start,
                state,
                f"You have used {_of(state)}, of your {name} budget.",
            )


def view(row: dict[str, Any]) -> dict[str, Any]:
    """An alert as clients see it, in JSON values alone."""
    return {
        "id": row["id"],
        "type": row["type"],
        "severity": row["severity"],
        "period": row["period"],
        "periodStart": row["period_start"].isoformat(),
        "message": row["message"],
        "currentSpent": row["current_spent"],
        "budgetLimit": row["budget_limit"],
        "percentage": row["percentage"],
        "isRead": row["is_read"],
        "isResolved": row["is_resolved"],
        "resolvedAt": timestamp(row["resolved_at"]) if row["resolved_at"] else None,
        "createdAt": timestamp(row["created_at"]),
    }


def _no_alert() -> errors.NotFound:
    return errors.NotFound("There is no such alert.", details={"kind": "alert"})


def _alert(
    type: str, severity: str, period: str, start: datetime.datetime, state: PeriodStatus, message: str
) -> dict[str, Any]:
    return {
        "type": type,
        "severity": severity,
        "period": period,
        "period_start": start.date(),
        "message": message,
        "current_spent": state.spent,
        "budget_limit": state.limit,
        "percentage": _percentage(state),
    }


def _of(state: PeriodStatus) -> str:
    return f"{_percentage(state):.0f} %, {dollars(state.spent)} of {dollars(state.limit or 0.0)}"


def _percentage(state: PeriodStatus) -> float:
    """Not capped: an alert says how far over the limit it is."""
    return round(state.spent / state.limit * 100, 2) if state.limit else 100.0


def dollars(amount: float) -> str:
    """Cents, and smaller parts only where there are some: $5.00, $0.0042."""
    text = f"{amount:.6f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"${whole}.{part.ljust(2, '0')}"
