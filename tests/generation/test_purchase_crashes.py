"""`kill -9` at every stage of a purchase: what was paid for is never bought twice."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.generation import outside
from tests.servers import dawg
from tests.simulators import replicate, suno

BEAT = {"genre": "trap", "duration": 5, "provider": "replicate"}
SONG = {"prompt": "a slow sunrise", "provider": "suno"}


class Client:
    """Talks to a server that dies now and then."""

    def __init__(self, server: dawg.DawgProcess, http: aiohttp.ClientSession) -> None:
        self._server, self._http = server, http

    async def ask(self, path: str, body: dict[str, Any]) -> str:
        async with self._http.post(f"{self._server.url}/api/generate/{path}", json=body) as reply:
            accepted = await reply.json()
            assert reply.status == 202, accepted
            return str(accepted["jobId"])

    async def status(self, job: str) -> dict[str, Any]:
        async with self._http.get(f"{self._server.url}/api/generate/status/{job}") as reply:
            return dict((await reply.json())["status"])

    async def ended(self, job: str) -> dict[str, Any]:
        async with asyncio.timeout(40):
            while (found := await self.status(job))["state"] not in ("completed", "failed"):
                await asyncio.sleep(0.1)
        return found

    async def spent(self) -> dict[str, Any]:
        async with self._http.get(f"{self._server.url}/api/cost-monitoring/usage-logs?limit=100") as reply:
            return dict(await reply.json())


@pytest.mark.long
async def test_a_server_that_is_killed_anywhere_buys_everything_once(scratch_folder: Path) -> None:
    port = dawg.free_port()
    async with (
        replicate.ReplicateSimulator(token=outside.REPLICATE_KEY) as music,
        suno.SunoSimulator(key=outside.SUNO_KEY) as songs,
        aiohttp.ClientSession() as http,
    ):
        variables = outside.environment(music, songs) | {
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "JOB_CONCURRENCY": "8",
            "CPU_WORKERS": "1",
            "JOBS_RUNNING_PER_USER": "20",
        }
        async with dawg.DawgProcess(scratch_folder, **variables) as server:
            client = Client(server, http)
            music.plan(create="hang")
            before = await client.ask("beat", BEAT)
            await outside.until(lambda: len(music.creations) == 1)
            music.plan(outside.output(), create="hang when made")
            unanswered = await client.ask("beat", BEAT)
            await outside.until(lambda: len(music.predictions) == 1)
            music.plan(outside.output(), hold=True)
            waiting = await client.ask("beat", BEAT)
            polled = await outside.until(lambda: next((p for p in music.predictions if p.plan.hold and p.reads), None))
            slow = outside.output(slow=30.0)
            music.plan(slow)
            copying = await client.ask("beat", BEAT)
            songs.plan(outside.song(), outside.song(), create="hang when made", hold=True, durations=(5.0, 5.0))
            unheard = await client.ask("music", SONG)
            await outside.until(lambda: len(songs.tasks) == 1)
            songs.plan(outside.song(), outside.song(), hold=True, durations=(5.0, 5.0))
            sung = await client.ask("music", SONG)
            await outside.until(lambda: len(songs.tasks) == 2 and songs.tasks[1].reads)
            await outside.until(lambda: slow.downloads)

            await server.stop(signal.SIGKILL)
            slow.slow = 0.0
            music.plan(outside.output())  # for the purchase that was never made
            await server.start()
            await outside.until(lambda: polled.reads >= 2)
            assert await server.stop() == 0  # a polite stop in the middle is no reason to buy either
            await server.start()

            music.start(polled)
            music.finish(polled)
            await asyncio.sleep(0.5)
            for task in songs.tasks:
                await songs.move(task, "SUCCESS")
            jobs = [before, unanswered, waiting, copying, unheard, sung]
            states = [(await client.ended(job))["state"] for job in jobs]
            assert states == ["completed"] * 6
            assert (len(music.predictions), len(music.creations)) == (4, 5)
            assert (len(songs.tasks), len(songs.creations)) == (2, 2)

            music.plan(outside.output())
            storing = await client.ask("beat", BEAT)
            files = scratch_folder / "data" / "files"
            stored = len(list(files.rglob("*")))
            await outside.until(lambda: len(list(files.rglob("*"))) > stored)
            await server.stop(signal.SIGKILL)
            await server.start()
            assert (await client.ended(storing))["state"] == "completed"
            assert len(music.predictions) == 5
            rows = (await client.spent())["logs"]
            assert len(rows) == len({row["requestId"] for row in rows}) == 7
