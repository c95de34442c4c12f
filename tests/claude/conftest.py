"""The small model, simulated, and a user who pays for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bus.local import LocalBus
from dawg_server.claude.client import Claude
from dawg_server.claude.small import SmallModel
from dawg_server.costs import Costs
from dawg_server.database import budgets, users
from dawg_server.database.pool import Database
from dawg_server.limits import Limits
from dawg_server.metrics import Metrics
from tests.simulators.anthropic import AnthropicSimulator

USER, MODEL = "ada", "claude-haiku-5-5"


@dataclass
class Study:
    model: SmallModel
    provider: AnthropicSimulator
    database: Database

    async def rows(self) -> list[dict[str, Any]]:
        return await self.database.fetch_all("SELECT * FROM usage_records ORDER BY created_at, request_id")

    async def held(self) -> float:
        """USD that are still reserved."""
        query = "SELECT coalesce(sum(amount), 0) FROM budget_reservations WHERE settled_at IS NULL"
        return float(await self.database.fetch_value(query))

    async def limit(self, daily: float) -> None:
        await budgets.update(
            self.database, USER, {"daily_limit": daily, "monthly_limit": None, "pause_on_exceed": True}
        )


@pytest.fixture
async def study(database: Database, tmp_path: Path) -> AsyncIterator[Study]:
    await users.ensure(database, USER, "development")
    costs = Costs(database, LocalBus(), Metrics(), tmp_path / "costs")
    await costs.start()
    async with AnthropicSimulator(models=(MODEL,)) as provider:
        claude = Claude("sk-test", provider.base_url, "claude-sonnet-5-5", MODEL)
        yield Study(SmallModel(costs, Limits(), claude, per_minute=20), provider, database)
        await claude.close()
    await costs.close()
