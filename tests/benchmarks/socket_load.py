"""Load for the socket benchmarks: websocket clients that count bytes and parse next to nothing."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.javascript import runtime

PEER = Path(__file__).parent / "node"

HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@dataclass
class Measured:
    wall: float  # seconds
    cpu: float  # seconds of the server's processor


async def compare(
    what: str, measure: Callable[[str], Awaitable[tuple[float, float]]], *, target: float, rounds: int = 5
) -> None:
    """Measures ours and a peer in alternating rounds, and prints the medians and the median ratio.

    `measure` returns how much is done in a second of the server's processor, and in one of the clock. The former is
    what is compared, so that it does not matter what else the machine is doing.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", choices=("node", "stock"), default="node")
    parser.add_argument("--rounds", type=int, default=rounds)
    chosen = parser.parse_args()
    found: list[tuple[float, float]] = []
    for number in range(chosen.rounds):
        order = (chosen.peer, "ours") if number % 2 else ("ours", chosen.peer)
        got = {kind: await measure(kind) for kind in order}
        (peer, peer_wall), (ours, ours_wall) = got[chosen.peer], got["ours"]
        found.append((peer, ours))
        print(
            f"round {number + 1}: {chosen.peer} {peer:9,.0f} ({peer_wall:9,.0f} by the clock), "
            f"ours {ours:9,.0f} ({ours_wall:9,.0f}), ratio {ours / peer:.2f} ({ours_wall / peer_wall:.2f})",
            flush=True,
        )
    ratio = statistics.median(ours / peer for peer, ours in found)
    peer, ours = (statistics.median(values) for values in zip(*found, strict=True))
    print(
        f"{what}: {chosen.peer} {peer:,.0f}, ours {ours:,.0f} per processor second, ratio {ratio:.2f} (goal {target})"
    )


@dataclass
class Server:
    port: int

    def cpu(self) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/cpu", timeout=30) as reply:
            return float(json.load(reply))


@contextmanager
def server(kind: str) -> Iterator[Server]:
    """`ours`, `stock` (python-socketio as it comes) or `node` (Socket.IO for Node), in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.socket_server", kind]
    if kind == "node":
        command = [str(runtime.prepare(PEER)), str(PEER / "server.mjs")]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        yield Server(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


@contextmanager
def measured(target: Server) -> Iterator[Measured]:
    result = Measured(0, 0)
    cpu, wall = target.cpu(), time.perf_counter()
    yield result
    result.wall = time.perf_counter() - wall
    result.cpu = target.cpu() - cpu


class Client(asyncio.Protocol):
    """Joins `/`, then hands every chunk of bytes to `on_data`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.joined = asyncio.get_running_loop().create_future()
        self.on_data: Callable[[Client, bytes], None] | None = None
        self._opened = False
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.send(HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        if self.on_data is not None:
            self.on_data(self, data)
            return
        self._seen += data
        if not self._opened and b'0{"sid"' in self._seen:
            self._opened = True
            self.send(frame("40"))
        if b'40{"sid"' in self._seen and not self.joined.done():
            self.joined.set_result(None)

    def abort(self) -> None:
        assert self.transport is not None
        self.transport.abort()

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


def frame(text: str) -> bytes:
    """A masked text frame; the mask is zero."""
    payload = text.encode()
    length = struct.pack(">B", 0x80 | len(payload)) if len(payload) < 126 else struct.pack(">BH", 0xFE, len(payload))
    return b"\x81" + length + b"\x00\x00\x00\x00" + payload


async def connect(target: Server, count: int) -> list[Client]:
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    for start in range(0, count, 50):
        group = [
            (await loop.create_connection(Client, "127.0.0.1", target.port))[1]
            for _ in range(start, min(count, start + 50))
        ]
        await asyncio.wait_for(asyncio.gather(*(client.joined for client in group)), 30)
        clients += group
    return clients
