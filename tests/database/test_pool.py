"""The pool: what comes back, and every way in which a database can fail to answer."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
import time
import urllib.parse
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import uvloop

from dawg_server import database as db
from dawg_server import errors
from dawg_server.database import address, pool

PATIENCE = 20.0  # seconds


@pytest.fixture
async def table(database: db.Database) -> str:
    await database.execute("CREATE TABLE pool_rows (id int PRIMARY KEY, name text CONSTRAINT named CHECK (name <> ''))")
    return "pool_rows"


@pytest.fixture
def own_postgres(scratch_folder: Path) -> Iterator[db.EmbeddedPostgres]:
    """A Postgres that the test may stop."""
    server = db.EmbeddedPostgres(scratch_folder / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def blackhole() -> AsyncIterator[int]:
    """A port of loopback that takes connections and never says a word."""
    finished = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await finished.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    finished.set()
    server.close()
    await server.wait_closed()


async def becomes_true(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


def look(dsn: str, query: str) -> Any:
    """One value over a connection that is not the pool's."""
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]
    finally:
        connection.close()


def running(dsn: str, what: str) -> int:
    return int(look(dsn, f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '{what}%'"))


# What comes back


async def test_values_come_back_as_plain_python_objects(database: db.Database) -> None:
    identity = str(uuid.uuid4())
    row = await database.fetch_one(
        """SELECT %(id)s::uuid AS id, %(document)s::jsonb AS document, 12.345678::numeric AS money,
                  '2026-03-01 12:00:00.5+02'::timestamptz AS moment, '\\x00ff'::bytea AS hash,
                  ARRAY[%(id)s::uuid] AS ids, ARRAY[0.5, 1]::numeric[] AS amounts, %(names)s AS names,
                  NULL::jsonb AS nothing, NULL::numeric AS no_money""",
        {"id": identity, "document": db.Json({"notes": [1, None, "ü"]}), "names": ["a", "b"]},
    )
    moment = datetime.datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=datetime.UTC)
    assert row == {
        "id": identity,
        "document": {"notes": [1, None, "ü"]},
        "money": 12.345678,
        "moment": moment,
        "hash": b"\x00\xff",
        "ids": [identity],
        "amounts": [0.5, 1.0],
        "names": ["a", "b"],
        "nothing": None,
        "no_money": None,
    }
    assert row["moment"].tzinfo is datetime.UTC


async def test_the_four_methods(database: db.Database, table: str) -> None:
    assert await database.execute("INSERT INTO pool_rows VALUES (1, 'a'), (2, 'b')") == 2
    assert await database.execute("UPDATE pool_rows SET name = 'c' WHERE id > %s", (1,)) == 1
    assert await database.fetch_all("SELECT * FROM pool_rows ORDER BY id") == [
        {"id": 1, "name": "a"},
        {"id": 2, "name": "c"},
    ]
    assert await database.fetch_one("SELECT name FROM pool_rows WHERE id = 3") is None
    assert await database.fetch_value("SELECT name FROM pool_rows WHERE id = %(id)s", {"id": 2}) == "c"
    assert await database.fetch_value("SELECT name FROM pool_rows WHERE id = 3") is None
    assert await database.fetch_value("INSERT INTO pool_rows VALUES (3, 'd') RETURNING id") == 3


@pytest.mark.parametrize("text", ["a\0b", "half a pair \ud83d"])
async def test_text_that_postgres_cannot_hold_is_the_clients_mistake(database: db.Database, text: str) -> None:
    with pytest.raises(errors.ValidationError):
        await database.fetch_value("SELECT %s::text", (text,))
    with pytest.raises(errors.ValidationError):
        await database.fetch_value("SELECT %s::jsonb", (db.Json({"text": text}),))
    assert await database.fetch_value("SELECT 1") == 1


async def test_what_a_constraint_refuses_has_a_name(database: db.Database, table: str) -> None:
    await database.execute("INSERT INTO pool_rows VALUES (1, 'a')")
    with pytest.raises(db.UniqueViolation) as twice:
        await database.execute("INSERT INTO pool_rows VALUES (1, 'b')")
    assert db.constraint(twice.value) == "pool_rows_pkey"
    with pytest.raises(db.CheckViolation) as nameless:
        await database.execute("INSERT INTO pool_rows VALUES (2, '')")
    assert db.constraint(nameless.value) == "named"
    with pytest.raises(db.NotNullViolation) as idless:
        await database.execute("INSERT INTO pool_rows (name) VALUES ('c')")
    assert db.constraint(idless.value) == "id"
    assert await database.fetch_value("SELECT count(*) FROM pool_rows") == 1


# Transactions


async def test_a_transaction_commits_at_its_end_and_not_before(
    database: db.Database, database_dsn: str, table: str
) -> None:
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO pool_rows VALUES (1, 'a')")
        assert await connection.fetch_value("SELECT count(*) FROM pool_rows") == 1
        assert look(database_dsn, "SELECT count(*) FROM pool_rows") == 0
    assert look(database_dsn, "SELECT count(*) FROM pool_rows") == 1


async def test_a_transaction_that_raises_leaves_no_trace_and_its_session_is_used_again(
    database: db.Database, table: str
) -> None:
    session = await database.fetch_value("SELECT pg_backend_pid()")
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO pool_rows VALUES (1, 'a')")
            raise ZeroDivisionError
    with pytest.raises(db.UniqueViolation):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO pool_rows VALUES (1, 'a')")
            await connection.execute("INSERT INTO pool_rows VALUES (1, 'b')")
    assert await database.fetch_value("SELECT count(*) FROM pool_rows") == 0
    assert await database.fetch_value("SELECT pg_backend_pid()") == session


async def test_a_swallowed_error_cannot_make_a_rollback_look_like_a_commit(database: db.Database, table: str) -> None:
    with pytest.raises(RuntimeError, match="swallowed"):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO pool_rows VALUES (1, 'a')")
            with contextlib.suppress(db.UniqueViolation):
                await connection.execute("INSERT INTO pool_rows VALUES (1, 'b')")
    assert await database.fetch_value("SELECT count(*) FROM pool_rows") == 0


async def test_a_deferred_constraint_refuses_at_the_end_of_the_transaction(database: db.Database) -> None:
    await database.execute("CREATE TABLE places (position int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(db.UniqueViolation):
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO places VALUES (1), (1)")
    assert await database.fetch_value("SELECT count(*) FROM places") == 0


async def test_a_deadlock_is_told_to_one_of_the_two(database: db.Database, table: str) -> None:
    await database.execute("INSERT INTO pool_rows VALUES (1, 'a'), (2, 'b')")
    both_hold_one = asyncio.Barrier(2)

    async def swap(first: int, second: int) -> None:
        async with database.transaction() as connection:
            await connection.execute("UPDATE pool_rows SET name = 'x' WHERE id = %s", (first,))
            await both_hold_one.wait()
            await connection.execute("UPDATE pool_rows SET name = 'y' WHERE id = %s", (second,))

    outcomes = await asyncio.gather(swap(1, 2), swap(2, 1), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome] == [errors.Contention]
    assert await database.fetch_value("SELECT count(*) FROM pool_rows WHERE name = 'x'") == 1


@pytest.mark.parametrize(("deadlocks", "done"), [(2, True), (3, False)])
async def test_a_statement_of_its_own_is_repeated_after_a_deadlock(
    database: db.Database, table: str, deadlocks: int, done: bool
) -> None:
    await database.execute(
        f"""CREATE SEQUENCE tries;
            CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('tries') <= {deadlocks} THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER lose BEFORE INSERT ON pool_rows FOR EACH ROW EXECUTE FUNCTION lose()"""
    )
    if done:
        assert await database.execute("INSERT INTO pool_rows VALUES (1, 'a')") == 1
    else:
        with pytest.raises(errors.Contention):
            await database.execute("INSERT INTO pool_rows VALUES (1, 'a')")
    assert await database.fetch_value("SELECT count(*) FROM pool_rows") == int(done)


# Too slow, cancelled, crowded


async def test_a_slow_statement_is_an_unavailable_database_and_no_cancelled_task(database_dsn: str) -> None:
    database = await db.Database.open(database_dsn, statement_timeout=0.2)
    with pytest.raises(errors.DependencyUnavailable) as caught:
        async with asyncio.timeout(25):  # less than the statement itself would take
            await database.execute("SELECT pg_sleep(30)")
    assert caught.value.details == {"dependency": "database"}
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0
    with pytest.raises(errors.DependencyUnavailable):
        async with database.transaction() as connection:
            await connection.execute("SELECT pg_sleep(30)")
    assert await database.fetch_value("SELECT 1") == 1
    await database.close()


async def test_cancelling_a_task_ends_its_statement_too(database: db.Database, database_dsn: str, table: str) -> None:
    task = asyncio.create_task(
        database.execute("INSERT INTO pool_rows SELECT 1, 'late' FROM pg_sleep(60)"), name="late insert"
    )

    async def has_begun() -> bool:
        return running(database_dsn, "INSERT INTO pool_rows") == 1

    async def has_ended() -> bool:
        return running(database_dsn, "INSERT INTO pool_rows") == 0

    await becomes_true(has_begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await becomes_true(has_ended)  # long before it would have come to its own end
    assert look(database_dsn, "SELECT count(*) FROM pool_rows") == 0


async def test_a_cancelled_transaction_returns_no_dirty_session(
    database: db.Database, database_dsn: str, table: str
) -> None:
    async def edit(wait: Callable[[db.Connection], Awaitable[Any]]) -> None:
        async with database.transaction() as connection:
            await connection.execute("INSERT INTO pool_rows VALUES (1, 'a')")
            inserted.set()
            await wait(connection)

    for wait in (lambda connection: connection.execute("SELECT pg_sleep(30)"), lambda _: asyncio.sleep(30)):
        inserted = asyncio.Event()
        task = asyncio.create_task(edit(wait), name="edit")
        await inserted.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(3):
            async with database.transaction() as connection:
                assert await connection.fetch_value("SELECT count(*) FROM pool_rows") == 0

    async def nothing_is_open() -> bool:
        left = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' OR query LIKE '%(30)'"
        return await database.fetch_value(left) == 0

    await becomes_true(nothing_is_open)


async def test_a_timeout_around_a_statement_works_as_usual(database: db.Database) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await database.execute("SELECT pg_sleep(30)")
    assert await database.fetch_value("SELECT 1") == 1


async def test_more_tasks_than_sessions_take_turns(database_dsn: str) -> None:
    database = await db.Database.open(database_dsn, size=3)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dawg' AND datname = current_database()"
    counts = await asyncio.gather(*(database.fetch_value(f"{ours} AND pg_sleep(0.01) IS NOT NULL") for _ in range(30)))
    assert max(counts) == 3
    await database.close()


async def test_who_waits_longest_is_served_first(database_dsn: str) -> None:
    database = await db.Database.open(database_dsn, size=1)
    served: list[int] = []

    async def use(task: int) -> None:
        for _ in range(3):
            await database.execute("SELECT 1")
            served.append(task)

    async with database.transaction():
        users = []
        for task in range(20):
            users.append(asyncio.create_task(use(task)))
            await asyncio.sleep(0)  # it stands in line now
    await asyncio.gather(*users)
    assert served == [*range(20)] * 3  # who comes back stands at the end
    await database.close()


async def test_a_pool_that_is_busy_for_too_long_says_so(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "POOL_WAIT", 0.2)
    database = await db.Database.open(database_dsn, size=1)
    async with database.transaction():
        with pytest.raises(errors.DependencyUnavailable):
            await database.fetch_value("SELECT 1")
    assert await database.fetch_value("SELECT 1") == 1
    await database.close()


async def test_closing_ends_statements_that_will_not_end(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CLOSE_TIMEOUT", 0.2)
    database = await db.Database.open(database_dsn)
    sleeper = asyncio.create_task(database.execute("SELECT pg_sleep(30)"), name="sleeper")
    await asyncio.sleep(0.1)
    await database.close()
    with pytest.raises(errors.DependencyUnavailable):
        await sleeper
    with pytest.raises(errors.DependencyUnavailable):
        await database.fetch_value("SELECT 1")


# Away and back


async def test_the_pool_recovers_by_itself_after_a_restart_of_postgres(own_postgres: db.EmbeddedPostgres) -> None:
    await restart_and_recover(own_postgres)


def test_the_pool_recovers_under_uvloop_as_well(own_postgres: db.EmbeddedPostgres) -> None:
    uvloop.run(restart_and_recover(own_postgres))


async def restart_and_recover(postgres: db.EmbeddedPostgres) -> None:
    database = await db.Database.open(postgres.start(), size=4)
    await asyncio.gather(*(database.fetch_value("SELECT pg_sleep(0.05)") for _ in range(4)))
    sleeper = asyncio.create_task(database.execute("SELECT pg_sleep(30)"), name="sleeper")
    await asyncio.sleep(0.1)
    postgres.stop()
    with pytest.raises(errors.DependencyUnavailable):
        await sleeper
    for _ in range(6):  # more than there are sessions: each of them is found lost, then none can be opened
        with pytest.raises(errors.DependencyUnavailable):
            await database.fetch_value("SELECT 1")
    busy = time.process_time()
    await asyncio.sleep(0.3)
    assert time.process_time() - busy < 0.15, "lost sessions keep the event loop turning"
    postgres.start()
    assert await asyncio.gather(*(database.fetch_value("SELECT 1") for _ in range(8))) == [1] * 8
    await database.close()


async def test_a_session_that_postgres_ended_costs_at_most_its_own_statement(
    database: db.Database, database_dsn: str
) -> None:
    with pytest.raises(errors.DependencyUnavailable):
        await database.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    session = await database.fetch_value("SELECT pg_backend_pid()")
    look(database_dsn, f"SELECT pg_terminate_backend({session}, 1000)")
    await asyncio.sleep(0.05)  # the event loop sees the end of an idle session before anybody takes it
    assert await database.fetch_value("SELECT 1") == 1


async def test_ping_measures_and_gives_up_in_time(database: db.Database, blackhole: int) -> None:
    assert 0 < await database.ping(2.0) < 2.0
    silent = db.Database(address.parse(f"postgresql://u@127.0.0.1:{blackhole}/x"), 1, 1.0)
    with pytest.raises(errors.DependencyUnavailable):
        async with asyncio.timeout(pool.CONNECT_TIMEOUT):  # it would be that long without a limit of its own
            await silent.ping(0.3)
    await silent.close()


# Addresses


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
async def test_both_schemes_are_understood(database_dsn: str, scheme: str) -> None:
    database = await db.Database.open(urllib.parse.urlsplit(database_dsn)._replace(scheme=scheme).geturl())
    assert await database.fetch_value("SELECT 1") == 1
    await database.close()


async def test_a_database_that_refuses_stops_the_start_without_telling_the_password() -> None:
    port = free_port()
    with pytest.raises(errors.ConfigurationError) as caught:
        await db.Database.open(f"postgresql://dawg:s3cret-word@127.0.0.1:{port}/songs")
    sentence = str(caught.value)
    assert "DATABASE_URL" in sentence and f"dawg@127.0.0.1:{port}/songs" in sentence
    assert "s3cret-word" not in sentence and "\n" not in sentence


async def test_a_database_that_is_silent_stops_the_start_in_time(
    blackhole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CONNECT_TIMEOUT", 0.3)
    with pytest.raises(errors.ConfigurationError, match=r"DATABASE_URL.*no answer in time"):
        await db.Database.open(f"postgresql://dawg:s3cret-word@127.0.0.1:{blackhole}/songs")


@pytest.mark.parametrize("address", ["mysql://a:s3cret-word@b/c", "postgresql://a:s3cret-word@b:port/c", "s3cret-word"])
async def test_an_address_that_is_none_of_postgres_is_not_repeated(address: str) -> None:
    with pytest.raises(errors.ConfigurationError, match="DATABASE_URL") as caught:
        await db.Database.open(address)
    assert "s3cret-word" not in str(caught.value)


async def test_an_unknown_host_name_stops_the_start() -> None:
    with pytest.raises(errors.ConfigurationError, match=r"nowhere\.invalid"):
        await db.Database.open("postgresql://dawg@nowhere.invalid/songs")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_cancel_request_is_never_lost_however_close_to_the_end_it_comes(database: db.Database) -> None:
    async def ask_for_ever() -> None:
        while True:
            await database.execute("SELECT 1")

    for number in range(300):
        task = asyncio.create_task(ask_for_ever())
        await asyncio.sleep(0.002 + number * 0.00001)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        assert done, f"request {number} was lost"
        assert task.cancelled()
