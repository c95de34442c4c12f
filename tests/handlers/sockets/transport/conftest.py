"""A server on a free loopback port, and clients that do what the official one never would."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from dawg_server import settings
from handlers.addresses import Addresses
from handlers.sockets import transport
from tests import patience

ORIGIN = "https://dawg-ai.com"

Serve = Callable[..., Awaitable["Running"]]


def addresses(*origins: str) -> Addresses:
    """Lets pages of these origins in, besides those of the server itself."""
    return Addresses(dataclasses.replace(settings.load({}), cors_origins=origins))


@dataclass
class Running:
    server: transport.Server
    runner: web.AppRunner
    port: int
    slow: list[tuple[str, str]]  # clients that were closed as slow

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"{self.url}/socket.io/?EIO=4&transport=websocket"

    async def stop(self, grace: float = 1.0) -> None:
        await self.server.close(grace)
        await self.runner.cleanup()
        if self.server.eio.forwarder is not None:
            await self.server.eio.forwarder.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server that `register` has put handlers on; keywords go to `Server`."""
    started: list[Running] = []

    async def start(register: Callable[[transport.Server], Any] | None = None, **options: Any) -> Running:
        slow: list[tuple[str, str]] = []
        usual = {"addresses": addresses(ORIGIN), "on_slow_client": lambda *who: slow.append(who)}
        server = transport.Server(**{**usual, **options})
        if register is not None:
            register(server)
        app = web.Application()
        server.attach(app)
        runner = web.AppRunner(app, shutdown_timeout=0.05)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        started.append(Running(server, runner, runner.addresses[0][1], slow))
        return started[-1]

    yield start
    for running in started:
        await running.stop(grace=0.05)


@dataclass
class RawClient:
    """A websocket that says exactly what it is told to."""

    session: aiohttp.ClientSession
    websocket: aiohttp.ClientWebSocketResponse
    pings: int = 0  # that were answered

    async def send(self, text: str) -> None:
        await self.websocket.send_str(text)

    async def receive(self) -> str:
        """The next packet; pings are answered while it waits."""
        while True:
            text = await self.websocket.receive_str(timeout=patience.SECONDS)
            if text != "2":
                return str(text)
            await self.send("3")
            self.pings += 1

    async def join(self, namespace: str = "/") -> str:
        await self.send("40" if namespace == "/" else f"40{namespace},")
        answer = await self.receive()
        return str(json.loads(answer[answer.index("{") :])["sid"])


@pytest.fixture
async def raw() -> AsyncIterator[Callable[[Running], Awaitable[RawClient]]]:
    async with aiohttp.ClientSession() as session:

        async def connect(running: Running) -> RawClient:
            websocket = await session.ws_connect(running.websocket_url, max_msg_size=0)
            client = RawClient(session, websocket)
            assert (await client.receive()).startswith("0{")
            return client

        yield connect


@dataclass
class StalledClient:
    """Joins a namespace and then leaves everything unread in the smallest buffer that the system grants."""

    reader: socket.socket

    async def read_all(self) -> bytes:
        """Everything until the end of the connection.

        What the kernel holds would come in pieces as small as the buffer, each of which waits for its turn on the loop.
        After a long pause the first comes late (RFC 9293, 3.8.6.1).
        """
        self.reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        loop = asyncio.get_running_loop()
        received = b""
        async with asyncio.timeout(patience.SECONDS):
            while True:
                try:
                    chunk = await loop.sock_recv(self.reader, 2**20)
                except ConnectionError:
                    return received
                if not chunk:
                    return received
                received += chunk


@pytest.fixture
async def stalled() -> AsyncIterator[Callable[[Running], Awaitable[StalledClient]]]:
    opened: list[socket.socket] = []

    async def connect(running: Running) -> StalledClient:
        loop = asyncio.get_running_loop()
        connection = socket.socket()
        opened.append(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        await loop.sock_connect(connection, ("127.0.0.1", running.port))
        request = (
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await loop.sock_sendall(connection, request.encode())
        await loop.sock_sendall(connection, b"\x81\x82\x00\x00\x00\x0040")  # a masked text frame, "40"
        received = b""
        while b'40{"sid"' not in received:
            received += await asyncio.wait_for(loop.sock_recv(connection, 4096), patience.SECONDS)
        return StalledClient(connection)

    yield connect
    for connection in opened:
        connection.close()
