"""The websocket under a simulated connection: what came, what went, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests import patience
from tests.simulators.openai_realtime.config import Refused

MAX_MESSAGE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Ending:
    """How the connection ended. `by` is client, server, or cut for a connection that broke without a close."""

    by: str
    code: int | None
    at: float  # time.monotonic() seconds


class Link:
    """Everything the client sent is in `received`, everything it was sent in `sent`, both in their order."""

    def __init__(self, index: int, headers: Mapping[str, str]) -> None:
        self.index = index
        self.headers = headers
        self.received: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.ended: Ending | None = None
        self._serial = itertools.count(1)
        self._news = asyncio.Condition()
        self._by = "client"
        self._code: int | None = None  # of a close of ours
        self._ws = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        self._transport: asyncio.Transport | None = None

    @property
    def open(self) -> bool:
        return self.ended is None

    def types(self, *, prefix: str = "") -> list[str]:
        """The types of what the client sent, without the audio."""
        kinds = [str(event.get("type")) for event in self.received]
        return [kind for kind in kinds if kind != "input_audio_buffer.append" and kind.startswith(prefix)]

    async def saw(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Waits for the client's `count`-th event of this type."""
        return await self._wait_for(self.received, kind, count)

    async def said(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Waits until the client has been sent the `count`-th event of this type."""
        return await self._wait_for(self.sent, kind, count)

    async def over(self) -> Ending:
        """Waits for the end of the connection."""
        async with asyncio.timeout(patience.SECONDS), self._news:
            await self._news.wait_for(lambda: self.ended is not None)
        assert self.ended is not None
        return self.ended

    async def emit(self, kind: str, **fields: Any) -> None:
        """Sends an event of any kind, also one that the real service would not send now."""
        event = {"type": kind, "event_id": self._new_id("event"), **fields}
        self.sent.append(event)
        if not self._ws.closed:
            with contextlib.suppress(ConnectionError):  # the receiving side notices
                await self._ws.send_str(json.dumps(event, separators=(",", ":")))
        await self._notify()

    async def error(self, code: str | None, message: str = "Simulated.", *, event_id: str | None = None) -> None:
        await self.emit("error", error=Refused(code, message).body(event_id))

    async def expire(self, close_code: int = 1001) -> None:
        """The end after 60 minutes."""
        await self.error("session_expired", "Your session hit the maximum duration of 60 minutes.")
        await self.close(close_code)

    async def close(self, code: int, reason: str = "") -> None:
        self._by, self._code = "server", code
        await self._ws.close(code=code, message=reason.encode())

    async def send_binary(self, data: bytes) -> None:
        """A frame that the service has no business to send."""
        await self._ws.send_bytes(data)

    def cut(self) -> None:
        """Breaks the connection without a word."""
        self._by = "cut"
        if self._transport is not None:
            self._transport.abort()

    async def _prepare(self, request: web.Request) -> None:
        self._transport = request.transport
        await self._ws.prepare(request)

    async def _arrived(self, event: dict[str, Any]) -> None:
        self.received.append(event)
        await self._notify()

    async def _end(self) -> None:
        self.ended = Ending(self._by, self._code or self._ws.close_code, time.monotonic())
        await self._notify()

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{self.index:03d}{next(self._serial):013d}"

    async def _wait_for(self, events: list[dict[str, Any]], kind: str, count: int) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        looked_at = 0

        def enough() -> bool:
            nonlocal looked_at
            found.extend(event for event in events[looked_at:] if event.get("type") == kind)
            looked_at = len(events)
            return len(found) >= count

        async with asyncio.timeout(patience.SECONDS), self._news:
            await self._news.wait_for(enough)
        return found[count - 1]
