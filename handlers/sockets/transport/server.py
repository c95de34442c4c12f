"""The Socket.IO server: python-socketio's interface over a transport that encodes once and dispatches without tasks."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from socketio import exceptions  # type: ignore[import-untyped]

from dawg_server import errors, logs
from dawg_server.wire import now
from handlers.addresses import Addresses
from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import ClientConnection
from handlers.sockets.transport.dispatcher import Dispatcher, Handler
from handlers.sockets.transport.engine import Engine
from handlers.sockets.transport.manager import ALIASES, Client, ClientGone, ClientState, RoomManager
from handlers.sockets.transport.stock import StockServer

log = logs.get("main")

NAMESPACES = ("/", "/ai-brain", "/voice")
CONNECT_PATIENCE, DISCONNECT_PATIENCE = 20.0, 10.0  # seconds for the handlers

JOIN_WITHIN = 0.002  # seconds that a small message waits for others to the same client

SlowClientHook = Callable[[str, str], None]
"""Called with namespace and sid, once for each namespace of the slow connection."""


class Server(StockServer):
    """Handlers are registered and called as with python-socketio (`sid, data`; the returned value is the ack).

    A handler's `DawgError` becomes the ack or, without a callback, the `error` event; any other exception becomes
    `internal_error`. `dispatcher` tells the order in which handlers run.

    `attach(app)` mounts it at `/socket.io`. `addresses` tells which origins may connect; a client without an `Origin`
    header is not a browser and passes. Among other replicas it needs a `ClusterManager` and a `forwarder`. In seconds:
    `ping_interval` (25), `ping_timeout` (20), and `connect_timeout` (45), how long a connection may be in no namespace.
    """

    engine_class = Engine
    # One payload in place of two of the same event that wait behind each other; None where each is handled.
    merge: Callable[[Any, Any], Any] | None = None
    eio: Engine
    manager: RoomManager

    def __init__(
        self,
        *,
        addresses: Addresses,
        manager: RoomManager | None = None,
        max_packet_bytes: int = 1_000_000,
        max_queue_bytes: int = 4 * 2**20,
        on_slow_client: SlowClientHook | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            client_manager=manager or RoomManager(),
            namespaces=NAMESPACES,
            logger=logging.getLogger("socketio"),
            engineio_logger=logging.getLogger("socketio.engine"),
            transports=["websocket", "polling"],
            addresses=addresses,
            max_http_buffer_size=max_packet_bytes,
            max_queue_bytes=max_queue_bytes,
            **options,
        )
        self._on_slow_client = on_slow_client
        self.dispatcher = self.eio.dispatcher = Dispatcher(self)
        self.eio.on_overflow = self._end_slow_client
        self.eio.on("disconnect", self._connection_ended)
        self.broadcast = self.manager.broadcast

    # -- for services and metrics --------------------------------------------------------------------------------------

    def try_send_volatile(self, event: str, data: Any, *, sid: str, namespace: str = "/", joined: bool = False) -> bool:
        """For what is worth nothing late, such as voice audio: False, and not sent, when the socket is congested.

        `joined`: what is sent to one client within two milliseconds, such as the words of an answer, is one write.
        """
        client = self.manager.find(sid, namespace)
        if client is None or client.state is not ClientState.CONNECTED:
            return False
        return client.send_queue.put_volatile(
            packets.event(event, data, client.called), within=JOIN_WITHIN if joined else 0.0
        )

    def sockets_by_namespace(self) -> dict[str, int]:
        return {namespace: len(rooms[None]) for namespace, rooms in self.manager.rooms.items()}

    # -- python-socketio's interface -----------------------------------------------------------------------------------

    def on(
        self, event: str, handler: Handler | None = None, namespace: str | None = None, *, concurrent: bool = False
    ) -> Any:
        """`concurrent` handlers neither wait for the client's other events nor make them wait."""
        if handler is None:
            return lambda function: self.on(event, function, namespace, concurrent=concurrent)
        self.dispatcher.register(event, namespace or "/", handler, concurrent=concurrent)
        super().on(event, handler, namespace)
        return handler

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        return self._client(sid, namespace).session

    async def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        self._client(sid, namespace).session = session

    async def disconnect(self, sid: str, namespace: str | None = None, **_: Any) -> None:
        """Wherever the socket is."""
        if await self.manager.can_disconnect(sid, namespace or "/"):
            client = self.manager.clients[sid]
            client.send_queue.put(packets.disconnect(client.called))
            await self.leave(client, self.reason.SERVER_DISCONNECT)

    async def close(self, grace: float = 5.0) -> None:
        """Refuses new connections and events, lets running handlers end within `grace` seconds, then ends everything.

        Clients are told nothing: they see the transport close, and so they reconnect by themselves.
        """
        self.eio.leaving = self.eio.shut = self.eio.draining = True
        await self.manager.tasks.settle(grace)
        await self.eio.shutdown()
        await self.manager.tasks.close()

    async def shutdown(self) -> None:
        await self.close()

    # -- joining and leaving -------------------------------------------------------------------------------------------

    async def join(self, connection: ClientConnection, packet: packets.Packet) -> None:
        """In a task of its own: a connect handler that waits for the database holds up no other namespace."""
        called = packet.namespace
        client = self.manager.add(connection, called) if self._serves(ALIASES.get(called, called)) else None
        if client is None:
            connection.send_queue.put(packets.connect_error(called, {"message": "Invalid namespace"}))
        elif (refusal := await self._ask(client, packet)) is not None:
            self.manager.remove(client)
            connection.send_queue.put(packets.connect_error(called, refusal))
        elif client.state is ClientState.CONNECTING and not connection.closing:
            connection.send_queue.put(packets.connect(called, client.sid))
            client.state = ClientState.CONNECTED
            connection.namespace_joined()
        else:
            await self._end(client, self.reason.TRANSPORT_CLOSE)

    async def leave(self, client: Client, reason: str) -> None:
        """A client that leaves while its connect handler is running is only marked; `join` then ends it."""
        if client.state is ClientState.CONNECTING:
            self.manager.begin_leaving(client)
        elif client.state is ClientState.CONNECTED:
            await self._end(client, reason)

    async def _end(self, client: Client, reason: str) -> None:
        self.manager.begin_leaving(client)
        try:
            async with asyncio.timeout(DISCONNECT_PATIENCE):
                await self._call("disconnect", client, reason)
        except Exception:
            # Whoever leaves is gone, whatever the handler thinks of it.
            log.exception("A disconnect handler broke.", action="socket_disconnect_failed", namespace=client.namespace)
        finally:
            self.manager.remove(client)

    async def _ask(self, client: Client, packet: packets.Packet) -> dict[str, Any] | None:
        """Runs the connect handler; returns what a refused client is told, or None."""
        request_id = logs.request_id()
        try:
            auth = packet.data()
            environ = self.environ[client.connection.sid]
            async with asyncio.timeout(CONNECT_PATIENCE):
                accepted = await self._call("connect", client, environ, auth if isinstance(auth, dict) else None)
            return dict(exceptions.ConnectionRefusedError().error_args) if accepted is False else None
        except exceptions.ConnectionRefusedError as refused:
            return dict(refused.error_args)
        except errors.DawgError as refused:
            error = refused
        except Exception as broken:
            error = errors.DawgError()
            if not isinstance(broken, ClientGone):  # which hears nothing
                log.exception(
                    "A connect handler broke.",
                    action="socket_connect_failed",
                    namespace=client.namespace,
                    request_id=request_id,
                )
        return {"message": error.message, "data": error.envelope(request_id)}

    async def _call(self, event: str, client: Client, *arguments: Any) -> Any:
        handler = self.dispatcher.resolve(event, client.namespace)
        result = handler.call(client.sid, *arguments) if handler is not None else None
        return await result if inspect.isawaitable(result) else result

    def _serves(self, namespace: str) -> bool:
        return namespace in self.namespaces or namespace in self.handlers or namespace in self.namespace_handlers

    # -- for the parts of the transport --------------------------------------------------------------------------------

    def _end_slow_client(self, connection: ClientConnection) -> None:
        clients = list(connection.clients.values())
        log.warning("A client reads too slowly.", action="socket_slow_client", sids=[client.sid for client in clients])
        notice = {"maxQueueBytes": self.eio.max_queue_bytes, "timestamp": now()}
        final_messages = [packets.event("server:slow-client", notice, client.called) for client in clients]
        connection.send_queue.end(*final_messages, packets.engine(packets.CLOSE), forget=True)
        connection.begin_close(self.reason.SERVER_DISCONNECT)
        if self._on_slow_client is None:
            return
        try:
            for client in clients:
                self._on_slow_client(client.namespace, client.sid)
        except Exception:
            # This runs inside somebody else's broadcast, whose other recipients must not suffer.
            log.exception("The hook for slow clients broke.", action="socket_hook_failed")

    def _client(self, sid: str, namespace: str | None) -> Client:
        client = self.manager.find(sid, namespace)
        if client is None:
            raise ClientGone(f"{sid} is not connected to {namespace or '/'}")
        return client

    async def _connection_ended(self, eio_sid: str, reason: str) -> None:
        if (connection := self.eio.sockets.get(eio_sid)) is not None:
            await asyncio.gather(*(self.leave(each, reason) for each in tuple(connection.clients.values())))
        self.environ.pop(eio_sid, None)
