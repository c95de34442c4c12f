"""Settling: what was paid for is booked, once, in full, whatever happens to the call or the database."""

from __future__ import annotations

import asyncio
import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from bus.local import LocalBus
from dawg_server import errors
from dawg_server.costs import Costs, Usage
from dawg_server.database import users
from dawg_server.database.embedded import EmbeddedPostgres
from dawg_server.database.migrate import migrate
from dawg_server.database.pool import Database
from dawg_server.metrics import Metrics
from tests.costs.conftest import USER, Purse, song


async def reserved(purse: Purse) -> float:
    return (await purse.costs.status(USER)).daily.reserved


async def test_a_cost_above_the_estimate_is_booked_in_full(purse: Purse) -> None:
    await purse.limit(daily=1.0)
    async with purse.costs.reserved(USER, "suno", 0.5) as reservation:
        reservation.add(song(3.0, "a"))
    assert await purse.ledger() == [("a", 3.0)]
    assert purse.counted("dawg_provider_cost_usd_total", provider="suno") == 3.0
    assert purse.counted("dawg_provider_calls_total", provider="suno", outcome="ok") == 1


async def test_a_call_that_fails_books_what_it_has_used(purse: Purse) -> None:
    with pytest.raises(errors.ProviderFailed):
        async with purse.costs.reserved(USER, "suno", 0.5) as reservation:
            reservation.add(song(0.06, "a"))
            raise errors.ProviderFailed
    assert (await purse.ledger(), await reserved(purse)) == ([("a", 0.06)], 0.0)
    assert purse.counted("dawg_provider_calls_total", provider="suno", outcome="failed") == 1


async def test_a_call_that_is_cancelled_twice_still_books_what_it_has_used(purse: Purse) -> None:
    begun = asyncio.Event()

    async def call() -> None:
        async with purse.costs.reserved(USER, "suno", 0.5) as reservation:
            reservation.add(song(0.06, "a"))
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await purse.costs.close()
    assert (await purse.ledger(), await reserved(purse)) == ([("a", 0.06)], 0.0)
    assert purse.counted("dawg_provider_calls_total", provider="suno", outcome="cancelled") == 1


async def test_a_call_is_booked_once_however_often_it_is_told(purse: Purse) -> None:
    for _ in range(3):
        assert await purse.spend(0.06, "task-1") == Decimal("0.06")
    await asyncio.gather(*(purse.spend(0.07, "task-2") for _ in range(10)))
    await purse.costs.settle(USER, None, song(0.06, "task-1"), song(0.01, "task-3"))
    assert await purse.ledger() == [("task-1", 0.06), ("task-2", 0.07), ("task-3", 0.01)]
    assert purse.counted("dawg_provider_cost_usd_total", provider="suno") == pytest.approx(0.14)


async def test_a_long_call_keeps_its_reservation(purse: Purse) -> None:
    lifetime = datetime.timedelta(seconds=0.3)
    short = Purse(purse.database, purse.folder, lifetime=lifetime)
    async with short.costs.reserved(USER, "suno", 0.5):
        for _ in range(6):
            short.at += lifetime / 2
            async with asyncio.timeout(20):
                while await purse.database.fetch_value("SELECT max(expires_at) FROM budget_reservations") < (
                    short.at + lifetime
                ):
                    await asyncio.sleep(0.01)
            assert await reserved(short) == 0.5
    assert await reserved(short) == 0.0


async def test_what_is_gone_meanwhile_does_not_keep_a_cost_from_being_booked(purse: Purse) -> None:
    gone = "5f0c9d9e-3f7c-4f0e-9d57-6a1f6ad9d3b1"
    await purse.costs.settle(USER, None, Usage("suno", "V5", "music", {"requests": 1}, "a", gone, gone, gone))
    assert await purse.ledger() == [("a", 0.06)]
    await purse.costs.settle("nobody", None, song(1, "b"))
    assert await purse.ledger() == [("a", 0.06)]
    assert not list(purse.folder.glob("*"))


async def test_what_goes_at_this_very_moment_does_not_either(purse: Purse) -> None:
    talk = await purse.database.fetch_value("INSERT INTO conversations (owner_id) VALUES (%s) RETURNING id", (USER,))
    async with purse.database.transaction() as connection:
        await connection.execute("DELETE FROM conversations")
        usage = Usage("suno", "V5", "music", {"requests": 1}, "a", conversation_id=talk)
        settling = asyncio.create_task(purse.costs.settle(USER, None, usage))
        await asyncio.sleep(0.1)
    await settling
    assert await purse.ledger() == [("a", 0.06)]


@pytest.fixture
def own_postgres(scratch_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A Postgres that the test may stop."""
    server = EmbeddedPostgres(scratch_folder / "postgres")
    migrate(server.start())
    yield server
    server.stop()


async def test_while_postgres_is_away_nothing_is_bought_and_nothing_that_was_is_lost(
    own_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    database = await Database.open(own_postgres.start())
    await users.ensure(database, USER, "development")
    purse = Purse(database, tmp_path)
    await purse.costs.start()
    async with purse.costs.reserved(USER, "suno", 0.5) as reservation:
        own_postgres.stop()
        reservation.add(song(0.06, "a"))
    with pytest.raises(errors.DependencyUnavailable) as refused:
        await purse.costs.reserve(USER, "suno", 0.5)
    assert (refused.value.status, refused.value.details) == (503, {"dependency": "database"})
    assert await purse.spend(0.07, "b") == Decimal("0.07")
    assert len(list(tmp_path.glob("*.json"))) == 2

    own_postgres.start()
    async with asyncio.timeout(20):
        while list(tmp_path.glob("*.json")):
            await asyncio.sleep(0.05)
    assert (await purse.ledger(), await reserved(purse)) == ([("a", 0.06), ("b", 0.07)], 0.0)
    assert purse.counted("dawg_provider_cost_usd_total", provider="suno") == pytest.approx(0.13)
    await purse.costs.close()
    await database.close()


DIES_WITH_A_COST_IN_HAND = """
import asyncio, os, signal, sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from bus.local import LocalBus
from dawg_server.costs import Costs, Usage
from dawg_server.database.pool import Database
from dawg_server.metrics import Metrics

async def main():
    database = Database({"host": "127.0.0.1", "port": "1", "dbname": "gone"}, 1, 1.0)
    costs = Costs(database, LocalBus(), Metrics(), Path(sys.argv[1]))
    await costs.settle("ada", None, Usage("suno", "V5", "music", {"requests": 1}, "task-1"))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_cost_in_hand_survives_a_crash(purse: Purse) -> None:
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", DIES_WITH_A_COST_IN_HAND, str(purse.folder)],
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
        capture_output=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert await purse.ledger() == []
    (purse.folder / "damaged.json").write_text("{")
    after = Costs(purse.database, LocalBus(), Metrics(), purse.folder)
    await after.start()
    async with asyncio.timeout(10):
        while list(purse.folder.glob("*.json")):
            await asyncio.sleep(0.02)
    await after.close()
    assert await purse.ledger() == [("task-1", 0.06)]
    assert [path.name for path in purse.folder.iterdir()] == ["damaged.refused"]


async def test_a_folder_that_cannot_be_written_loses_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    away = Database({"host": "127.0.0.1", "port": "1", "dbname": "gone"}, 1, 1.0)
    costs = Costs(away, LocalBus(), Metrics(), tmp_path / "file" / "costs")
    assert await costs.settle(USER, None, song(0.06, "task-1")) == Decimal("0.06")
    out = capsys.readouterr().out
    assert "usage_lost" in out
    assert "task-1" in out


async def test_a_database_that_hangs_is_not_waited_for(purse: Purse, database_dsn: str) -> None:
    """Somebody holds the ledger: the answer goes out meanwhile, its row follows when the lock is gone."""
    async with purse.database.transaction() as connection:
        await connection.execute("LOCK TABLE usage_records IN ACCESS EXCLUSIVE MODE")
        await purse.spend(0.06, "a")
    async with asyncio.timeout(20):
        while not await purse.ledger():
            await asyncio.sleep(0.05)
    assert await purse.ledger() == [("a", 0.06)]
