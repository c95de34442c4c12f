"""A user with costs, and a clock that tests set."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from bus import events
from bus.local import LocalBus
from dawg_server.costs import Costs, Usage
from dawg_server.database import budgets, users
from dawg_server.database.pool import Database
from dawg_server.metrics import Metrics

USER = "ada"
NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


@dataclass
class Purse:
    """The `costs` of one server, whose clock shows `at`, with what it has told the bus."""

    database: Database
    folder: Path
    lifetime: datetime.timedelta = datetime.timedelta(minutes=15)
    ceilings: budgets.Ceilings = budgets.Ceilings()
    at: datetime.datetime = NOON
    bus: LocalBus = field(default_factory=LocalBus)
    metrics: Metrics = field(default_factory=Metrics)
    told: list[events.CostAlerted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.costs = Costs(
            self.database,
            self.bus,
            self.metrics,
            self.folder,
            clock=lambda: self.at,
            lifetime=self.lifetime,
            ceilings=self.ceilings,
        )
        self.bus.subscribe(events.CostAlerted, self.told.append)

    async def limit(self, *, daily: float | None = None, monthly: float | None = None, pause: bool = True) -> None:
        rules = {"daily_limit": daily, "monthly_limit": monthly, "pause_on_exceed": pause}
        await budgets.update(self.database, USER, rules)

    async def spend(self, amount: float, request_id: str) -> Decimal:
        return await self.costs.settle(USER, None, song(amount, request_id))

    async def ledger(self) -> list[tuple[str | None, float]]:
        """(request id, cost) of every row."""
        rows = await self.database.fetch_all("SELECT request_id, total_cost FROM usage_records ORDER BY request_id")
        return [(row["request_id"], row["total_cost"]) for row in rows]

    def counted(self, name: str, **labels: str) -> float:
        """The value of a counter."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def song(amount: float, request_id: str) -> Usage:
    """A call that costs `amount` USD: Suno's credits are half a cent each."""
    return Usage("suno", "V5", "music", {"credits": amount / 0.005}, request_id)


@pytest.fixture
async def purse(database: Database, tmp_path: Path) -> AsyncIterator[Purse]:
    await users.ensure(database, USER, "development")
    held = Purse(database, tmp_path / "costs")
    await held.costs.start()
    yield held
    await held.costs.close()
