"""One Engine.IO connection: what comes from the client, its timers and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType

from dawg_server import logs
from handlers.sockets.transport import packets
from handlers.sockets.transport.send_queue import SendQueue
from handlers.sockets.transport.stock import DirectWebSocket, IncomingQueue

if TYPE_CHECKING:
    from handlers.sockets.transport.engine import Engine
    from handlers.sockets.transport.manager import Client

log = logs.get("main")

CLOSE_TIMEOUT = 2.0  # seconds for the last bytes and the closing handshake
FAIR_SHARE = 32  # messages handled before others get a turn


class TextQueue(IncomingQueue):
    """Hands each text to `take` as it is read from the socket, without waking a task.

    What `take` refuses, and whatever is no text, waits for `receive`, and so does everything after it until `take` is
    set again.
    """

    def feed_data(self, data: Any, size: int) -> None:
        if self.take is not None and data.type is WSMsgType.TEXT and self.take(data.data):
            return
        self.take = None
        super().feed_data(data, size)


class ClientConnection:
    """Sending never waits, and reading builds neither packets nor tasks.

    It ends when a ping is not answered, and when it has been in no namespace for the engine's `connect_timeout`.
    """

    def __init__(self, engine: Engine, sid: str) -> None:
        self.engine = engine
        self.sid = sid
        self.send_queue = SendQueue(engine.max_queue_bytes, engine.tasks, lambda: engine.on_overflow(self))
        self.clients: dict[str, Client] = {}  # by namespace
        self.transitions: set[asyncio.Task[None]] = set()  # of namespaces that are being joined or left
        self.partial: packets.Packet | None = None
        self.yield_before_next = False  # the last packet started a task that has not begun; it does before the next
        self.upgraded = False  # to websocket, or begun with it
        self.upgrading: asyncio.Event | None = None  # set when the websocket that tries to take over has, or has failed
        self.probed = False  # it has said so, and polls are over
        self.posting = False  # the body of a POST is being read or handled
        self.closing = False
        self._ping_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._handled = 0  # messages
        self._websocket: DirectWebSocket | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._ended = asyncio.Event()

    # -- timers -------------------------------------------------------------------------------------------------------

    def expect_namespace(self) -> None:
        """Counts the time without a namespace from now on, unless it is being counted."""
        if self._idle_timer is None and not self.closing:
            self._idle_timer = self._end_after(self.engine.connect_timeout, self.engine.reason.SERVER_DISCONNECT)

    def namespace_joined(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def schedule_ping(self) -> None:
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        if not self.closing:
            self._ping_timer = asyncio.get_running_loop().call_later(self.engine.ping_interval, self._ping)

    def _ping(self) -> None:
        self.send_queue.put(packets.engine(packets.PING))
        self._ping_timer = self._end_after(self.engine.ping_timeout, self.engine.reason.PING_TIMEOUT)

    def _end_after(self, seconds: float, reason: str) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self.begin_close, reason)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def feed(self, data: str | bytes) -> str | None:
        """Handles one Engine.IO packet at once; returns the reason when it ends the connection."""
        try:
            if isinstance(data, bytes):
                self.engine.dispatcher.receive(self, data)
            elif data[:1] == packets.MESSAGE:
                self.engine.dispatcher.receive(self, data[1:])
            elif data[:1] == packets.PONG:
                self.schedule_ping()
            elif data[:1] == packets.CLOSE:
                return str(self.engine.reason.CLIENT_DISCONNECT)
            elif data[:1] == packets.PING:
                self.send_queue.put(packets.engine(packets.PONG, data[1:]))
            elif data[:1] not in (packets.UPGRADE, packets.NOOP) or not data:
                raise packets.Malformed("unknown packet type")
        except packets.Malformed as error:
            log.info("A client broke the protocol.", action="socket_malformed", sid=self.sid, reason=str(error))
            return str(self.engine.reason.TRANSPORT_ERROR)
        except Exception:
            log.exception("A packet could not be handled.", action="socket_packet_failed", sid=self.sid)
        return None

    def should_yield(self) -> bool:
        """Whether others come before the next message: the task that the last one has started, and now and then all."""
        self._handled += 1
        waits, self.yield_before_next = self.yield_before_next or self._handled % FAIR_SHARE == 0, False
        return waits

    async def serve(
        self, websocket: DirectWebSocket, transport: asyncio.WriteTransport | None, drain: Callable[[], Awaitable[None]]
    ) -> None:
        """Goes on over a websocket, to its end."""
        if transport is not None and not self.closing:
            self._websocket, self._transport = websocket, transport
            self.send_queue.attach(transport, drain)
            await self._read(websocket)
        await self.close(abort=True, reason=self.engine.reason.TRANSPORT_CLOSE)
        # Returning ends the websocket, so when somebody else is closing it, their last words come first.
        await self._ended.wait()

    async def _read(self, websocket: DirectWebSocket) -> None:
        """Until the websocket ends. Most texts go to `_take` and never come here."""
        queue = websocket.queue
        assert queue is not None
        while not self.closing:
            if queue.empty:
                queue.take = self._take
            kind, data, _ = await websocket.receive()
            if kind is not WSMsgType.TEXT and kind is not WSMsgType.BINARY:
                return
            if self.should_yield():
                await asyncio.sleep(0)
            if (reason := self.feed(data)) is not None:
                await self.close(reason=reason)

    def _take(self, text: str) -> bool:
        """Handles a text at once; False when others come first, and it is read when they have begun."""
        if self.should_yield():
            return False
        if not self.closing and (reason := self.feed(text)) is not None:
            self.begin_close(reason)
        return True

    # -- the end ------------------------------------------------------------------------------------------------------

    def begin_close(self, reason: str) -> None:
        self.engine.tasks.start(self.close(reason=reason), name=f"socket-close {self.sid}")

    async def close(self, *, abort: bool = False, reason: str | None = None) -> None:
        """Runs the disconnect handlers, delivers what waits within `CLOSE_TIMEOUT` and ends the transport."""
        if self.closing:
            return
        self.closing = True
        for timer in (self._ping_timer, self._idle_timer):
            if timer is not None:
                timer.cancel()
        try:
            if (disconnected := self.engine.handlers.get("disconnect")) is not None:
                await disconnected(self.sid, reason or self.engine.reason.SERVER_DISCONNECT)
        finally:
            self.engine.sockets.pop(self.sid, None)
            # A client that has said goodbye itself needs no answer; its poll ends with a NOOP.
            last = () if abort or reason == self.engine.reason.CLIENT_DISCONNECT else (packets.engine(packets.CLOSE),)
            self.send_queue.end(*last, forget=abort)
            try:
                await self._end_websocket()
            finally:
                self._ended.set()

    async def _end_websocket(self) -> None:
        if self._websocket is None or self._transport is None:
            return
        if await self.send_queue.flushed(CLOSE_TIMEOUT):
            await self._websocket.close()
        else:
            self._transport.abort()
            self.send_queue.end(forget=True)
