"""One Engine.IO connection: polling or websocket, its timers, its reader and its end."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web
from engineio import packet  # type: ignore[import-untyped]

from dawg_server import errors, logs
from handlers import payloads
from handlers.sockets.transport import packets
from handlers.sockets.transport.send_queue import SendQueue
from handlers.sockets.transport.stock import DirectWebSocket, IncomingQueue

if TYPE_CHECKING:
    from handlers.sockets.transport.engine import Engine
    from handlers.sockets.transport.manager import Client

log = logs.get("main")

CLOSE_TIMEOUT = 2.0  # seconds for the last bytes and the closing handshake
UPGRADE_TIMEOUT = 10.0  # seconds between the probe and the upgrade
UPGRADE_GRACE = 0.05  # seconds that a poll waits for an upgrade whose packets may have been sent before it
BODY_TIMEOUT = 20.0  # seconds for the body of a polling POST
FAIR_SHARE = 32  # messages handled before others get a turn

_OPEN, _CLOSE, _PING, _PONG, _MESSAGE, _UPGRADE, _NOOP = "0123456"


class RefusedHandshake(Exception):
    """A request that the protocol does not allow; the message says why."""


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

    def __init__(self, engine: Engine, sid: str, *, polling: bool) -> None:
        self.engine = engine
        self.sid = sid
        self._polls = polling  # to begin with
        self.send_queue = SendQueue(
            engine.max_queue_bytes, engine.tasks, engine.soon, engine.later, lambda: engine.on_overflow(self)
        )
        self.clients: dict[str, Client] = {}  # by namespace
        self.transitions: set[asyncio.Task[None]] = set()  # of namespaces that are being joined or left
        self.partial: packets.Packet | None = None
        self.yield_before_next = False  # the last packet started a task that has not begun; it does before the next
        self.posting = False  # the body of a POST is being read or handled
        self.upgraded = False  # to websocket, or begun with it
        self.closing = False
        self.closed = False
        self._ping_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._upgrade_ended: asyncio.Event | None = None  # while a websocket tries to take over
        self._probed = False  # it has said so
        self._handled = 0  # messages of the websocket
        self._websocket: DirectWebSocket | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._ended = asyncio.Event()

    # -- timers -------------------------------------------------------------------------------------------------------

    def start_timers(self) -> None:
        self._schedule_ping()
        self.expect_namespace()

    def expect_namespace(self) -> None:
        """Counts the time without a namespace from now on, unless it is being counted."""
        if self._idle_timer is None and not self.closing:
            moment = asyncio.get_running_loop().time() + self.engine.connect_timeout
            self._idle_timer = self._end_at(moment, self.engine.reason.SERVER_DISCONNECT)

    def namespace_joined(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _schedule_ping(self) -> None:
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        if not self.closing:
            loop = asyncio.get_running_loop()
            due = loop.time() + self.engine.ping_interval
            self._ping_timer = loop.call_at(due, self._ping, due)

    def _ping(self, due: float) -> None:
        self.send_queue.put(packets.engine(packet.PING))
        self._ping_timer = self._end_at(due + self.engine.ping_timeout, self.engine.reason.PING_TIMEOUT)

    def _end_at(self, moment: float, reason: str) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_at(moment, self.begin_close, reason)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def feed(self, data: str | bytes) -> str | None:
        """Handles one Engine.IO packet at once; returns the reason when it ends the connection."""
        try:
            if isinstance(data, bytes):
                self.engine.dispatcher.receive_attachment(self, data)
            elif data[:1] == _MESSAGE:
                self.engine.dispatcher.receive(self, data[1:])
            elif data[:1] == _PONG:
                self._schedule_ping()
            elif data[:1] == _CLOSE:
                return str(self.engine.reason.CLIENT_DISCONNECT)
            elif data[:1] == _PING:
                self.send_queue.put(packets.engine(packet.PONG, data[1:]))
            elif data[:1] not in (_UPGRADE, _NOOP) or not data:
                raise packets.Malformed("unknown packet type")
        except packets.Malformed as error:
            log.info("A client broke the protocol.", action="socket_malformed", sid=self.sid, reason=str(error))
            return str(self.engine.reason.TRANSPORT_ERROR)
        except Exception:
            log.exception("A packet could not be handled.", action="socket_packet_failed", sid=self.sid)
        return None

    # -- polling ------------------------------------------------------------------------------------------------------

    async def poll(self) -> list[packets.Message]:
        """What a polling GET is answered with. Raises `RefusedHandshake`."""
        if self._upgrade_ended is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._upgrade_ended.wait(), UPGRADE_GRACE)
        if self.upgraded or self.closed:
            raise RefusedHandshake("This session goes on over websocket")
        if not self._probed:
            if self.send_queue.polled:
                await self.close(reason=self.engine.reason.TRANSPORT_ERROR)
                raise RefusedHandshake("Two polls at once")
            if taken := await self.send_queue.take(self.engine.ping_interval + self.engine.ping_timeout):
                return taken
        return [packets.engine(packet.NOOP)]

    async def receive_body(self, request: web.Request) -> None:
        """Handles the packets of a polling POST. Raises `RefusedHandshake`."""
        if self.upgraded:
            raise RefusedHandshake("This session goes on over websocket")
        if self.posting:
            await self.close(reason=self.engine.reason.TRANSPORT_ERROR)
            raise RefusedHandshake("Two posts at once")
        self.posting = True
        try:
            await self._handle_body(request)
        finally:
            self.posting = False

    async def _handle_body(self, request: web.Request) -> None:
        try:
            body = await self._body(request)
        except RefusedHandshake:
            await self.close(reason=self.engine.reason.TRANSPORT_ERROR)
            raise
        for position, data in enumerate(body.split("\x1e"), 1):
            if self.yield_before_next or position % FAIR_SHARE == 0:
                self.yield_before_next = False
                await asyncio.sleep(0)
            if self.closing:
                return
            reason = self.feed(_binary(data) if data[:1] == "b" else data)
            if reason is not None:
                await self.close(reason=reason)
                if reason == self.engine.reason.TRANSPORT_ERROR:
                    raise RefusedHandshake("Invalid packet")
                return

    async def _body(self, request: web.Request) -> str:
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > self.engine.max_http_buffer_size:
                        raise RefusedHandshake("The body is too large")
            packed = payloads.encoding(request)
            return payloads.unpacked(bytes(body), packed, self.engine.max_http_buffer_size).decode()
        except errors.DawgError as error:
            raise RefusedHandshake(str(error)) from error
        except (TimeoutError, UnicodeDecodeError, web.RequestPayloadError, ConnectionError) as error:
            raise RefusedHandshake("Unreadable body") from error

    # -- websocket ----------------------------------------------------------------------------------------------------

    async def upgrade(self, request: web.Request) -> web.StreamResponse:
        """Serves a websocket to its end: of a new session, or taking over from polling. Raises `RefusedHandshake`."""
        if not is_upgrade(request):
            raise RefusedHandshake("Invalid websocket upgrade")
        # No per-message deflate: it would cost 90 KB a connection and forbid one frame for all.
        max_size = self.engine.max_http_buffer_size + 1
        websocket = DirectWebSocket(TextQueue, compress=False, timeout=CLOSE_TIMEOUT, max_msg_size=max_size)
        if self.upgraded or self._upgrade_ended is not None:
            await websocket.prepare(request)
            await websocket.close()
            return websocket
        self._upgrade_ended = asyncio.Event()
        try:
            writer = await websocket.prepare(request)
            self.upgraded = not self._polls or await self._probe(websocket)
        finally:
            self._upgrade_ended.set()
            self._upgrade_ended, self._probed = None, False
        if not self.upgraded:
            await websocket.close()
            return websocket
        transport = request.transport
        if transport is not None and not self.closing:
            self._websocket, self._transport = websocket, transport
            self.send_queue.attach(transport, writer.drain)
            await self._read(websocket)
        await self.close(abort=True, reason=self.engine.reason.TRANSPORT_CLOSE)
        # Returning ends the websocket, so when somebody else is closing it, their last words come first.
        await self._ended.wait()
        return websocket

    async def _probe(self, websocket: web.WebSocketResponse) -> bool:
        """The upgrade of a polling connection: ping probe, pong probe, upgrade. Until then nothing is sent at all."""
        try:
            async with asyncio.timeout(UPGRADE_TIMEOUT):
                if await websocket.receive_str() != _PING + "probe":
                    return False
                self._probed = True
                await websocket.send_str(_PONG + "probe")
                self.send_queue.release_poll()
                return await websocket.receive_str() == _UPGRADE
        except (TimeoutError, TypeError, ConnectionError):
            return False

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
            self._handled += 1
            if self.yield_before_next or self._handled % FAIR_SHARE == 0:
                self.yield_before_next = False
                await asyncio.sleep(0)
            reason = self.feed(data)
            if reason is not None:
                await self.close(reason=reason)
                return

    def _take(self, text: str) -> bool:
        """Handles a text at once; False when others come first."""
        self._handled += 1
        if self.yield_before_next or self._handled % FAIR_SHARE == 0:
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
            self.closed = True
            self.engine.sockets.pop(self.sid, None)
            if abort:
                self.send_queue.discard()
            else:
                # A client that has said goodbye itself needs no answer; its poll ends with a NOOP.
                said = reason == self.engine.reason.CLIENT_DISCONNECT
                self.send_queue.close(None if said else packets.engine(packet.CLOSE))
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
            self.send_queue.discard()


def is_upgrade(request: web.Request) -> bool:
    return request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"


def _binary(data: str) -> bytes | str:
    try:
        return base64.b64decode(data[1:], validate=True)
    except binascii.Error:
        return ""  # an empty packet is malformed
