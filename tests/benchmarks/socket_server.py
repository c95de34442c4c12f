"""The server that the socket benchmarks measure, in a process of its own: `stock` or `ours`.

Both run on uvloop. Prints its port; GET /cpu tells the processor seconds used so far.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import socketio  # type: ignore[import-untyped]
import uvloop
from aiohttp import web

from dawg_server import settings
from handlers.addresses import Addresses
from handlers.sockets import transport

ROOM = "project:benchmark"


def stock() -> socketio.AsyncServer:
    server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins=[])

    async def update(sid: str, data: Any) -> None:
        await server.emit("track:updated", data, room=ROOM, skip_sid=sid)

    async def send(sid: str, delta: dict[str, Any]) -> None:
        await server.emit("response-delta", delta, to=sid)

    server.on("update", update)
    server.on("stream", streaming(send))
    return server


def ours() -> socketio.AsyncServer:
    server = transport.Server(addresses=Addresses(settings.load({})))
    server.on("update", lambda sid, data: server.broadcast("track:updated", data, room=ROOM, skip_sid=sid))
    server.on("plain", lambda sid, data: {"success": True})

    async def send(sid: str, delta: dict[str, Any]) -> None:
        while not server.try_send_volatile("response-delta", delta, sid=sid, joined=True):
            await asyncio.sleep(0.001)

    server.on("stream", streaming(send))
    return server


def streaming(send: Callable[[str, dict[str, Any]], Awaitable[None]]) -> Callable[..., Awaitable[Any]]:
    """A handler that answers with many small pieces, as a language model does."""

    async def stream(sid: str, asked: dict[str, Any]) -> dict[str, Any]:
        for number in range(asked["deltas"]):
            await send(sid, {"requestId": "benchmark", "delta": f"word {number} "})
            if asked["interval"]:
                await asyncio.sleep(asked["interval"] / 1000)
            elif number % 8 == 7:
                await asyncio.sleep(0)
        return {"success": True}

    return stream


async def serve(server: socketio.AsyncServer) -> None:
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await server.enter_room(sid, ROOM)

    async def echo(sid: str, data: Any) -> dict[str, Any]:
        return {"success": True}

    async def cpu(request: web.Request) -> web.Response:
        return web.json_response(time.process_time())

    server.on("connect", connect)
    server.on("echo", echo)
    app = web.Application()
    server.attach(app)
    app.router.add_get("/cpu", cpu)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve({"stock": stock, "ours": ours}[sys.argv[1]]()))
