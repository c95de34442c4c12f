"""What it costs that people are on different replicas: `python -m tests.benchmarks.cluster_latency [seconds]`

Three replicas, Postgres and Redis on this machine. Times are milliseconds from the emit of one person to the event at
another; each figure stands beside that of two people on one replica, measured in the same run. Then what a request
costs that a balancer sends to the wrong replica, beside one that comes to the right one.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from tests.cluster.topology import Cluster
from tests.javascript import runtime

RATES = {"edit": 20, "cursor": 60}  # events a second, each kind from a socket of its own
ROUND_TRIPS = 300
BUDGET_MS = 25.0  # the 99th percentile across replicas


class Person:
    """A websocket that has opened the project."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[Any], sid: str) -> None:
        self.websocket, self.sid = websocket, sid
        self.heard: dict[str, float] = {}  # when what arrived
        self.reader = asyncio.create_task(self._read())
        self.acks = 0

    @classmethod
    async def enter(cls, http: aiohttp.ClientSession, url: str, user: str, project: str) -> Person:
        websocket = await http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0)
        sid = json.loads((await websocket.receive_str())[1:])["sid"]
        await websocket.send_str("40" + json.dumps({"userId": user}))
        await websocket.receive_str()
        person = cls(websocket, sid)
        await websocket.send_str('420["join:project",' + json.dumps({"projectId": project}) + "]")
        while not person.acks:
            await asyncio.sleep(0.01)
        return person

    async def leave(self) -> None:
        await self.websocket.close()
        await self.reader

    async def _read(self) -> None:
        async for message in self.websocket:
            now = time.perf_counter()
            if message.data == "2":
                await self.websocket.send_str("3")
            elif message.data.startswith("42["):
                name, news = json.loads(message.data[2:])
                if name == "track:updated":
                    self.heard[news["changes"]["name"]] = now
                elif name == "cursor:moved":
                    self.heard[f"cursor {news['position']['x']}"] = now
            elif message.data.startswith("43"):
                self.acks += 1


async def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        variables = {"SOCKET_CHANGES_PER_SECOND": "1000", "SOCKET_RELAYS_PER_SECOND": "1000", "JOB_CONCURRENCY": "0"}
        async with Cluster(Path(folder), runtime.prepare(), {}, **variables) as cluster:
            project = await cluster.project("ada", "bob")
            _, track = await cluster.json("POST", "/api/tracks", json={"projectId": project, "name": "0"})
            here, there = cluster.replicas[0].url, cluster.replicas[1].url
            for _ in range(2):  # the first round warms everything up
                same = await _reach(cluster.http, here, here, project, track["id"], seconds)
                across = await _reach(cluster.http, here, there, project, track["id"], seconds)
            for kind in ("edit", "cursor"):
                one, two = same[kind], across[kind]
                print(f"{kind:<7} one replica  p50 {_p(one, 50):6.2f}  p99 {_p(one, 99):6.2f} ms")
                print(
                    f"{kind:<7} two replicas p50 {_p(two, 50):6.2f}  p99 {_p(two, 99):6.2f} ms"
                    f"   p50 x {_p(two, 50) / _p(one, 50):.2f}, {BUDGET_MS:.0f} ms allowed at p99"
                )
            await _forwarding(cluster.http, here, there)


async def _reach(
    http: aiohttp.ClientSession, here: str, there: str, project: str, track: str, seconds: float
) -> dict[str, list[float]]:
    """Milliseconds by kind."""
    listener = await Person.enter(http, there, "bob", project)
    writers = [await Person.enter(http, here, "ada", project) for _ in RATES]
    sent: dict[str, dict[str, float]] = {kind: {} for kind in RATES}

    async def write(kind: str, writer: Person) -> None:
        begun = time.perf_counter()
        for number in range(int(seconds * RATES[kind])):
            await asyncio.sleep(max(0.0, begun + number / RATES[kind] - time.perf_counter()))
            name = f"edit {begun} {number}" if kind == "edit" else f"cursor {number}"
            event = (
                ["track:update", {"projectId": project, "trackId": track, "changes": {"name": name}}]
                if kind == "edit"
                else ["cursor:move", {"projectId": project, "position": {"x": number}}]
            )
            sent[kind][name] = time.perf_counter()
            await writer.websocket.send_str("42" + json.dumps(event))

    await asyncio.gather(*(write(kind, writer) for kind, writer in zip(RATES, writers, strict=True)))
    async with asyncio.timeout(10):
        while len(listener.heard) < sum(map(len, sent.values())):
            await asyncio.sleep(0.01)
    for person in (*writers, listener):
        await person.leave()
    return {
        kind: [(listener.heard[name] - moment) * 1000 for name, moment in moments.items()]
        for kind, moments in sent.items()
    }


async def _forwarding(http: aiohttp.ClientSession, here: str, there: str) -> None:
    async with http.get(f"{there}/socket.io/?EIO=4&transport=polling") as reply:
        sid = json.loads((await reply.text())[1:])["sid"]
    async with http.post(f"{there}/socket.io/?EIO=4&transport=polling&sid={sid}", data="40") as reply:
        await reply.read()

    def posts(url: str) -> Callable[[], Any]:
        async def post() -> None:
            async with http.post(f"{url}/socket.io/?EIO=4&transport=polling&sid={sid}", data="3") as reply:
                assert await reply.text() == "OK"

        return post

    right, wrong = await _alternating(posts(there), posts(here))
    print(f"a poll  right replica p50 {right:6.2f}  wrong replica p50 {wrong:6.2f} ms   x {wrong / right:.2f}")
    sockets = [await _upgraded(http, there, url) for url in (there, here)]

    def pings(socket: aiohttp.ClientWebSocketResponse[Any]) -> Callable[[], Any]:
        async def ping() -> None:
            await socket.send_str("2x")
            while await socket.receive_str() != "3x":
                pass

        return ping

    right, wrong = await _alternating(pings(sockets[0]), pings(sockets[1]))
    print(f"a frame right replica p50 {right:6.2f}  wrong replica p50 {wrong:6.2f} ms   x {wrong / right:.2f}")
    for socket in sockets:
        await socket.close()


async def _upgraded(http: aiohttp.ClientSession, home: str, through: str) -> aiohttp.ClientWebSocketResponse[Any]:
    async with http.get(f"{home}/socket.io/?EIO=4&transport=polling") as reply:
        sid = json.loads((await reply.text())[1:])["sid"]
    socket = await http.ws_connect(f"{through}/socket.io/?EIO=4&transport=websocket&sid={sid}")
    await socket.send_str("2probe")
    await socket.receive_str()
    await socket.send_str("5")
    await socket.send_str("40")
    await socket.receive_str()
    return socket


async def _alternating(one: Callable[[], Any], two: Callable[[], Any]) -> tuple[float, float]:
    """The medians of both in milliseconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUND_TRIPS):
        for action, kept in zip((one, two), times, strict=True):
            begun = time.perf_counter()
            await action()
            kept.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


def _p(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0))
