"""A closed server leaves nothing behind: no task, no connection, no warning."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from handlers.sockets import transport
from tests import patience
from tests.handlers.sockets.transport.conftest import RawClient, Running, Serve, StalledClient
from tests.javascript.client import JavaScript


async def test_everyone_is_disconnected_and_no_task_remains(
    serve: Serve, javascript: JavaScript, stalled: Callable[[Running], Awaitable[StalledClient]]
) -> None:
    left: list[str] = []

    def register(server: transport.Server) -> None:
        async def disconnect(sid: str, reason: str) -> None:
            await asyncio.sleep(0)
            left.append(reason)

        async def endless(sid: str, data: Any) -> None:
            await asyncio.Event().wait()

        server.on("disconnect", disconnect)
        server.on("endless", endless)

    before = asyncio.all_tasks()
    running = await serve(register)
    ways = [["websocket"], ["polling"], ["polling", "websocket"]]
    clients = [await javascript.connect(running.url, transports=way) for way in ways]
    await stalled(running)
    running.server.broadcast("filling", "." * 1_000_000)
    await clients[0].emit("endless")
    await patience.until(lambda: len(running.server.manager.tasks.running) == 1)
    async with asyncio.timeout(patience.SECONDS):
        await running.stop(grace=0.05)
    for client in clients:
        # Not “io server disconnect”, after which a client would not come back by itself.
        assert await client.wait_disconnected() in ("transport close", "transport error")
    assert left == ["server disconnect"] * 4
    assert running.server.sockets_by_namespace() == {}
    assert running.server.eio.sockets == {}
    gc.collect()
    assert asyncio.all_tasks() - before == set()


async def test_what_is_running_may_end_and_what_comes_later_is_refused(
    serve: Serve, raw: Callable[[Running], Awaitable[RawClient]]
) -> None:
    gate = asyncio.Event()

    async def slow(sid: str, data: Any) -> str:
        await gate.wait()
        return "saved"

    running = await serve(lambda server: server.on("slow", slow))
    client = await raw(running)
    await client.join()
    await client.send('421["slow"]')
    await patience.until(lambda: len(running.server.manager.tasks.running) == 1)
    closing = asyncio.create_task(running.server.close(grace=5))
    await patience.until(lambda: running.server.eio.draining)
    await client.send('422["slow"]')
    answer = await client.receive()
    assert answer.startswith("432[") and '"code":"draining"' in answer
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{running.url}/socket.io/?EIO=4&transport=polling") as reply,
    ):
        assert reply.status == 503
    gate.set()
    assert await client.receive() == '431["saved"]'
    await asyncio.wait_for(closing, patience.SECONDS)


async def test_a_request_that_is_cancelled_while_its_connection_ends_does_not_break_the_end(
    serve: Serve, raw: Callable[[Running], Awaitable[RawClient]]
) -> None:
    gate, leaving = asyncio.Event(), asyncio.Event()

    async def disconnect(sid: str, reason: str) -> None:
        leaving.set()
        await gate.wait()

    running = await serve(lambda server: server.on("disconnect", disconnect))
    client = await raw(running)
    await client.join()
    (connection,) = running.server.eio.sockets.values()
    closing = asyncio.create_task(connection.close())
    await leaving.wait()
    await client.websocket.send_bytes(b"no attachment")  # ends the reading of it, while the connection is up
    await patience.until(lambda: connection._handled == 2)
    await running.runner.cleanup()  # cancels what still runs
    gate.set()
    await closing
    assert running.server.eio.sockets == {}


def test_a_process_that_closes_its_server_ends_without_a_warning() -> None:
    script = """
import asyncio, aiohttp
from aiohttp import web
from dawg_server import settings
from handlers.addresses import Addresses
from handlers.sockets import transport

async def main():
    server = transport.Server(addresses=Addresses(settings.load({})))
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/socket.io/?EIO=4&transport="
    async with aiohttp.ClientSession() as session:
        websocket = await session.ws_connect(url + "websocket")
        await websocket.send_str("40")
        for _ in range(2):
            await websocket.receive()
        async with session.get(url + "polling") as reply:
            await reply.text()
        await asyncio.gather(server.close(), websocket.receive())
        await websocket.close()
    await runner.cleanup()

asyncio.run(main(), debug=True)
"""
    root = Path(__file__).parents[4]
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # The debug mode also tells of slow steps, which on a busy machine mean nothing.
    said = [line for line in ended.stderr.splitlines() if not line.startswith("Executing <")]
    assert (ended.returncode, said) == (0, [])
