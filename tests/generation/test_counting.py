"""Counting how often somebody asks for jobs keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.servers import dawg
from tests.servers.valkey import Valkey

BEAT = {"genre": "trap", "bpm": 140, "duration": 8, "provider": "embedded"}
KEY, OTHER_KEY = {"Idempotency-Key": "one"}, {"Idempotency-Key": "two"}


class SlowToCount:
    """In front of a Redis: passes everything on, but what counts jobs only once it may."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self._serve, "127.0.0.1") as server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        redis_reader, redis_writer = await asyncio.open_connection("127.0.0.1", self._port)
        async with asyncio.TaskGroup() as ways:
            ways.create_task(self._pass(reader, redis_writer), name="to redis")
            ways.create_task(self._pass(redis_reader, writer), name="from redis")

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if b"/jobs/" in data:
                    self.asked.set()
                    await self.may.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


async def test_the_row_of_the_user_is_free_while_redis_is_asked(
    database_dsn: str, tmp_path: Path, valkey: Valkey
) -> None:
    between = SlowToCount(valkey.port)
    limits = {"JOBS_PER_MINUTE": "2", "JOB_CONCURRENCY": "0"}
    async with (
        between.running() as url,
        dawg.running(database_dsn, tmp_path, REDIS_URL=url, **limits) as server,
        asyncio.timeout(20),
    ):
        await server.json("GET", "/api/generate")  # the account is made
        for headers in ({}, KEY):
            asking = asyncio.create_task(server.json("POST", "/api/generate/beat", json=BEAT, headers=headers))
            await between.asked.wait()
            async with server.services.platform.database.transaction() as connection:
                await connection.execute("SELECT FROM users WHERE id = 'ada' FOR UPDATE NOWAIT")
            between.may.set()
            assert (await asking)[0] == 202
            between.asked.clear()
            between.may.clear()
        between.may.set()
        assert (await server.json("POST", "/api/generate/beat", json=BEAT))[0] == 429
        # A reply that is known is given however often somebody asks.
        async with server.http.post(
            server.url + "/api/generate/beat", json=BEAT, headers=KEY | server.as_user("ada")
        ) as reply:
            assert (reply.status, reply.headers.get("Idempotency-Replayed")) == (202, "true")
        assert (await server.json("POST", "/api/generate/beat", json=BEAT, headers=OTHER_KEY))[0] == 429
