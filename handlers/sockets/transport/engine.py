"""The Engine.IO server, revision 4 of the protocol: requests, origins and the connections of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import engineio  # type: ignore[import-untyped]
from aiohttp import web
from engineio import packet

from handlers.addresses import PASSED_ON, Addresses
from handlers.rest import cors
from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import CLOSE_TIMEOUT, ClientConnection, RefusedHandshake, is_upgrade
from handlers.sockets.transport.forwarding import HEADER, SEPARATOR, Forwarder
from handlers.sockets.transport.send_queue import JOIN_WITHIN, Joiner
from handlers.sockets.transport.stock import translate_request
from handlers.sockets.transport.tasks import Tasks

if TYPE_CHECKING:
    from handlers.sockets.transport.dispatcher import Dispatcher

LAST_POLL = 0.1  # seconds until a poll for another replica is sent away
CONNECT_TIMEOUT = 45.0  # seconds that a connection may be in no namespace


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
        self.soon, self.later = Joiner(0.0), Joiner(JOIN_WITHIN)
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
        closing = [asyncio.create_task(each.close(), name=f"socket-close {each.sid}") for each in self.sockets.values()]
        if closing:
            await asyncio.wait(closing)
        await self.tasks.settle(CLOSE_TIMEOUT)
        await self.tasks.close()

    # -- requests ------------------------------------------------------------------------------------------------------

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        passed_on = HEADER in request.headers
        if passed_on and not (self.forwarder is not None and self.forwarder.is_genuine(request)):
            return web.Response(status=403, text="Only replicas of this server pass requests on to each other.")
        request[PASSED_ON] = passed_on
        origin = request.headers.get("Origin")
        if origin is not None and not self.addresses.accepts_origin(origin, request):
            refusal = _bad_request(f"{origin} is not an accepted origin.")
            refusal.headers["Vary"] = "Origin"
            return refusal
        response = await self._respond(request)
        if isinstance(response, web.Response):
            _add_cors_headers(request, response, origin)
        return response

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        sid, method, transport = request.query.get("sid"), request.method, request.query.get("transport")
        if method == "OPTIONS":
            return web.Response(text="OK")
        if sid is None and self.shut:
            return web.Response(status=503, text="This server is shutting down. Connect again in a moment.")
        if transport is None or transport not in self.transports or "j" in request.query:
            return _bad_request("Invalid transport")
        if method not in ("GET", "POST") or (method == "POST" and sid is None):
            return _bad_request("Invalid request method")
        if sid is None:
            return await self._open(request, transport)
        connection = self.sockets.get(sid)
        if connection is None:
            return await self._elsewhere(request, sid) or _bad_request("Session ID unknown")
        try:
            if method == "POST":
                await connection.receive_body(request)
                return web.Response(text="ok")
            if transport == "websocket":
                return await connection.upgrade(request)
            return _payload(await connection.poll())
        except RefusedHandshake as error:
            return _bad_request(str(error))

    async def _open(self, request: web.Request, transport: str) -> web.StreamResponse:
        if request.query.getall("EIO", []) != ["4"]:
            return _bad_request("Unsupported protocol version")
        if transport == "websocket" and not is_upgrade(request):
            return _bad_request("Invalid websocket upgrade")
        sid = self.generate_id()
        connection = self.sockets[sid] = ClientConnection(self, sid, polling=transport == "polling")
        handshake = {
            "sid": sid,
            "upgrades": ["websocket"] if transport == "polling" else [],
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        connection.send_queue.put(packets.engine(packet.OPEN, handshake))
        if (connected := self.handlers.get("connect")) is not None:
            await connected(sid, translate_request(request))
        connection.start_timers()
        if transport == "polling":
            return _payload(await connection.poll())
        try:
            return await connection.upgrade(request)
        finally:
            await connection.close(abort=True, reason=self.reason.TRANSPORT_CLOSE)

    async def _elsewhere(self, request: web.Request, sid: str) -> web.StreamResponse | None:
        """The answer of the replica that has the session."""
        if self.forwarder is None or request[PASSED_ON] or (address := await self.forwarder.home(sid)) is None:
            return None
        if self.leaving and request.method == "GET":
            # A poll or an upgrade would end with us. The next poll goes elsewhere, and the client goes on polling.
            if "Upgrade" in request.headers:
                return None
            await asyncio.sleep(LAST_POLL)
            return _payload([packets.engine(packet.NOOP)])
        return await self.forwarder.forward(request, sid, address, self.addresses.forwarded(request))


def _payload(messages: list[packets.Message]) -> web.Response:
    return web.Response(text="\x1e".join(message.encode() for message in messages))


def _bad_request(message: str) -> web.Response:
    return web.Response(status=400, text=packets.JsonCodec.dumps(message))


def _add_cors_headers(request: web.Request, response: web.Response, origin: str | None) -> None:
    response.headers["Vary"] = "Origin"
    if origin is None:
        return
    cors.add_headers(response, origin)
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "OPTIONS, GET, POST"
    if (asked := request.headers.get("Access-Control-Request-Headers")) is not None:
        response.headers["Access-Control-Allow-Headers"] = asked
