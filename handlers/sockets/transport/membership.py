"""How a connection joins a namespace and leaves it."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from socketio import exceptions  # type: ignore[import-untyped]

from dawg_server import errors, logs
from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import ClientConnection
from handlers.sockets.transport.manager import ALIASES, Client, ClientGone, ClientState

if TYPE_CHECKING:
    from handlers.sockets.transport.server import Server

log = logs.get("main")

CONNECT_TIMEOUT, DISCONNECT_TIMEOUT = 20.0, 10.0  # seconds for the handlers


class Membership:
    """Connect handlers run in tasks of their own: one that waits for the database holds up no other namespace."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._manager = server.manager

    async def join(self, connection: ClientConnection, packet: packets.Packet) -> None:
        namespace = packet.namespace
        sid = await self._manager.pre_connect(connection.sid, namespace) if self._serves(namespace) else None
        if sid is None:
            connection.send_queue.put(packets.connect_error(namespace, {"message": "Invalid namespace"}))
            return
        client = self._manager.clients[sid]
        refusal = await self._ask(client, packet)
        if refusal is not None:
            await self._manager.disconnect(sid, namespace)
            connection.send_queue.put(packets.connect_error(namespace, refusal))
        elif client.state is ClientState.CONNECTING and not connection.closing:
            connection.send_queue.put(packets.connect(namespace, sid))
            await self._manager.connect(sid, namespace)
        else:
            await self._end(client, self._server.reason.TRANSPORT_CLOSE)

    async def leave(self, client: Client, reason: str) -> None:
        """A client that leaves while its connect handler is running is only marked; `join` then ends it."""
        if client.state is ClientState.CONNECTING:
            self._manager.pre_disconnect(client.sid, client.namespace)
        elif client.state is ClientState.CONNECTED:
            await self._end(client, reason)

    async def _end(self, client: Client, reason: str) -> None:
        self._manager.pre_disconnect(client.sid, client.namespace)
        try:
            async with asyncio.timeout(DISCONNECT_TIMEOUT):
                await self._call("disconnect", client, reason)
        except Exception:
            # Whoever leaves is gone, whatever the handler thinks of it.
            log.exception("A disconnect handler broke.", action="socket_disconnect_failed", namespace=client.namespace)
        finally:
            await self._manager.disconnect(client.sid, client.namespace)

    async def _ask(self, client: Client, packet: packets.Packet) -> dict[str, Any] | None:
        """Runs the connect handler; returns what a refused client is told, or None."""
        try:
            auth = packet.data()
            environ = self._server.environ[client.connection.sid]
            async with asyncio.timeout(CONNECT_TIMEOUT):
                accepted = await self._call("connect", client, environ, auth if isinstance(auth, dict) else None)
        except exceptions.ConnectionRefusedError as error:
            return dict(error.error_args)
        except errors.DawgError as error:
            return _refusal(error)
        except ClientGone:
            return _refusal(errors.DawgError())  # which nobody hears
        except Exception:
            refusal = _refusal(errors.DawgError())
            log.exception(
                "A connect handler broke.",
                action="socket_connect_failed",
                namespace=client.namespace,
                request_id=refusal["data"]["requestId"],
            )
            return refusal
        return dict(exceptions.ConnectionRefusedError().error_args) if accepted is False else None

    async def _call(self, event: str, client: Client, *arguments: Any) -> Any:
        handler = self._server.dispatcher.resolve(event, client.namespace)
        result = handler.call(client.sid, *arguments) if handler is not None else None
        return await result if inspect.isawaitable(result) else result

    def _serves(self, called: str) -> bool:
        server, namespace = self._server, ALIASES.get(called, called)
        return namespace in server.namespaces or namespace in server.handlers or namespace in server.namespace_handlers


def _refusal(error: errors.DawgError) -> dict[str, Any]:
    return {"message": error.message, "data": error.envelope(logs.request_id())}
