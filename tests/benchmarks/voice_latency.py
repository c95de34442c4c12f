"""What the relay adds to live speech: 50 sessions, 20 ms frames in both directions at once, against no relay at all.

    python -m tests.benchmarks.voice_latency [sessions] [seconds]

The voice service, which sends sound all the time and notes when frames of the microphone arrive, and the browsers live
in this process, so that one clock measures both directions; the server has a process of its own. Rounds with and
without the relay alternate, because the machine is shared.
"""

from __future__ import annotations

import asyncio
import base64
import os
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop
from aiohttp import web

from tests.servers.dawg import DawgProcess

FRAME = 0.02  # seconds
SILENCE = bytes(960 - 8)  # 20 ms of PCM16 mono at 24 kHz, but for the time in front
ROUNDS = 3
BUDGET_MS = 5.0

WebSocket = aiohttp.ClientWebSocketResponse[Any]


def stamped() -> str:
    """A frame of sound that begins with the time, as base64."""
    return base64.b64encode(struct.pack("<d", time.perf_counter()) + SILENCE).decode()


def age(frame: str, marker: str) -> float | None:
    """Milliseconds since the sound behind `marker` was stamped."""
    position = frame.find(marker)
    if position < 0:
        return None
    start = position + len(marker)
    (sent,) = struct.unpack("<d", base64.b64decode(frame[start : start + 12])[:8])
    return (time.perf_counter() - float(sent)) * 1000


@dataclass
class Delays:
    """Milliseconds, of one round."""

    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)


class Service:
    """Speaks as much of the realtime protocol as a relay needs, and sound without end."""

    def __init__(self) -> None:
        self.delays = Delays()
        self.talking = asyncio.Event()
        self.ready = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        session = {"id": f"sess_{id(socket)}", "model": "bench", "audio": {"output": {"voice": "alloy"}}}
        await socket.send_str(_json("session.created", session=session))
        speaker = asyncio.create_task(self._speak(socket))
        try:
            async for message in socket:
                if (late := age(message.data, '"audio":"')) is not None:
                    self.delays.up.append(late)
                elif '"session.update"' in message.data:
                    self.ready += 1
                    await socket.send_str(_json("session.updated", session=session))
        finally:
            speaker.cancel()
            await asyncio.gather(speaker, return_exceptions=True)
        return socket

    async def _speak(self, socket: web.WebSocketResponse) -> None:
        await self.talking.wait()
        names = {"response_id": f"resp_{id(socket)}", "item_id": f"item_{id(socket)}"}
        await socket.send_str(_json("response.created", response={"id": names["response_id"]}))

        async def send() -> None:
            where = {**names, "output_index": 0, "content_index": 0}
            await socket.send_str(_json("response.output_audio.delta", **where, delta=stamped()))

        await every_frame(send)


async def every_frame(send: Callable[[], Awaitable[None]]) -> None:
    """Until it is cancelled, beginning anywhere within a frame's time."""
    due = time.perf_counter() + int.from_bytes(os.urandom(2)) / 65536 * FRAME
    while True:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await send()
        due += FRAME


def _json(kind: str, **fields: Any) -> str:
    return orjson.dumps({"type": kind, "event_id": "event_1", **fields}).decode()


async def direct(http: aiohttp.ClientSession, url: str, _: int) -> tuple[WebSocket, str, str]:
    """A browser that talks with the service itself: its socket, and what stands before and behind the sound it sends."""
    socket = await http.ws_connect(f"{url}/realtime?model=bench")
    await socket.send_str(_json("session.update", session={}))
    return socket, '{"type":"input_audio_buffer.append","audio":"', '"}'


async def relayed(http: aiohttp.ClientSession, url: str, number: int) -> tuple[WebSocket, str, str]:
    """The same through the server."""
    socket = await http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0)
    await socket.receive_str()
    await socket.send_str(f'40/voice,{{"userId":"user-{number}"}}')
    await socket.receive_str()
    await socket.send_str('42/voice,["start-realtime",{}]')
    while "realtime-started" not in await socket.receive_str():
        pass
    return socket, '42/voice,["send-audio",{"audio":"', '"}]'


async def round_trip(
    service: Service,
    connect: Callable[..., Awaitable[tuple[WebSocket, str, str]]],
    url: str,
    count: int,
    seconds: float,
) -> Delays:
    service.talking.clear()
    service.ready = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        sockets = [await connect(http, url, number) for number in range(count)]
        while service.ready < count:
            await asyncio.sleep(0.01)
        delays = service.delays = Delays()

        async def listen(socket: WebSocket) -> None:
            marker = '"audio":"' if connect is relayed else '"delta":"'
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                if (late := age(message.data, marker)) is not None:
                    delays.down.append(late)

        def talk(socket: WebSocket, head: str, tail: str) -> Awaitable[None]:
            return every_frame(lambda: socket.send_str(head + stamped() + tail))

        service.talking.set()
        tasks = [asyncio.create_task(listen(socket)) for socket, _, _ in sockets]
        tasks += [asyncio.ensure_future(talk(*each)) for each in sockets]
        await asyncio.sleep(1.0)
        delays.up.clear()
        delays.down.clear()
        await asyncio.sleep(seconds)
        found = Delays(list(delays.up), list(delays.down))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket, _, _ in sockets))
    return found


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/v1/realtime", service.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(name: str, delays: Delays) -> dict[str, tuple[float, float]]:
    found = {}
    for direction in ("up", "down"):
        values = getattr(delays, direction)
        cuts = statistics.quantiles(values, n=100)
        found[direction] = (cuts[49], cuts[98])
        print(f"{name:8} {direction:5} {len(values):7} frames  p50 {cuts[49]:6.2f} ms  p99 {cuts[98]:6.2f} ms")
    return found


async def main(count: int, seconds: float) -> None:
    service = Service()
    added: dict[str, list[tuple[float, float]]] = {"up": [], "down": []}
    with tempfile.TemporaryDirectory() as folder:
        async with serving(service) as url:
            keys = {"OPENAI_API_KEY": "sk-of-the-benchmark", "OPENAI_BASE_URL": url, "LOG_LEVEL": "warning"}
            async with DawgProcess(Path(folder), **keys) as server:
                for number in range(ROUNDS):
                    print(f"round {number + 1}")
                    without = show("direct", await round_trip(service, direct, url, count, seconds))
                    cpu, clock = cpu_seconds(server.pid), time.perf_counter()
                    through = show("relayed", await round_trip(service, relayed, server.url, count, seconds))
                    share = (cpu_seconds(server.pid) - cpu) / (time.perf_counter() - clock)
                    print(f"server: {share:.0%} of a core, starts of the sessions included")
                    for direction, figures in added.items():
                        figures.append(
                            (
                                through[direction][0] - without[direction][0],
                                through[direction][1] - without[direction][1],
                            )
                        )
    print()
    for direction, figures in added.items():
        p50, p99 = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{direction:5} the relay adds p50 {p50:.2f} ms, p99 {p99:.2f} ms (budget {BUDGET_MS:g} ms)")


if __name__ == "__main__":
    numbers = [float(argument) for argument in sys.argv[1:]]
    uvloop.run(main(int(numbers[0]) if numbers else 50, numbers[1] if len(numbers) > 1 else 8.0))
