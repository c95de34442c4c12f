"""Tokens that running turns hold: one limit for all of a user's turns, wherever they run."""

from __future__ import annotations

import asyncio
import datetime
import uuid
from collections.abc import AsyncIterator

import pytest

from dawg_server.database import brain_turns, users
from dawg_server.database.pool import Database

ALLOWED = 1000


@pytest.fixture
async def replicas(database: Database, database_dsn: str) -> AsyncIterator[tuple[Database, Database]]:
    await users.ensure(database, "ada", "development")
    other = await Database.open(database_dsn)
    yield database, other
    await other.close()


async def place(database: Database) -> str:
    id = str(uuid.uuid4())
    async with database.transaction() as connection:
        await brain_turns.insert(connection, id, "ada", str(uuid.uuid4()), id)
    return id


async def use(database: Database, tokens: int, seconds_ago: float, operation: str = "chat") -> None:
    await database.execute(
        """INSERT INTO usage_records (owner_id, service, operation, total_cost, output_tokens, created_at)
           VALUES ('ada', 'anthropic', %s, 0, %s, now() - make_interval(secs => %s))""",
        (operation, tokens, seconds_ago),
    )


async def test_turns_that_ask_at_once_on_two_replicas_share_one_limit(replicas: tuple[Database, Database]) -> None:
    places = [await place(replicas[0]) for _ in range(12)]
    outcomes = await asyncio.gather(
        *(brain_turns.hold_tokens(replicas[n % 2], id, "ada", 400, ALLOWED) for n, id in enumerate(places))
    )
    assert sum(each is None for each in outcomes) == 3  # 0, 400 and 800 were held before them
    assert all(each.until is None for each in outcomes if each is not None)
    holder = places[outcomes.index(None)]
    waiting = places[next(n for n, each in enumerate(outcomes) if each is not None)]
    assert await brain_turns.hold_tokens(replicas[1], holder, "ada", 5000, ALLOWED) is None  # others hold 800
    await brain_turns.release_tokens(replicas[1], holder)
    assert await brain_turns.hold_tokens(replicas[0], waiting, "ada", 1, ALLOWED) is None


async def test_what_a_dead_replica_held_is_free_when_its_place_expires(replicas: tuple[Database, Database]) -> None:
    here, there = replicas
    dead, living = await place(here), await place(there)
    assert await brain_turns.hold_tokens(here, dead, "ada", 5000, ALLOWED) is None
    assert await brain_turns.hold_tokens(there, living, "ada", 10, ALLOWED) is not None
    await here.execute("UPDATE brain_turns SET expires_at = clock_timestamp() WHERE id = %s", (dead,))
    assert await brain_turns.hold_tokens(there, living, "ada", 10, ALLOWED) is None


async def test_a_full_minute_says_when_enough_of_it_is_past(database: Database) -> None:
    await users.ensure(database, "ada", "development")
    id = await place(database)
    for tokens, seconds_ago in ((900, 70), (300, 50), (400, 30), (500, 10)):
        await use(database, tokens, seconds_ago)
    await use(database, 9000, 5, operation="title")
    full = await brain_turns.hold_tokens(database, id, "ada", 10, ALLOWED)
    assert full is not None and full.until is not None
    assert full.used == 1200
    # Without the 300 that are 50 s old, 900 are left.
    assert (full.until - datetime.datetime.now(datetime.UTC)).total_seconds() == pytest.approx(10, abs=1.5)
    assert await brain_turns.hold_tokens(database, id, "ada", 10, 1201) is None
