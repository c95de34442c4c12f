"""Replies that take long: server-sent events (WHATWG HTML, section 9.2), and work that ends with its client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import orjson
from aiohttp import web

from dawg_server import errors

CONTENT_TYPE = "text/event-stream"
COMMENT_INTERVAL = 15.0  # seconds between two signs of life
HANG_UP_INTERVAL = 0.25  # seconds between two looks at the connection
CANCEL_TIMEOUT = 5.0  # seconds

T = TypeVar("T")


class EventStream:
    """Events are numbered from 1. Writing to a reader who is gone raises `ConnectionError`."""

    def __init__(self, request: web.Request, *, comment_interval: float = COMMENT_INTERVAL) -> None:
        self._request = request
        self._comment_interval = comment_interval
        self._number = 0
        self._commented_at = time.monotonic()
        self.reply = web.StreamResponse(
            headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )

    @staticmethod
    def wanted(request: web.Request) -> bool:
        return CONTENT_TYPE in request.headers.get("Accept", "")

    async def open(self) -> None:
        await self.reply.prepare(self._request)

    async def send(self, event: str, payload: Mapping[str, Any]) -> None:
        self._number += 1
        data = orjson.dumps(payload, default=str)
        await self.reply.write(b"id: %d\nevent: %s\ndata: %s\n\n" % (self._number, event.encode(), data))

    async def breathe(self) -> None:
        """A comment when it is time for one: proxies close what is silent for long."""
        if time.monotonic() - self._commented_at >= self._comment_interval:
            self._commented_at = time.monotonic()
            await self.reply.write(b": still here\n\n")

    async def close(self) -> None:
        await self.reply.write_eof()


def hung_up(request: web.Request) -> bool:
    transport = request.transport
    return transport is None or transport.is_closing()


async def while_connected(request: web.Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; raises `errors.HungUp`, which nobody will read, when the client has gone."""
    task = asyncio.create_task(work, name=f"answer-{request.path}")
    try:
        while not (await asyncio.wait({task}, timeout=HANG_UP_INTERVAL))[0]:
            if hung_up(request):
                raise errors.HungUp()
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_TIMEOUT)
