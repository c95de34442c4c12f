"""A database on a TCP port that goes and comes back: 503 meanwhile, no session left open, back at once."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
import uvloop

from bus import events
from dawg_server import database as db
from dawg_server import errors
from dawg_server.database import address, pool
from handlers.sockets.events import project_room
from tests.daw.conftest import join
from tests.javascript.client import JavaScript
from tests.servers import dawg
from tests.servers.dawg import DawgProcess, free_port
from tests.servers.postgres import TcpPostgres

PATIENCE = 20.0  # seconds
LOOPS = {"asyncio": asyncio.run, "uvloop": uvloop.run}

Scenario = Callable[[TcpPostgres, pytest.MonkeyPatch], Awaitable[None]]


@pytest.fixture
def postgres_tcp(cluster: TcpPostgres) -> Iterator[TcpPostgres]:
    """Shared; whoever stops it finds it running again."""
    yield cluster
    cluster.start()


@contextlib.asynccontextmanager
async def blackhole() -> AsyncIterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def unavailable(database: db.Database, statement: str = "SELECT 1") -> None:
    with pytest.raises(errors.DependencyUnavailable):
        await database.fetch_value(statement)


async def answers(database: db.Database) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(errors.DependencyUnavailable):
                assert await database.fetch_value("SELECT 1") == 1
                return
            await asyncio.sleep(0.05)


async def killed_and_restarted(postgres: TcpPostgres, _: pytest.MonkeyPatch) -> None:
    await gone_and_back(postgres, postgres.kill)


async def stopped_and_restarted(postgres: TcpPostgres, _: pytest.MonkeyPatch) -> None:
    await gone_and_back(postgres, postgres.stop)


async def gone_and_back(postgres: TcpPostgres, end: Callable[[], None]) -> None:
    database = await db.Database.open(postgres.dsn(), size=4)
    for _ in range(2):
        await asyncio.gather(*(database.fetch_value("SELECT pg_sleep(0.05)") for _ in range(4)))
        busy = [asyncio.create_task(unavailable(database, "SELECT pg_sleep(30)")) for _ in range(2)]
        large = asyncio.create_task(unavailable(database, f"SELECT length('{'x' * 2**22}'), pg_sleep(30)"))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(end)
        await asyncio.gather(*busy, large)
        for _ in range(8):
            await unavailable(database)
        await asyncio.gather(*(unavailable(database) for _ in range(12)))
        postgres.start()
        await answers(database)
        assert await asyncio.gather(*(database.fetch_value("SELECT 1") for _ in range(12))) == [1] * 12
    await database.close()


async def connecting_is_cancelled(_: TcpPostgres, __: pytest.MonkeyPatch) -> None:
    async with blackhole() as port:
        database = db.Database(address.parse(f"postgresql://u@127.0.0.1:{port}/x"), 4, 1.0)
        tasks = [asyncio.create_task(database.fetch_value("SELECT 1")) for _ in range(8)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        assert {type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)} == {asyncio.CancelledError}
        await database.close()


async def connecting_is_cancelled_at_any_moment(postgres: TcpPostgres, _: pytest.MonkeyPatch) -> None:
    for step in range(40):
        database = db.Database(address.parse(postgres.dsn()), 1, 1.0)
        task = asyncio.create_task(database.fetch_value("SELECT 1"))
        await asyncio.sleep(step * 0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.close()


async def connecting_is_refused(_: TcpPostgres, __: pytest.MonkeyPatch) -> None:
    database = db.Database(address.parse(f"postgresql://u@127.0.0.1:{free_port()}/x"), 4, 1.0)
    for _ in range(4):
        await unavailable(database)
    await asyncio.gather(*(unavailable(database) for _ in range(12)))
    await database.close()


async def the_address_says_nothing(_: TcpPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CONNECT_TIMEOUT", 0.3)
    async with blackhole() as port:
        database = db.Database(address.parse(f"postgresql://u@127.0.0.1:{port}/x"), 2, 1.0)
        await asyncio.gather(*(unavailable(database) for _ in range(4)))
        await database.close()


async def the_pool_closes_while_it_connects(postgres: TcpPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CLOSE_TIMEOUT", 0.0)
    for step in range(20):
        database = db.Database(address.parse(postgres.dsn()), 2, 1.0)
        tasks = [asyncio.create_task(database.fetch_value("SELECT 1")) for _ in range(4)]
        await asyncio.sleep(step * 0.001)
        await database.close()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(each == 1 or isinstance(each, errors.DependencyUnavailable) for each in outcomes), outcomes


async def the_pool_closes_while_it_is_busy(postgres: TcpPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CLOSE_TIMEOUT", 0.1)
    database = await db.Database.open(postgres.dsn(), size=2)
    busy = asyncio.create_task(unavailable(database, "SELECT pg_sleep(30)"))
    await asyncio.sleep(0.1)
    await database.close()
    await busy


async def idle_sessions_are_ended(postgres: TcpPostgres, _: pytest.MonkeyPatch) -> None:
    database = await db.Database.open(postgres.dsn(), size=4)
    await asyncio.gather(*(database.fetch_value("SELECT pg_sleep(0.05)") for _ in range(4)))
    own = await database.fetch_value("SELECT pg_backend_pid()")
    end = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'dawg' AND pid <> %s"
    assert await database.fetch_value(end, (own,)) >= 3  # those of the test before may be on their way out
    await asyncio.sleep(0.05)  # they have ended by now: the event loop hears of it before anybody takes one of them
    assert await asyncio.gather(*(database.fetch_value("SELECT 1") for _ in range(8))) == [1] * 8
    await database.close()


SCENARIOS: tuple[Scenario, ...] = (
    killed_and_restarted,
    stopped_and_restarted,
    connecting_is_cancelled,
    connecting_is_cancelled_at_any_moment,
    connecting_is_refused,
    the_address_says_nothing,
    the_pool_closes_while_it_connects,
    the_pool_closes_while_it_is_busy,
    idle_sessions_are_ended,
)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_session_is_left_open_when(
    scenario: Scenario, loop: str, postgres_tcp: TcpPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[str] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(str(context)))
        before = open_sockets()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await scenario(postgres_tcp, monkeypatch)
            gc.collect()
        complaints.extend(str(each.message) for each in caught if issubclass(each.category, ResourceWarning))
        async with asyncio.timeout(PATIENCE):
            while open_sockets() > before:
                await asyncio.sleep(0.02)

    LOOPS[loop](watched())
    assert complaints == []


def open_sockets() -> int:
    links = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(each))  # noqa: PTH115 - targets are no paths
    return sum(link.startswith("socket:") for link in links)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    "hosts",
    [
        "[::1]:{good},127.0.0.1:{good}",
        "localhost:{good}",
        "127.0.0.1:{bad},127.0.0.1:{good}",
        "127.0.0.1:{bad},127.0.0.1:{silent},127.0.0.1:{good}",
        "nowhere.invalid:{good},127.0.0.1:{good}",
    ],
)
def test_of_several_addresses_the_one_that_answers_is_found(hosts: str, loop: str, postgres_tcp: TcpPostgres) -> None:
    async def look() -> None:
        async with blackhole() as silent:
            given = hosts.format(good=postgres_tcp.port, bad=free_port(), silent=silent)
            database = await db.Database.open(postgres_tcp.dsn(given), size=3)
            assert await asyncio.gather(*(database.fetch_value("SELECT 1") for _ in range(6))) == [1] * 6
            await database.close()

    LOOPS[loop](look())


@pytest.mark.parametrize("hosts", ["[::1]:{port},127.0.0.1:{port}", "localhost:{port}"])
async def test_the_server_answers_503_while_postgres_is_away_and_200_soon_after_its_return(
    hosts: str, postgres_tcp: TcpPostgres, tmp_path: Path
) -> None:
    url = postgres_tcp.dsn(hosts.format(port=postgres_tcp.port))
    async with DawgProcess(tmp_path, DATABASE_URL=url) as server, aiohttp.ClientSession() as http:

        async def projects() -> tuple[int, dict[str, object]]:
            async with http.get(f"{server.url}/api/projects", headers={"X-User-Id": "ada"}) as reply:
                return reply.status, await reply.json()

        async def returned() -> None:
            async with asyncio.timeout(PATIENCE):
                while (await projects())[0] != 200:
                    await asyncio.sleep(0.05)

        assert (await projects())[0] == 200
        for end in (postgres_tcp.kill, postgres_tcp.stop):
            await asyncio.to_thread(end)
            sequential = [await projects() for _ in range(12)]
            concurrent = await asyncio.gather(*(projects() for _ in range(40)))
            for status, body in (*sequential, *concurrent):
                assert (status, body["code"], body["success"]) == (503, "dependency_unavailable", False), body
            async with http.get(f"{server.url}/metrics") as reply:
                assert "dawg_sockets" in await reply.text()
            postgres_tcp.start()
            await returned()
            assert {status for status, _ in await asyncio.gather(*(projects() for _ in range(40)))} == {200}
    assert "UVPoll" not in (tmp_path / "log").read_text()


async def test_who_is_removed_while_postgres_is_away_hears_nothing_more(
    postgres_tcp: TcpPostgres, tmp_path: Path, javascript: JavaScript
) -> None:
    """And nobody waits for it: what happens in other projects is told at once. Another's new role is written later."""
    dsn = postgres_tcp.dsn()
    async with dawg.running(dsn, tmp_path) as server:
        rooms = []
        for user in ("ada", "eve"):
            _, project = await server.json("POST", "/api/projects", user, json={"name": "Song"})
            rooms.append(project["id"])
        for user in ("bob", "carl"):
            await server.json("GET", "/api/projects", user)
            await join(server.services.platform.database, rooms[0], user, "editor")
        carl = await javascript.connect(server.url, auth={"userId": "carl"})
        assert (await carl.emit_ack("join:project", {"projectId": rooms[0]}))["success"]
        bob = await javascript.connect(server.url, auth={"userId": "bob"})
        assert (await bob.emit_ack("join:project", {"projectId": rooms[0]}))["success"]
        assert (await bob.emit_ack("presence:update", {"projectId": rooms[0], "state": {}}))["success"]
        postgres_tcp.stop()
        bus = server.services.platform.bus
        async with asyncio.timeout(1.0):  # less than any attempt to reach the database takes
            await bus.publish(events.MembershipChanged(rooms[0], "bob", None))
            await bus.publish(events.MembershipChanged(rooms[0], "carl", "viewer"))
        assert (await bob.wait_for("error"))["code"] == "forbidden"
        server.sockets.broadcast("secret", {}, room=project_room(rooms[0]))
        assert (await bob.emit_ack("presence:update", {"projectId": rooms[0], "state": {}}))["code"] == "not_joined"
        assert bob.received("secret") == []
        postgres_tcp.start()
        presence = server.services.documents.presence
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(errors.DependencyUnavailable):
                    members = await presence.members(rooms[0])
                    if [(each["userId"], each["role"]) for each in members] == [("carl", "viewer")]:
                        break
                await asyncio.sleep(0.05)
