"""A job, its entry in the queue, the money held back for it and the reply to its request: all of them or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.generation import outside
from tests.servers import dawg
from tests.simulators import replicate

BEAT = {"genre": "trap", "duration": 8, "provider": "replicate"}
KEY = {"Idempotency-Key": "take-1"}
REFUSES = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
CREATE TRIGGER refuse {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    """Its jobs wait for ever."""
    async with (
        replicate.ReplicateSimulator(token=outside.REPLICATE_KEY) as music,
        dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0", **outside.environment(music, None)) as running,
    ):
        yield running


async def traces(server: dawg.Dawg) -> dict[str, int]:
    tables = ("generations", "procrastinate_jobs", "idempotency_keys", "budget_reservations")
    database = server.services.platform.database
    return {table: await database.fetch_value(f"SELECT count(*) FROM {table}") for table in tables}


async def ask(server: dawg.Dawg) -> tuple[int, Any]:
    return await server.json("POST", "/api/generate/beat", json=BEAT, headers=KEY)


@pytest.mark.parametrize(
    ("moment", "table"),
    [
        ("BEFORE UPDATE", "idempotency_keys"),  # the reply
        ("BEFORE INSERT", "procrastinate_jobs"),
        ("BEFORE INSERT", "generations"),
        ("BEFORE INSERT", "budget_reservations"),
    ],
)
async def test_a_request_that_fails_anywhere_leaves_nothing_and_can_be_repeated(
    server: dawg.Dawg, moment: str, table: str
) -> None:
    database = server.services.platform.database
    await server.json("GET", "/api/generate")  # makes ada known
    await database.execute(REFUSES.format(moment=moment, table=table))
    status, body = await ask(server)
    assert status == 500, body
    assert await traces(server) == dict.fromkeys(await traces(server), 0)
    await database.execute("DROP FUNCTION refuse CASCADE")
    assert (await ask(server))[0] == 202
    assert await traces(server) == dict.fromkeys(await traces(server), 1)


async def test_a_request_that_is_sent_often_at_once_makes_one_job_and_one_reply(server: dawg.Dawg) -> None:
    replies = await asyncio.gather(*(ask(server) for _ in range(20)))
    assert {status for status, _ in replies} == {202}
    assert len({body["jobId"] for _, body in replies}) == 1
    assert await traces(server) == dict.fromkeys(await traces(server), 1)
