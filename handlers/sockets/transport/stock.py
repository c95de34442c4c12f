"""The private names of python-socketio and aiohttp that are needed; a test fails when a release changes one.

What is overridden here is what python-socketio's own code calls; what is called here is what it offers to nobody.
"""

from __future__ import annotations

import asyncio
import functools
import operator
from collections.abc import Callable
from typing import Any

import socketio  # type: ignore[import-untyped]
from aiohttp import web
from aiohttp._websocket.reader import WebSocketDataQueue
from engineio.async_drivers.aiohttp import translate_request  # type: ignore[import-untyped]

__all__ = ["DirectWebSocket", "IncomingQueue", "StockServer", "translate_request"]


class IncomingQueue(WebSocketDataQueue):
    """What aiohttp has read of a websocket and nobody has received yet.

    While `take` is set, a subclass may have it handle each text instead.
    """

    take: Callable[[str], bool] | None = None

    @property
    def empty(self) -> bool:
        return not self._buffer


class DirectWebSocket(web.WebSocketResponse):
    """`queue_class` takes what is read from the socket, before any task is woken."""

    queue: IncomingQueue | None = None

    def __init__(self, queue_class: type[IncomingQueue], **options: Any) -> None:
        super().__init__(**options)
        self._queue_class = queue_class

    def _replace(self, given: WebSocketDataQueue | None) -> None:
        if given is not None:
            self.queue = self._queue_class(given._protocol, given._limit // 2, loop=asyncio.get_running_loop())

    _reader = property(operator.attrgetter("queue"), _replace)


class StockServer(socketio.AsyncServer):  # type: ignore[misc]
    engine_class: type[Any]

    def find_handler(self, event: str, namespace: str) -> Callable[..., Any] | None:
        """What is registered for an event; `*` stands for any event or namespace, and is told which it was."""
        handler, told = self._get_event_handler(event, namespace, ())
        if handler is None:
            owner, told = self._get_namespace_handler(namespace, ())
            if owner is None:
                return None
            handler, told = owner.trigger_event, (event, *told)
        return functools.partial(handler, *told) if told else handler

    def _engineio_server_class(self) -> type[Any]:
        return self.engine_class
