"""Edits over sockets: how long from one person's frame to the other's screen, how many drags a project takes, and how
long a project at its bounds holds the loop.

    python -m tests.benchmarks.editing

One server in a process of its own with its embedded Postgres. The yardstick is on the same machine at the same time:
round trips of `/health/live`. Processor seconds are told as well, of the server and of its Postgres: they say how long
it takes where nobody else is at work.
"""

from __future__ import annotations

import asyncio
import io
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import psutil
import socketio

from tests.archives import packages
from tests.servers.dawg import DawgProcess

PROJECTS, EDITS, SECONDS = 20, 200, 10.0  # projects, edits a second, and for how long
DRAGS, MOVES = 20, 500  # people who drag at once, and how often each fader moves
CLIPS, NOTES = 10_000, 20  # of the large project, and of each of its clips


class Person:
    """Somebody with a project open."""

    def __init__(self) -> None:
        self.page = socketio.AsyncSimpleClient()
        self.told: dict[float, float] = {}

    async def enter(self, url: str, project_id: str) -> Person:
        await self.page.connect(url, auth={"userId": "ada"}, transports=["websocket"])
        self.page.client.on("track:updated", self._hear)
        await self.page.call("join:project", {"projectId": project_id})
        return self

    def _hear(self, told: dict[str, Any]) -> None:
        self.told[told["changes"].get("volume", -1)] = time.perf_counter()


async def main() -> None:
    folder = Path(tempfile.mkdtemp())
    async with (
        DawgProcess(folder, REQUESTS_PER_MINUTE="100000", SOCKET_CHANGES_PER_SECOND="1000") as server,
        aiohttp.ClientSession(headers={"X-User-Id": "ada", "Accept-Encoding": "identity"}) as http,
    ):
        await _latency(server, http)
        await _drags(server, http)
        await _large(server, http)


async def _project(url: str, http: aiohttp.ClientSession, tracks: int = 1) -> tuple[str, list[str]]:
    async with http.post(f"{url}/api/projects", json={"name": "Song"}) as reply:
        id = (await reply.json())["id"]
    made = []
    for _ in range(tracks):
        async with http.post(f"{url}/api/tracks", json={"projectId": id, "name": "t"}) as reply:
            made.append((await reply.json())["id"])
    return id, made


def _processor(pid: int) -> tuple[float, float]:
    """Seconds of a process, and of all below it."""
    process = psutil.Process(pid)
    below = [sum(each.cpu_times()[:4]) for each in process.children(recursive=True)]
    return sum(process.cpu_times()[:2]), sum(below)


async def _latency(server: DawgProcess, http: aiohttp.ClientSession) -> None:
    url, pairs, bare = server.url, [], []
    for _ in range(PROJECTS):
        id, (track,) = await _project(url, http)
        pairs.append((id, track, await Person().enter(url, id), await Person().enter(url, id)))
    found: list[float] = []

    async def edit(number: int) -> None:
        id, track, one, other = pairs[number % PROJECTS]
        volume, started = (number + 1) / 10_000, time.perf_counter()
        await one.page.call("track:update", {"projectId": id, "trackId": track, "changes": {"volume": volume}})
        for _ in range(1000):
            if volume in other.told:
                found.append(other.told[volume] - started)
                return
            await asyncio.sleep(0.002)

    before = _processor(server.pid)
    async with asyncio.TaskGroup() as group:
        for number in range(int(EDITS * SECONDS)):
            group.create_task(edit(number))
            if number % 10 == 0:
                started = time.perf_counter()
                async with http.get(f"{url}/health/live") as reply:
                    await reply.read()
                bare.append(time.perf_counter() - started)
            await asyncio.sleep(1 / EDITS)
    assert len(found) == int(EDITS * SECONDS), "edits were lost"
    each = [1000 * (now - then) / len(found) for now, then in zip(_processor(server.pid), before, strict=True)]
    print(f"processor for an edit: {each[0]:.2f} ms of the server, {each[1]:.2f} ms of Postgres")
    _print(f"{EDITS} edits/s over {PROJECTS} projects, frame to the other's screen", found, bare)


async def _drags(server: DawgProcess, http: aiohttp.ClientSession) -> None:
    url = server.url
    id, tracks = await _project(url, http, DRAGS)
    people = [await Person().enter(url, id) for _ in tracks]
    acks = 0

    def count(ack: dict[str, Any]) -> None:
        nonlocal acks
        assert ack["success"], ack
        acks += 1

    started = time.perf_counter()
    for number in range(MOVES):
        for person, track in zip(people, tracks, strict=True):
            payload = {"projectId": id, "trackId": track, "changes": {"volume": (number + 1) / MOVES}, "gesture": track}
            await person.page.client.emit("track:update", payload, callback=count)
        await asyncio.sleep(max(0.0, started + number * DRAGS / 1000 - time.perf_counter()))
    while acks < DRAGS * MOVES:
        await asyncio.sleep(0.01)
    took = time.perf_counter() - started
    async with http.get(f"{url}/api/projects/{id}") as reply:
        shown = await reply.json()
    assert all(track["volume"] == 1 for track in shown["tracks"]), "moves were lost"
    operations = shown["revision"] - DRAGS
    print(f"{DRAGS * MOVES / took:,.0f} moves/s of faders in one project: none lost, {operations} operations")


async def _large(server: DawgProcess, http: aiohttp.ClientSession) -> None:
    url = server.url
    song = packages.song()
    track = {**song["tracks"][0], "trackType": "MIDI"}
    notes = {"notes": [{"pitch": 60, "start": n / 4, "duration": 0.25, "velocity": 90} for n in range(NOTES)]}
    clip = {**song["clips"][0], "trackId": track["id"], "midiData": notes}
    clips = [{**clip, "id": str(uuid.uuid4()), "startTime": n / 2, "duration": 0.5} for n in range(CLIPS)]
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(packages.made({**song, "tracks": [track], "clips": clips})), filename="song.zip")
    made = await _watched("importing", server, http, lambda: _read(http.post(f"{url}/api/projects/import", data=form)))
    project = orjson.loads(made)["project"]
    id, track_id = project["id"], project["tracks"][0]["id"]
    await _watched("opening", server, http, lambda: _read(http.get(f"{url}/api/projects/{id}")))
    await _watched("deleting the track", server, http, lambda: _read(http.delete(f"{url}/api/tracks/{track_id}")))
    await _watched("undoing that", server, http, lambda: _read(http.post(f"{url}/api/projects/{id}/undo", json={})))


async def _read(request: Any) -> bytes:
    """Not understood here, which would hold the loop of who asks meanwhile."""
    async with request as reply:
        assert reply.status < 300, await reply.text()
        return bytes(await reply.read())


async def _watched(
    what: str, server: DawgProcess, http: aiohttp.ClientSession, work: Callable[[], Awaitable[bytes]]
) -> bytes:
    """Does it, while somebody else asks whether the server lives."""
    waits: list[float] = []

    async def ask() -> None:
        while True:
            started = time.perf_counter()
            async with http.get(f"{server.url}/health/live") as reply:
                await reply.read()
            waits.append(time.perf_counter() - started)
            await asyncio.sleep(0.005)

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0.2)
    bare, waits = list(waits), []
    before = _processor(server.pid)
    started = time.perf_counter()
    found = await work()
    took = time.perf_counter() - started
    asking.cancel()
    spent = [now - then for now, then in zip(_processor(server.pid), before, strict=True)]
    print(
        f"{CLIPS:,} clips, {CLIPS * NOTES:,} notes: {what} took {took:.2f} s, of the processor {spent[0]:.2f} s in the "
        f"server and {spent[1]:.2f} s in Postgres and workers"
    )
    _print("  /health/live meanwhile", waits, bare)
    return found


def _print(what: str, found: list[float], bare: list[float]) -> None:
    p50, p99 = statistics.median(found), sorted(found)[int(len(found) * 0.99)]
    yardstick = statistics.median(bare)
    print(
        f"{what}: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, longest {max(found) * 1000:.0f} ms"
        f" ({p50 / yardstick:.1f} and {p99 / yardstick:.1f} × a round trip of /health/live)",
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(main())
