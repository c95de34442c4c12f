"""One Engine.IO connection: polling or websocket, its pings, its reader and its end."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web
from engineio import async_socket, exceptions, packet  # type: ignore[import-untyped]

from dawg_server import logs
from handlers.sockets.transport import packets
from handlers.sockets.transport.outbox import Outbox

if TYPE_CHECKING:
    from handlers.sockets.transport.engine import Engine
    from handlers.sockets.transport.manager import Client

log = logs.get("main")

CLOSE_TIMEOUT = 2.0  # seconds for the last bytes and the closing handshake
UPGRADE_TIMEOUT = 10.0  # seconds between the probe and the upgrade
BODY_TIMEOUT = 20.0  # seconds for the body of a polling POST
FAIR_SHARE = 32  # messages handled before others get a turn

_OPEN, _CLOSE, _PING, _PONG, _MESSAGE, _UPGRADE, _NOOP = "0123456"


class PartialPacket:
    """A binary packet whose attachments are still arriving."""

    __slots__ = ("attachments", "header", "size")

    def __init__(self, header: packets.Header) -> None:
        self.header = header
        self.attachments: list[bytes] = []
        self.size = len(header.body)


class Connection(async_socket.AsyncSocket):  # type: ignore[misc]
    """An engine.io socket whose sending never waits and whose reading never builds packets or tasks."""

    server: Engine
    sid: str
    connected: bool
    upgraded: bool
    upgrading: bool
    closing: bool
    closed: bool

    def __init__(self, server: Engine, sid: str) -> None:
        super().__init__(server, sid)
        del self.queue  # the outbox takes its place
        self.outbox = Outbox(server.max_queue_bytes, server.counters, server.tasks, self._overflowed)
        self.clients: dict[str, Client] = {}  # by namespace
        self.partial: PartialPacket | None = None
        self.give_way = False  # the last packet started a task that has not begun; it does before the next is handled
        self._timer: asyncio.TimerHandle | None = None
        self._websocket: web.WebSocketResponse | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._ended: asyncio.Future[None] | None = None  # made when the end begins, done when it is over

    # -- sending ------------------------------------------------------------------------------------------------------

    async def send(self, pkt: Any) -> None:
        """Packets that python-engineio builds itself."""
        self.outbox.put(packets.engine(pkt.packet_type, pkt.data))

    async def poll(self) -> list[packets.Message]:
        try:
            taken = await self.outbox.take(self.server.ping_interval + self.server.ping_timeout)
        except RuntimeError as error:
            raise exceptions.EngineIOError("overlapping polls") from error
        return taken or [packets.engine(packet.NOOP)]

    def _overflowed(self) -> None:
        self.server.on_overflow(self)

    # -- pings --------------------------------------------------------------------------------------------------------

    def schedule_ping(self) -> None:
        self._set_timer(self.server.ping_interval, self._ping)

    def _ping(self) -> None:
        if not self.clients:
            # Whoever joins no namespace within a ping interval never signed in.
            self._end_soon(self.server.reason.SERVER_DISCONNECT)
            return
        self.outbox.put(packets.engine(packet.PING))
        self._set_timer(self.server.ping_timeout, lambda: self._end_soon(self.server.reason.PING_TIMEOUT))

    def _set_timer(self, delay: float, callback: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if self.closing else asyncio.get_running_loop().call_later(delay, callback)

    def _end_soon(self, reason: str) -> None:
        self.server.tasks.start(self.close(reason=reason), name=f"socket-close {self.sid}")

    # -- receiving ----------------------------------------------------------------------------------------------------

    def feed(self, data: str | bytes) -> str | None:
        """Handles one Engine.IO packet at once; returns the reason when it ends the connection."""
        try:
            if isinstance(data, bytes):
                self.server.receiver.receive_attachment(self, data)
            elif data[:1] == _MESSAGE:
                self.server.receiver.receive(self, data[1:])
            elif data[:1] == _PONG:
                self.schedule_ping()
            elif data[:1] == _CLOSE:
                return str(self.server.reason.CLIENT_DISCONNECT)
            elif data[:1] == _PING:
                self.outbox.put(packets.engine(packet.PONG, data[1:]))
            elif data[:1] not in (_UPGRADE, _NOOP) or not data:
                raise packets.Malformed("unknown packet type")
        except packets.Malformed as error:
            log.info("A client broke the protocol.", action="socket_malformed", sid=self.sid, reason=str(error))
            return str(self.server.reason.TRANSPORT_ERROR)
        except Exception:
            log.exception("A packet could not be handled.", action="socket_packet_failed", sid=self.sid)
        return None

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        body = await self._body(environ["aiohttp.request"])
        for position, data in enumerate(body.split("\x1e"), 1):
            if self.give_way or position % FAIR_SHARE == 0:
                self.give_way = False
                await asyncio.sleep(0)
            if self.closing:
                return
            reason = self.feed(_binary(data) if data[:1] == "b" else data)
            if reason is not None:
                await self.close(reason=reason)
                return

    async def _body(self, request: web.Request) -> str:
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > self.server.max_http_buffer_size:
                        raise exceptions.ContentTooLongError
            return body.decode()
        except (TimeoutError, UnicodeDecodeError) as error:
            raise exceptions.EngineIOError("unreadable body") from error

    # -- websocket ----------------------------------------------------------------------------------------------------

    async def _upgrade_websocket(self, environ: dict[str, Any]) -> Any:
        if self.upgraded or self.upgrading:
            return self.server._bad_request("Upgraded already")
        request: web.Request = environ["aiohttp.request"]
        # No per-message deflate: it would cost 90 KB a connection and forbid one frame for all.
        websocket = web.WebSocketResponse(
            compress=False, timeout=CLOSE_TIMEOUT, max_msg_size=self.server.max_http_buffer_size + 1
        )
        writer = await websocket.prepare(request)
        if self.connected and not await self._probed(websocket):
            await websocket.close()
            return websocket
        self.connected = self.upgraded = True
        transport = request.transport
        if transport is not None and not self.closing:
            self._websocket, self._transport = websocket, transport
            self.outbox.attach(transport, request.protocol, writer.drain)
            await self._read(websocket)
        await self.close(abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
        # Returning ends the websocket, so when somebody else is closing it, their last words come first.
        if self._ended is not None:
            await self._ended
        return websocket

    async def _probed(self, websocket: web.WebSocketResponse) -> bool:
        """The upgrade of a polling connection: ping probe, pong probe, upgrade. Until then nothing is sent at all."""
        self.upgrading = True
        try:
            async with asyncio.timeout(UPGRADE_TIMEOUT):
                if await websocket.receive_str() != _PING + "probe":
                    return False
                await websocket.send_str(_PONG + "probe")
                self.outbox.release_poll()
                return await websocket.receive_str() == _UPGRADE
        except (TimeoutError, TypeError, ConnectionError):
            return False
        finally:
            self.upgrading = False

    async def _read(self, websocket: web.WebSocketResponse) -> None:
        handled = 0
        while not self.closing:
            kind, data, _ = await websocket.receive()
            if kind is not WSMsgType.TEXT and kind is not WSMsgType.BINARY:
                return
            handled += 1
            if self.give_way or handled % FAIR_SHARE == 0:
                self.give_way = False
                await asyncio.sleep(0)
            reason = self.feed(data)
            if reason is not None:
                await self.close(reason=reason)
                return

    # -- the end ------------------------------------------------------------------------------------------------------

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Runs the disconnect handlers, delivers what waits within `CLOSE_TIMEOUT` and ends the transport."""
        if self.closing:
            return
        self.closing = True
        self._ended = asyncio.get_running_loop().create_future()
        self._set_timer(0, None)
        try:
            await self.server._trigger_event(
                "disconnect", self.sid, reason or self.server.reason.SERVER_DISCONNECT, run_async=False
            )
        finally:
            self.closed = True
            self.server.sockets.pop(self.sid, None)
            if abort:
                self.outbox.discard()
            else:
                self.outbox.close(packets.engine(packet.CLOSE))
            try:
                await self._end_websocket()
            finally:
                self._ended.set_result(None)

    async def _end_websocket(self) -> None:
        if self._websocket is None or self._transport is None:
            return
        if await self.outbox.flushed(CLOSE_TIMEOUT):
            await self._websocket.close()
        else:
            self._transport.abort()
            self.outbox.discard()


def _binary(data: str) -> bytes | str:
    try:
        return base64.b64decode(data[1:], validate=True)
    except binascii.Error:
        return ""  # an empty packet is malformed
