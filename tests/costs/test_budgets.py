"""Reserving: nobody spends the same dollar twice, and time alone frees a user."""

from __future__ import annotations

import asyncio

import pytest

from dawg_server import errors
from dawg_server.costs import Costs
from dawg_server.database.pool import Database
from tests.costs.conftest import USER, Purse, song


async def test_two_hundred_calls_at_once_never_overshoot(purse: Purse, database_dsn: str) -> None:
    """Over two servers with ten sessions each: a dollar buys exactly a hundred cents."""
    await purse.limit(daily=1.0)
    other_database = await Database.open(database_dsn)
    other = Costs(other_database, purse.costs._bus, purse.metrics, purse.folder, clock=lambda: purse.at)

    async def call(number: int) -> bool:
        try:
            async with (purse.costs, other)[number % 2].reserved(USER, "suno", 0.01) as reservation:
                await asyncio.sleep(0)
                reservation.add(song(0.01, f"task-{number}"))
        except errors.BudgetExceeded:
            return False
        return True

    allowed = await asyncio.gather(*(call(number) for number in range(200)))
    await other_database.close()
    assert sum(allowed) == 100
    assert sum(cost for _, cost in await purse.ledger()) == pytest.approx(1.0)


async def test_open_reservations_count_and_give_back_what_was_not_used(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    first = await purse.costs.reserve(USER, "suno", 0.7)
    with pytest.raises(errors.BudgetExceeded):
        await purse.costs.reserve(USER, "suno", 0.4)
    await first.settle(song(0.1, "a"))
    await (await purse.costs.reserve(USER, "suno", 0.9)).settle()
    assert await purse.ledger() == [("a", 0.1)]
