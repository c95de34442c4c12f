"""Who is connected to which namespace, who is in which room, and how an event reaches them.

The manager for several replicas (`cluster`) is a subclass that overrides what concerns all of them.
"""

from __future__ import annotations

import asyncio
import enum
import inspect
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from socketio import async_manager  # type: ignore[import-untyped]

from bus.supervision import Tasks
from handlers.sockets.transport import packets

if TYPE_CHECKING:
    from handlers.sockets.transport.connection import ClientConnection
    from handlers.sockets.transport.dispatcher import EventQueue

ALIASES = {"/api": "/"}  # names that clients may call a namespace by, for those whose base address has a path
MAX_CALLBACKS = 256  # acknowledgements that one client owes us; beyond that the oldest is given up

Sids = str | Collection[str] | None
Rooms = str | Iterable[str] | None


class ClientState(enum.Enum):
    CONNECTING = "connecting"  # the connect handler is running: nothing is sent to it yet
    CONNECTED = "connected"
    LEAVING = "leaving"  # the disconnect handler is running


class ClientGone(ValueError, KeyError):
    """That socket is not connected (any more): of both kinds that python-socketio has for it."""


class Client:
    """One connection's membership of one namespace; `called` is the name of it that its packets carry."""

    def __init__(self, sid: str, called: str, connection: ClientConnection) -> None:
        self.sid = sid
        self.called = called
        self.namespace = ALIASES.get(called, called)
        self.connection = connection
        self.send_queue = connection.send_queue
        self.state = ClientState.CONNECTING
        self.rooms: set[str | None] = set()
        self.session: dict[str, Any] = {}
        self.event_queue: EventQueue | None = None  # from its first event that waits, or is waited for
        self.callbacks: dict[int, Callable[..., Any]] = {}


class RoomManager(async_manager.AsyncManager):  # type: ignore[misc]
    """python-socketio's manager over an index in which no step depends on how many others are connected."""

    def __init__(self) -> None:
        super().__init__()
        self.clients: dict[str, Client] = {}
        # By namespace, room and sid; None is the room that everybody of a namespace is in, as for python-socketio.
        self.rooms: dict[str, dict[str | None, dict[str, Client]]] = {}
        self.tasks = Tasks()  # handlers and callbacks
        self._callback_ids = itertools.count(1)

    # -- sending ------------------------------------------------------------------------------------------------------

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Rooms = None,
        skip_sid: Sids = None,
        callback: Callable[..., Any] | None = None,
        to: Rooms = None,
        **kwargs: Any,
    ) -> None:
        """To everyone who should have it; acknowledgements are asked of clients of this process alone."""
        if callback is None:
            self.broadcast(event, data, namespace, room=to or room, skip_sid=skip_sid)
            return
        for client in self._addressed(namespace, to or room, skip_sid):
            id = next(self._callback_ids)
            if len(client.callbacks) >= MAX_CALLBACKS:
                del client.callbacks[next(iter(client.callbacks))]
            client.callbacks[id] = callback
            client.send_queue.put(packets.event(event, data, client.called, id))

    def broadcast(
        self, event: str, data: Any = None, namespace: str = "/", *, room: Rooms = None, skip_sid: Sids = None
    ) -> None:
        """To everyone who should have it and is connected to this process. Encoded once, on its way at the
        end of this turn of the loop, and no task is made.
        """
        messages = {namespace: packets.event(event, data, namespace)}  # by what the clients call it
        if clients := self._addressed(namespace, room, skip_sid):
            for client in clients:
                if client.called not in messages:
                    messages[client.called] = packets.event(event, data, client.called)
                client.send_queue.put(messages[client.called], wake=False)
            asyncio.get_running_loop().call_soon(_wake, clients)

    def _addressed(self, namespace: str, room: Rooms, skip_sid: Sids) -> list[Client]:
        # A tuple with one text, never the text itself, in which `in` would find parts.
        skipped = () if skip_sid is None else (skip_sid,) if isinstance(skip_sid, str) else skip_sid
        connected = ClientState.CONNECTED
        return [
            client
            for client in self._members(namespace, room)
            if client.state is connected and client.sid not in skipped
        ]

    def _members(self, namespace: str, room: Rooms) -> Collection[Client]:
        if room is not None and not isinstance(room, str):
            return {member.sid: member for each in room for member in self._members(namespace, each)}.values()
        if room is not None and (client := self.clients.get(room)) is not None:
            return (client,) if client.namespace == namespace else ()
        return self.rooms.get(namespace, {}).get(room, {}).values()

    def has_members(self, namespace: str, room: str) -> bool:
        """Whether anybody who is connected to this process is in the room."""
        return bool(self._members(namespace, room))

    async def trigger_callback(self, sid: str, id: int, data: Any) -> None:
        client = self.clients.get(sid)
        callback = client.callbacks.pop(id, None) if client is not None else None
        if callback is not None and isinstance(data, list) and inspect.isawaitable(result := callback(*data)):
            await result

    # -- membership ----------------------------------------------------------------------------------------------------

    def add(self, connection: ClientConnection, called: str) -> Client | None:
        """A client whose connect handler is about to run; None when the connection is in that namespace already."""
        if connection.closing or called in connection.clients:
            return None
        client = Client(str(self.server.eio.generate_id()), called, connection)
        self.clients[client.sid] = connection.clients[called] = client
        self.basic_enter_room(client.sid, client.namespace, None)
        return client

    def begin_leaving(self, client: Client) -> None:
        client.state = ClientState.LEAVING
        if client.event_queue is not None:
            client.event_queue.close()
        connection = client.connection
        # The same browser may come back to this namespace while the disconnect handler is still running.
        if connection.clients.get(client.called) is client:
            del connection.clients[client.called]
        if not connection.clients:
            connection.expect_namespace()

    def remove(self, client: Client) -> None:
        self.begin_leaving(client)
        for room in tuple(client.rooms):
            self.basic_leave_room(client.sid, client.namespace, room)
        del self.clients[client.sid]

    # -- as python-socketio's server asks for it -----------------------------------------------------------------------

    def find(self, sid: str, namespace: str | None) -> Client | None:
        client = self.clients.get(sid)
        return client if client is not None and client.namespace == (namespace or "/") else None

    def get_participants(self, namespace: str, room: Rooms) -> Iterator[tuple[str, str]]:
        for client in tuple(self._members(namespace, room)):
            yield client.sid, client.connection.sid

    def is_connected(self, sid: str, namespace: str) -> bool:
        client = self.find(sid, namespace)
        return client is not None and client.state is ClientState.CONNECTED

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        client = self.find(sid, namespace)
        return client.connection.sid if client is not None else None

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None) -> None:
        """Raises `ClientGone`."""
        client = self.find(sid, namespace)
        if client is None or client.state is ClientState.LEAVING:
            raise ClientGone(f"{sid} is not connected to {namespace}")
        if room in self.clients:
            raise ValueError("cannot enter a sid room")
        self.rooms.setdefault(namespace, {}).setdefault(room, {})[sid] = client
        client.rooms.add(room)

    def basic_leave_room(self, sid: str, namespace: str, room: str | None) -> None:
        client = self.find(sid, namespace)
        if client is not None and room in client.rooms:
            client.rooms.discard(room)
            rooms = self.rooms[namespace]
            del rooms[room][sid]
            if not rooms[room]:
                del rooms[room]
            if not rooms:
                del self.rooms[namespace]

    def basic_close_room(self, room: str, namespace: str) -> None:
        for sid in tuple(self.rooms.get(namespace, {}).get(room, ())):
            self.basic_leave_room(sid, namespace, room)

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        client = self.find(sid, namespace)
        return [sid, *filter(None, client.rooms)] if client is not None else []


def _wake(clients: list[Client]) -> None:
    for client in clients:
        client.send_queue.wake()
