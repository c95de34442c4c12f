"""The Engine.IO server, revision 4 of the protocol: requests, polling, upgrades, and who is connected here."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import engineio  # type: ignore[import-untyped]
import orjson
from aiohttp import web

from bus.supervision import Tasks
from dawg_server import errors
from handlers import payloads
from handlers.addresses import PASSED_ON, Addresses
from handlers.rest import cors
from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import CLOSE_TIMEOUT, ClientConnection, TextQueue
from handlers.sockets.transport.forwarding import HEADER, SEPARATOR, Forwarder
from handlers.sockets.transport.stock import DirectWebSocket, translate_request

if TYPE_CHECKING:
    from handlers.sockets.transport.dispatcher import Dispatcher

LAST_POLL = 0.1  # seconds until a poll for another replica is sent away
CONNECT_TIMEOUT = 45.0  # seconds that a connection may be in no namespace
UPGRADE_TIMEOUT = 10.0  # seconds between the probe and the upgrade
UPGRADE_GRACE = 0.05  # seconds that a poll waits for an upgrade whose packets may have been sent before it
BODY_TIMEOUT = 20.0  # seconds for the body of a polling POST


class RefusedHandshake(Exception):
    """A request that the protocol does not allow; the message says why."""


class Engine(engineio.AsyncServer):  # type: ignore[misc]
    """python-engineio's interface over connections that time themselves."""

    dispatcher: Dispatcher
    on_overflow: Callable[[ClientConnection], None]
    sockets: dict[str, ClientConnection]

    def __init__(
        self,
        *,
        addresses: Addresses,
        max_queue_bytes: int,
        connect_timeout: float = CONNECT_TIMEOUT,
        forwarder: Forwarder | None = None,
        **options: Any,
    ) -> None:
        super().__init__(async_mode="aiohttp", monitor_clients=False, http_compression=False, **options)
        self.addresses = addresses
        self.max_queue_bytes = max_queue_bytes
        self.connect_timeout = connect_timeout
        self.forwarder = forwarder
        self.tasks = Tasks()
        self.leaving = False  # whatever begins here now ends soon
        self.shut = False  # nobody new is let in
        self.draining = False  # and nothing more is asked of handlers

    def attach(self, app: web.Application, engineio_path: str = "socket.io") -> None:
        for path in (f"/{engineio_path}", f"/{engineio_path}/"):
            app.router.add_route("*", path, self.handle_request)

    def generate_id(self) -> str:
        """Names this replica, so that the others know where a session is."""
        id = str(super().generate_id())
        return f"{self.forwarder.own}{SEPARATOR}{id}" if self.forwarder is not None else id

    async def shutdown(self) -> None:
        """Closes every connection, then ends every task."""
        self.leaving = self.shut = self.draining = True
        if self.forwarder is not None:
            await self.forwarder.end_websockets()
        if closing := [
            self.tasks.start(each.close(), name=f"socket-close {each.sid}") for each in self.sockets.values()
        ]:
            await asyncio.wait(closing)
        await self.tasks.settle(CLOSE_TIMEOUT)
        await self.tasks.close()

    # -- requests ------------------------------------------------------------------------------------------------------

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        passed_on = HEADER in request.headers
        if passed_on and (self.forwarder is None or not self.forwarder.is_genuine(request)):
            return web.Response(status=403, text="Only replicas of this server pass requests on to each other.")
        request[PASSED_ON] = passed_on
        origin = request.headers.get("Origin")
        accepted = origin is None or self.addresses.accepts_origin(origin, request)
        try:
            if not accepted:
                raise RefusedHandshake(f"{origin} is not an accepted origin.")
            response = await self._respond(request)
        except RefusedHandshake as error:
            body = orjson.dumps(str(error))
            response = web.Response(status=400, body=body, content_type="text/plain", charset="utf-8")
        if isinstance(response, web.Response):
            _add_cors_headers(request, response, origin if accepted else None)
        return response

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        sid, method, transport = request.query.get("sid"), request.method, request.query.get("transport")
        if method == "OPTIONS":
            return web.Response(text="OK")
        if sid is None and self.shut:
            return web.Response(status=503, text="This server is shutting down. Connect again in a moment.")
        if transport is None or transport not in self.transports or "j" in request.query:
            raise RefusedHandshake("Invalid transport")
        if method not in ("GET", "POST") or (method == "POST" and sid is None):
            raise RefusedHandshake("Invalid request method")
        if transport == "websocket" and method == "GET" and request.headers.get("Upgrade", "").lower() != "websocket":
            raise RefusedHandshake("Invalid websocket upgrade")
        if sid is None:
            return await self._open(request, transport)
        connection = self.sockets.get(sid)
        if connection is None:
            return await self._elsewhere(request, sid)
        if method == "POST":
            return await self._receive(connection, request)
        return await (self._upgrade(connection, request) if transport == "websocket" else self._poll(connection))

    async def _open(self, request: web.Request, transport: str) -> web.StreamResponse:
        if request.query.getall("EIO", []) != ["4"]:
            raise RefusedHandshake("Unsupported protocol version")
        sid = self.generate_id()
        connection = self.sockets[sid] = ClientConnection(self, sid)
        handshake = {
            "sid": sid,
            "upgrades": ["websocket"] if transport == "polling" else [],
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        connection.send_queue.put(packets.engine(packets.OPEN, handshake))
        if (connected := self.handlers.get("connect")) is not None:
            await connected(sid, translate_request(request))
        connection.schedule_ping()
        connection.expect_namespace()
        if transport == "polling":
            return await self._poll(connection)
        try:
            return await self._upgrade(connection, request, probe=False)
        finally:
            await connection.close(abort=True, reason=self.reason.TRANSPORT_CLOSE)

    async def _elsewhere(self, request: web.Request, sid: str) -> web.StreamResponse:
        """The answer of the replica that has the session."""
        forwarder = self.forwarder if not request[PASSED_ON] else None
        address = await forwarder.home(sid) if forwarder is not None else None
        if forwarder is None or address is None:
            raise RefusedHandshake("Session ID unknown")
        if not self.leaving or request.method != "GET":
            response = await forwarder.forward(request, sid, address, self.addresses.forwarded(request))
            if response is not None:
                return response
        elif "Upgrade" not in request.headers:
            # A poll or an upgrade would end with us. The next poll goes elsewhere, and the client goes on polling.
            await asyncio.sleep(LAST_POLL)
            return _payload([packets.engine(packets.NOOP)])
        raise RefusedHandshake("Session ID unknown")

    # -- polling -------------------------------------------------------------------------------------------------------

    async def _poll(self, connection: ClientConnection) -> web.Response:
        if connection.upgrading is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(connection.upgrading.wait(), UPGRADE_GRACE)
        if connection.upgraded or connection.sid not in self.sockets:
            raise RefusedHandshake("This session goes on over websocket")
        taken: list[packets.Message] = []
        if not connection.probed:
            if connection.send_queue.polled:
                await self._break(connection, "Two polls at once")
            taken = await connection.send_queue.take(self.ping_interval + self.ping_timeout)
        return _payload(taken or [packets.engine(packets.NOOP)])

    async def _receive(self, connection: ClientConnection, request: web.Request) -> web.Response:
        """Handles the packets of a polling POST."""
        if connection.upgraded:
            raise RefusedHandshake("This session goes on over websocket")
        if connection.posting:
            await self._break(connection, "Two posts at once")
        connection.posting = True
        try:
            for data in (await self._body(connection, request)).split("\x1e"):
                if connection.should_yield():
                    await asyncio.sleep(0)
                reason = None if connection.closing else connection.feed(_binary(data) if data[:1] == "b" else data)
                if reason == self.reason.TRANSPORT_ERROR:
                    await self._break(connection, "Invalid packet")
                if reason is not None:
                    await connection.close(reason=reason)
        finally:
            connection.posting = False
        return web.Response(text="ok")

    async def _body(self, connection: ClientConnection, request: web.Request) -> str:
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > self.max_http_buffer_size:
                        raise errors.PayloadTooLarge("The body is too large")
            return payloads.unpacked(bytes(body), payloads.encoding(request), self.max_http_buffer_size).decode()
        except (errors.DawgError, TimeoutError, UnicodeDecodeError, web.RequestPayloadError, ConnectionError) as error:
            await self._break(connection, str(error) if isinstance(error, errors.DawgError) else "Unreadable body")

    async def _break(self, connection: ClientConnection, why: str) -> NoReturn:
        await connection.close(reason=self.reason.TRANSPORT_ERROR)
        raise RefusedHandshake(why)

    # -- websocket -----------------------------------------------------------------------------------------------------

    async def _upgrade(
        self, connection: ClientConnection, request: web.Request, *, probe: bool = True
    ) -> web.StreamResponse:
        """Serves a websocket to its end: of a new session, or, after a `probe`, taking over from polling."""
        # No per-message deflate: it would cost 90 KB a connection and forbid one frame for all.
        max_size = self.max_http_buffer_size + 1
        websocket = DirectWebSocket(TextQueue, compress=False, timeout=CLOSE_TIMEOUT, max_msg_size=max_size)
        taken = connection.upgraded or connection.upgrading is not None
        if not taken:
            connection.upgrading = asyncio.Event()
        try:
            writer = await websocket.prepare(request)
            upgraded = not taken and (not probe or await self._probe(connection, websocket))
        finally:
            if not taken and connection.upgrading is not None:
                connection.upgrading.set()
                connection.upgrading, connection.probed = None, False
        if upgraded:
            connection.upgraded = True
            await connection.serve(websocket, request.transport, writer.drain)
        else:
            await websocket.close()
        return websocket

    async def _probe(self, connection: ClientConnection, websocket: web.WebSocketResponse) -> bool:
        """Ping probe, pong probe, upgrade. Until then nothing is sent at all."""
        try:
            async with asyncio.timeout(UPGRADE_TIMEOUT):
                if await websocket.receive_str() != packets.PING + "probe":
                    return False
                connection.probed = True
                await websocket.send_str(packets.PONG + "probe")
                connection.send_queue.release_poll()
                return await websocket.receive_str() == packets.UPGRADE
        except (TimeoutError, TypeError, ConnectionError):
            return False


def _payload(messages: list[packets.Message]) -> web.Response:
    return web.Response(text="\x1e".join(message.encode() for message in messages))


def _binary(data: str) -> bytes | str:
    try:
        return base64.b64decode(data[1:], validate=True)
    except binascii.Error:
        return ""  # an empty packet is malformed


def _add_cors_headers(request: web.Request, response: web.Response, origin: str | None) -> None:
    response.headers["Vary"] = "Origin"
    if origin is None:
        return
    cors.add_headers(response, origin)
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "OPTIONS, GET, POST"
    if (asked := request.headers.get("Access-Control-Request-Headers")) is not None:
        response.headers["Access-Control-Allow-Headers"] = asked
