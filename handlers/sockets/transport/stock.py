"""The private names of python-socketio and aiohttp that are needed; a test fails when a release changes one.

What is overridden here is what python-socketio's own code calls; what is called here is what it offers to nobody.
"""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import socketio  # type: ignore[import-untyped]
from aiohttp import WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue
from engineio.async_drivers.aiohttp import translate_request  # type: ignore[import-untyped]

__all__ = ["DirectWebSocket", "JsonCodec", "StockServer", "translate_request"]


class JsonCodec:
    """orjson with the interface of the standard library's `json`, for the packets that python-socketio encodes."""

    @staticmethod
    def dumps(data: Any, **_: Any) -> str:
        return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode()

    @staticmethod
    def loads(text: str | bytes, **_: Any) -> Any:
        return orjson.loads(text)


class DirectQueue(WebSocketDataQueue):
    """Hands each text to `take` as it is read from the socket, without waking a task.

    What `take` refuses, and whatever is no text, waits for `receive`, and so does everything after it until `take` is
    set again.
    """

    take: Callable[[str], bool] | None = None

    def feed_data(self, data: Any, size: int) -> None:
        if self.take is not None and data.type is WSMsgType.TEXT and self.take(data.data):
            return
        self.take = None
        super().feed_data(data, size)

    @property
    def empty(self) -> bool:
        return not self._buffer


class DirectWebSocket(web.WebSocketResponse):
    queue: DirectQueue | None = None

    @property
    def _reader(self) -> DirectQueue | None:
        return self.queue

    @_reader.setter
    def _reader(self, given: WebSocketDataQueue | None) -> None:
        if given is not None:
            self.queue = DirectQueue(given._protocol, given._limit // 2, loop=asyncio.get_running_loop())


class StockServer(socketio.AsyncServer, abc.ABC):  # type: ignore[misc]
    engine_class: type[Any]

    def find_handler(self, event: str, namespace: str, arguments: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """The function registered for an event, or None, and its arguments; `*` stands for any event or namespace."""
        handler, arguments = self._get_event_handler(event, namespace, arguments)
        if handler is not None:
            return handler, arguments
        owner, arguments = self._get_namespace_handler(namespace, arguments)
        return (owner.trigger_event, (event, *arguments)) if owner is not None else (None, arguments)

    @abc.abstractmethod
    async def call_handler(self, event: str, namespace: str, *arguments: Any) -> Any:
        """Runs the handler of `connect` or `disconnect`."""

    @abc.abstractmethod
    async def end_clients(self, eio_sid: str, reason: str) -> None:
        """A connection has ended, and with it its membership of every namespace."""

    @abc.abstractmethod
    def send_stock(self, eio_sid: str, packet: Any) -> None:
        """Sends a packet that python-socketio has built."""

    def _engineio_server_class(self) -> type[Any]:
        return self.engine_class

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        await self.end_clients(eio_sid, reason)

    async def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        self.send_stock(eio_sid, pkt)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        return await self.call_handler(event, namespace, *args)
