"""What an idle server weighs, how fast it starts, and what a beat costs: `python -m tests.benchmarks.footprint`.

Memory is the proportional set size (pages shared by several processes are counted once in all), times are wall clock.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp
import psutil

from tests.servers.dawg import DawgProcess

BEAT = {"genre": "drum and bass", "duration": 30}
IDLE_SECONDS = 5.0


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = DawgProcess(Path(folder))
        cold = await _timed(server.start())
        await server.stop()
        warm = await _timed(server.start())
        await asyncio.sleep(IDLE_SECONDS)
        own, database = _memory(server.pid)
        print(f"start: {cold:.2f} s with a new database, {warm:.2f} s after that")
        print(f"idle:  {own + database:.1f} MiB = server {own:.1f} + Postgres {database:.1f}")
        async with aiohttp.ClientSession() as http:
            alone = await _beat(http, server.url)
            print(f"beat:  {BEAT['duration']} s of {BEAT['genre']} in {alone:.2f} s, files and measuring included")
            quiet = await _latencies(http, server.url, asyncio.create_task(asyncio.sleep(3)))
            busy = await _latencies(http, server.url, asyncio.create_task(_beats(http, server.url, 4)))
        print(f"/health p99: {quiet * 1000:.1f} ms idle, {busy * 1000:.1f} ms while 4 beats render")
        await server.stop()


async def _timed(work: object) -> float:
    clock = time.perf_counter()
    await work  # type: ignore[misc]
    return time.perf_counter() - clock


async def _beat(http: aiohttp.ClientSession, url: str) -> float:
    clock = time.perf_counter()
    async with http.post(f"{url}/api/generate/beat?wait=50", json=BEAT) as reply:
        assert reply.status == 200, await reply.text()
    return time.perf_counter() - clock


async def _beats(http: aiohttp.ClientSession, url: str, count: int) -> None:
    await asyncio.gather(*(_beat(http, url) for _ in range(count)))


async def _latencies(http: aiohttp.ClientSession, url: str, meanwhile: asyncio.Task[None]) -> float:
    """The 99th percentile of /health in seconds, while the task runs."""
    taken: list[float] = []
    while not meanwhile.done():
        clock = time.perf_counter()
        async with http.get(f"{url}/health") as reply:
            await reply.read()
        taken.append(time.perf_counter() - clock)
        await asyncio.sleep(0.01)
    await meanwhile
    return statistics.quantiles(taken, n=100)[98]


def _memory(pid: int) -> tuple[float, float]:
    """MiB of (the server itself, its Postgres)."""
    server = psutil.Process(pid)
    mib = 1024 * 1024
    return server.memory_full_info().pss / mib, sum(
        child.memory_full_info().pss for child in server.children(recursive=True)
    ) / mib


if __name__ == "__main__":
    asyncio.run(main())
