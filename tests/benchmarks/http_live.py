"""The smallest answer through everything that surrounds an answer: `GET /health/live` of the whole server, against
Express with helmet, cors and compression.

    python -m tests.benchmarks.http_live

64 connections that each ask again when they have been answered. What is compared is answers per second of the server's
processor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psutil
import uvloop

from tests.benchmarks.socket_load import PEER, compare
from tests.javascript import runtime
from tests.servers.dawg import PROJECT, free_port

CONNECTIONS = 64
WARM_UP, REQUESTS = 3_000, 30_000
TARGET = 3.0
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n\r\n"


class Client(asyncio.Protocol):
    """Asks again as soon as it has been answered, while there is something left to ask."""

    def __init__(self, left: list[int], done: asyncio.Event) -> None:
        self._left, self._done = left, done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def ask(self) -> None:
        self._transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        assert data.startswith(b"HTTP/1.1 200"), data
        self._left[0] -= 1
        if self._left[0] >= CONNECTIONS:
            self.ask()
        elif self._left[0] == 0:
            self._done.set()

    def close(self) -> None:
        self._transport.abort()


async def load(port: int, requests: int) -> None:
    left, done = [requests], asyncio.Event()
    connect = asyncio.get_running_loop().create_connection
    clients = [(await connect(lambda: Client(left, done), "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]
    for client in clients:
        client.ask()
    await asyncio.wait_for(done.wait(), 300)
    for client in clients:
        client.close()


@contextlib.contextmanager
def server(kind: str) -> Iterator[tuple[int, psutil.Process]]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o777)
        if kind == "node":
            command, port = [str(runtime.prepare(PEER)), str(PEER / "server.mjs")], 0
        else:
            command, port = [sys.executable, "-m", "dawg_server"], free_port()
        environment = {**os.environ, "DATA_DIR": folder, "PORT": str(port), "JOB_CONCURRENCY": "0"}
        with subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if kind == "node":
                    port = int(line)
                    break
                if '"listening"' in line:
                    break
            else:
                raise RuntimeError(f"{kind} does not start")
            try:
                yield port, psutil.Process(process.pid)
            finally:
                process.terminate()


async def answers(kind: str) -> tuple[float, float]:
    """Answers per second of the server's processor, and of the clock."""
    with server(kind) as (port, process):
        await load(port, WARM_UP)
        cpu, wall = sum(process.cpu_times()[:2]), time.perf_counter()
        await load(port, REQUESTS)
        cpu, wall = sum(process.cpu_times()[:2]) - cpu, time.perf_counter() - wall
    return REQUESTS / cpu, REQUESTS / wall


if __name__ == "__main__":
    uvloop.run(compare("GET /health/live", answers, target=TARGET, rounds=3))
