"""What a user has spent, by service, by operation and by day. All in USD."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from dawg_server.costs import periods
from dawg_server.database import usage_records
from dawg_server.database.pool import Database
from dawg_server.database.usage_records import Range as Range

WEEK = datetime.timedelta(hours=168)
PAGE = 500  # rows of an export that are in memory at once


class CostReports:
    """Reads the ledger. Every method but `everybody` is about one user's own rows."""

    def __init__(self, database: Database, clock: periods.Clock) -> None:
        self._database, self._clock = database, clock

    def period(self, name: str) -> Range:
        """`today`, `week`, `month` or `all`, until now."""
        at = self._clock()
        starts = {"today": periods.day_start(at), "week": at - WEEK, "month": periods.month_start(at), "all": None}
        return Range(since=starts[name])

    async def everybody(self) -> dict[str, Any]:
        """`{today, month, reserved, budgets, over}` of all users, for who runs the server."""
        return await usage_records.of_everybody(self._database, self._clock())

    async def summary(self, user_id: str, within: Range) -> dict[str, Any]:
        """`{totalCost, byService, byOperation, count}`."""
        rows = await usage_records.by_service_and_operation(self._database, user_id, within)
        by_service: dict[str, float] = defaultdict(float)
        by_operation: dict[str, float] = defaultdict(float)
        for row in rows:
            by_service[row["service"]] += row["cost"]
            by_operation[row["operation"]] += row["cost"]
        return {
            "totalCost": _money(sum(row["cost"] for row in rows)),
            "byService": {service: _money(cost) for service, cost in by_service.items()},
            "byOperation": {operation: _money(cost) for operation, cost in by_operation.items()},
            "count": sum(row["count"] for row in rows),
        }

    async def breakdown(self, user_id: str, within: Range) -> list[dict[str, Any]]:
        """`[{service, cost, count, percentage}]`, the dearest first."""
        services: dict[str, dict[str, Any]] = {}
        for row in await usage_records.by_service_and_operation(self._database, user_id, within):
            each = services.setdefault(row["service"], {"service": row["service"], "cost": 0.0, "count": 0})
            each["cost"] += row["cost"]
            each["count"] += row["count"]
        total = sum(each["cost"] for each in services.values())
        for each in services.values():
            each["percentage"] = round(each["cost"] / total * 100, 2) if total else 0.0
            each["cost"] = _money(each["cost"])
        return sorted(services.values(), key=lambda each: (-each["cost"], each["service"]))

    async def history(self, user_id: str, days: int) -> list[dict[str, Any]]:
        """`[{date, cost, breakdown: {service: cost}}]` of the last `days` UTC days, today included, oldest first."""
        today = periods.day_start(self._clock())
        first = today - datetime.timedelta(days=days - 1)
        spent: dict[datetime.date, dict[str, float]] = defaultdict(dict)
        for row in await usage_records.by_day_and_service(self._database, user_id, Range(since=first)):
            spent[row["date"]][row["service"]] = _money(row["cost"])
        dates = ((first + datetime.timedelta(days=n)).date() for n in range(days))
        return [
            {"date": date.isoformat(), "cost": _money(sum(spent[date].values())), "breakdown": spent[date]}
            for date in dates
        ]

    async def trends(self, user_id: str, days: int) -> list[dict[str, Any]]:
        """`history` without the breakdown."""
        return [{"date": day["date"], "cost": day["cost"]} for day in await self.history(user_id, days)]

    async def newest(self, user_id: str, within: Range, *, service: str | None, limit: int) -> list[dict[str, Any]]:
        """Rows of the ledger, newest first."""
        return await usage_records.newest(self._database, user_id, within, service=service, limit=limit)

    def pages(self, user_id: str, within: Range) -> AsyncIterator[list[dict[str, Any]]]:
        """Every row of the ledger, `PAGE` at a time."""
        return usage_records.pages(self._database, user_id, within, size=PAGE)


def _money(amount: float) -> float:
    """Sums of floats, back to the ledger's six decimals."""
    return round(float(amount), 6)
