"""The Engine.IO server: handshakes, origins and the connections of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import engineio  # type: ignore[import-untyped]
from aiohttp import web
from engineio import packet as stock

from handlers.addresses import PASSED_ON, Addresses
from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import CLOSE_TIMEOUT, Connection
from handlers.sockets.transport.counters import Counters
from handlers.sockets.transport.forwarding import HEADER, SEPARATOR, Forwarder
from handlers.sockets.transport.tasks import Tasks

LAST_POLL = 0.1  # seconds until a poll for another replica is sent away


class Receiver(Protocol):
    """Where the connections' packets go; every call returns at once and raises `packets.Malformed` to end the peer."""

    def receive(self, connection: Connection, text: str) -> None: ...

    def receive_attachment(self, connection: Connection, data: bytes) -> None: ...


class Engine(engineio.AsyncServer):  # type: ignore[misc]
    """python-engineio's server with our connections, without its monitoring task: each connection times itself."""

    receiver: Receiver
    on_overflow: Callable[[Connection], None]
    sockets: dict[str, Connection]

    def __init__(
        self,
        *,
        addresses: Addresses,
        max_queue_bytes: int,
        forwarder: Forwarder | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            monitor_clients=False,
            http_compression=False,
            cors_allowed_origins=lambda origin, environ: addresses.accepts_origin(origin, environ["aiohttp.request"]),
            **options,
        )
        self.max_queue_bytes = max_queue_bytes
        self.addresses = addresses
        self.forwarder = forwarder
        self.counters = Counters()
        self.tasks = Tasks()
        self.leaving = False  # whatever begins here now ends soon
        self.shut = False  # nobody new is let in
        self.draining = False  # and nothing more is asked of handlers

    def attach(self, app: web.Application, engineio_path: str = "socket.io") -> None:
        for path in (f"/{engineio_path}", f"/{engineio_path}/"):
            for method in ("GET", "POST", "OPTIONS"):
                app.router.add_route(method, path, self.handle_request)

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        passed_on = HEADER in request.headers
        if passed_on and not (self.forwarder is not None and self.forwarder.is_genuine(request)):
            return web.Response(status=403, text="Only replicas of this server pass requests on to each other.")
        request[PASSED_ON] = passed_on
        sid = request.query.get("sid")
        if sid is None and self.shut:
            return web.Response(status=503, text="This server is shutting down. Connect again in a moment.")
        if sid is not None and sid not in self.sockets and request.method != "OPTIONS":
            forwarded = None if passed_on else await self._elsewhere(request, sid)
            return await self._unknown(request) if forwarded is None else forwarded
        response: web.StreamResponse = await super().handle_request(request)
        return response

    def generate_id(self) -> str:
        """Names this replica, so that the others know where a session is."""
        id = str(super().generate_id())
        return f"{self.forwarder.own}{SEPARATOR}{id}" if self.forwarder is not None else id

    async def _elsewhere(self, request: web.Request, sid: str) -> web.StreamResponse | None:
        """The answer of the replica that has the session."""
        if self.forwarder is None or (address := await self.forwarder.home(sid)) is None:
            return None
        if self.leaving and request.method == "GET":
            # A poll or an upgrade would end with us. The next poll goes elsewhere, and the client goes on polling.
            if "Upgrade" in request.headers:
                return None
            await asyncio.sleep(LAST_POLL)
            environ = self._async["translate_request"](request)
            nothing: web.Response = await self._make_response(self._ok([packets.engine(stock.NOOP)]), environ)
            return nothing
        return await self.forwarder.forward(request, sid, address, self.addresses.forwarded(request))

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        environ = self._async["translate_request"](request)
        refusal: web.Response = await self._make_response(self._bad_request("Session ID unknown"), environ)
        return refusal

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

    async def _handle_connect(self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None) -> Any:
        sid = self.generate_id()
        connection = self.sockets[sid] = Connection(self, sid)
        handshake = {
            "sid": sid,
            "upgrades": self._upgrades(sid, transport),
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        connection.outbox.put(packets.engine(stock.OPEN, handshake))
        await self._trigger_event("connect", sid, environ, run_async=False)
        connection.schedule_ping()
        if transport == "polling":
            connection.connected = True
            return self._ok(await connection.poll())
        try:
            response = await connection.handle_get_request(environ)
        finally:
            await connection.close(abort=True, reason=self.reason.TRANSPORT_CLOSE)
        return self._bad_request("Invalid websocket upgrade") if isinstance(response, list) else response

    def _cors_headers(self, environ: dict[str, Any]) -> list[tuple[str, str]]:
        if "HTTP_ORIGIN" not in environ or environ["HTTP_ORIGIN"] not in self._cors_allowed_origins(environ):
            return [("Vary", "Origin")]
        headers: list[tuple[str, str]] = super()._cors_headers(environ)
        return [*headers, ("Vary", "Origin")]

    def _log_error_once(self, message: str, message_key: str) -> None:
        # What a client does wrong is no error of ours.
        self.logger.info(message)
