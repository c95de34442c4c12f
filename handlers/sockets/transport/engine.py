"""The Engine.IO server: handshakes, origins and the connections of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Protocol

import engineio  # type: ignore[import-untyped]
from aiohttp import web
from engineio import packet as stock

from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import CLOSE_TIMEOUT, Connection
from handlers.sockets.transport.counters import Counters
from handlers.sockets.transport.tasks import Tasks


class Receiver(Protocol):
    """Where the connections' packets go; every call returns at once and raises `packets.Malformed` to end the peer."""

    def receive(self, connection: Connection, text: str) -> None: ...

    def receive_attachment(self, connection: Connection, data: bytes) -> None: ...


class Engine(engineio.AsyncServer):  # type: ignore[misc]
    """python-engineio's server with our connections, without its monitoring task: each connection times itself."""

    receiver: Receiver
    on_overflow: Callable[[Connection], None]
    sockets: dict[str, Connection]

    def __init__(self, *, origins: Collection[str], max_queue_bytes: int, **options: Any) -> None:
        # An empty list would switch the check off, a callable never does.
        super().__init__(
            monitor_clients=False,
            http_compression=False,
            cors_allowed_origins=lambda origin, environ: origin in origins,
            **options,
        )
        self.max_queue_bytes = max_queue_bytes
        self.counters = Counters()
        self.tasks = Tasks()
        self.draining = False

    def attach(self, app: web.Application, engineio_path: str = "socket.io") -> None:
        for path in (f"/{engineio_path}", f"/{engineio_path}/"):
            for method in ("GET", "POST", "OPTIONS"):
                app.router.add_route(method, path, self.handle_request)

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        sid = request.query.get("sid")
        if sid is None and self.draining:
            return web.Response(status=503, text="This server is shutting down. Connect again in a moment.")
        if sid is not None and sid not in self.sockets:
            return await self.unknown_session(request)
        response: web.StreamResponse = await super().handle_request(request)
        return response

    async def unknown_session(self, request: web.Request) -> web.StreamResponse:
        """A session that this process does not have: it has ended, or it lives on another replica."""
        environ = self._async["translate_request"](request)
        response: web.Response = await self._make_response(self._bad_request("Session ID unknown"), environ)
        return response

    async def shutdown(self) -> None:
        """Closes every connection, then ends every task."""
        self.draining = True
        closing = [
            asyncio.create_task(each.close(), name=f"socket-close {each.sid}") for each in self.sockets.values()
        ]
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
