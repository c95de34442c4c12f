"""The Socket.IO server: python-socketio's interface over a transport that encodes once and dispatches without tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from engineio import packet as engine_packet  # type: ignore[import-untyped]

from dawg_server import logs
from dawg_server.wire import now
from handlers.addresses import Addresses
from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import ClientConnection
from handlers.sockets.transport.dispatcher import Dispatcher, Handler
from handlers.sockets.transport.engine import CONNECT_TIMEOUT, Engine
from handlers.sockets.transport.forwarding import Forwarder
from handlers.sockets.transport.manager import Client, ClientGone, ClientState, RoomManager
from handlers.sockets.transport.membership import Membership
from handlers.sockets.transport.stock import StockServer

log = logs.get("main")

NAMESPACES = ("/", "/ai-brain", "/voice")

SlowClientHook = Callable[[str, str], None]
"""Called with namespace and sid, once for each namespace of the slow connection."""


def create_server(
    *,
    addresses: Addresses,
    max_packet_bytes: int = 1_000_000,
    ping_interval: float = 25,
    ping_timeout: float = 20,
    connect_timeout: float = CONNECT_TIMEOUT,
    max_queue_bytes: int = 4 * 2**20,
    on_slow_client: SlowClientHook | None = None,
    manager: RoomManager | None = None,
    forwarder: Forwarder | None = None,
) -> Server:
    """Contract, section 6.1 and the socket rows of 1.3. `server.attach(app)` mounts it at `/socket.io`.

    `addresses` tells which origins may connect; a client without an `Origin` header is not a browser and passes.
    Intervals and timeouts are in seconds; `connect_timeout` is how long a connection may be in no namespace.
    Among other replicas it needs a `ClusterManager` and a `forwarder`.
    """
    return Server(
        client_manager=manager or RoomManager(),
        on_slow_client=on_slow_client,
        namespaces=NAMESPACES,
        json=packets.JsonCodec,
        logger=logging.getLogger("socketio"),
        engineio_logger=logging.getLogger("socketio.engine"),
        transports=["websocket", "polling"],
        addresses=addresses,
        max_http_buffer_size=max_packet_bytes,
        max_queue_bytes=max_queue_bytes,
        forwarder=forwarder,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        connect_timeout=connect_timeout,
    )


class Server(StockServer):
    """Handlers are registered and called as with python-socketio (`sid, data`; the returned value is the ack).

    A handler's `DawgError` becomes the ack (or, without a callback, the `error` event) that section 6.1 of the contract
    asks for; any other exception becomes `internal_error`. `dispatcher` tells the order in which handlers run.
    """

    engine_class = Engine
    eio: Engine
    manager: RoomManager

    def __init__(self, *, on_slow_client: SlowClientHook | None, **options: Any) -> None:
        super().__init__(**options)
        self._on_slow_client = on_slow_client
        self.membership = Membership(self)
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
        return client.send_queue.put_volatile(packets.event(event, data, client.called), joined=joined)

    def sockets_by_namespace(self) -> dict[str, int]:
        return {namespace: len(members) for namespace, members in self.manager.namespaces.items()}

    # -- python-socketio's interface -----------------------------------------------------------------------------------

    def on(
        self, event: str, handler: Handler | None = None, namespace: str | None = None, *, concurrent: bool = False
    ) -> Any:
        """`concurrent` handlers neither wait for the client's other events nor make them wait."""
        self.dispatcher.registered(event, namespace or "/", concurrent=concurrent)
        return super().on(event, handler, namespace)

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        return self._client(sid, namespace).session

    async def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        self._client(sid, namespace).session = session

    async def disconnect(self, sid: str, namespace: str | None = None, **_: Any) -> None:
        """Wherever the socket is."""
        if await self.manager.can_disconnect(sid, namespace or "/"):
            client = self.manager.clients[sid]
            client.send_queue.put(packets.disconnect(client.called))
            await self.membership.leave(client, self.reason.SERVER_DISCONNECT)

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

    # -- for the parts of the transport --------------------------------------------------------------------------------

    def _end_slow_client(self, connection: ClientConnection) -> None:
        clients = list(connection.clients.values())
        log.warning("A client reads too slowly.", action="socket_slow_client", sids=[client.sid for client in clients])
        notice = {"maxQueueBytes": self.eio.max_queue_bytes, "timestamp": now()}
        final_messages = [packets.event("server:slow-client", notice, client.called) for client in clients]
        connection.send_queue.replace_waiting([*final_messages, packets.engine(engine_packet.CLOSE)])
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
            await asyncio.gather(*(self.membership.leave(each, reason) for each in tuple(connection.clients.values())))
        self.environ.pop(eio_sid, None)
