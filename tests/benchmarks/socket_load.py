"""Load for the socket benchmarks: websocket clients that count bytes and parse next to nothing."""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@dataclass
class Measured:
    wall: float  # seconds
    cpu: float  # seconds of the server's processor


@dataclass
class Server:
    port: int

    def cpu(self) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/cpu", timeout=30) as reply:
            return float(json.load(reply))


@contextmanager
def server(kind: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.socket_server", kind],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Server(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


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
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.send(HANDSHAKE)
        self.send(frame("40"))

    def data_received(self, data: bytes) -> None:
        if self.on_data is not None:
            self.on_data(self, data)
            return
        self._seen += data
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
