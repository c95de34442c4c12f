"""Who is connected to which namespace, who is in which room, and how an event reaches them.

The manager for several replicas (`cluster`) is a subclass: it overrides what concerns all of them, and calls `deliver`
for what it hears.
"""

from __future__ import annotations

import enum
import inspect
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from socketio import async_manager  # type: ignore[import-untyped]

from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import Connection
from handlers.sockets.transport.inbox import Inbox
from handlers.sockets.transport.tasks import Tasks

MAX_CALLBACKS = 256  # acknowledgements that one client owes us; beyond that the oldest is given up


class State(enum.Enum):
    CONNECTING = "connecting"  # the connect handler is running: nothing is sent to it yet
    CONNECTED = "connected"
    LEAVING = "leaving"  # the disconnect handler is running


class ClientGone(ValueError, KeyError):
    """That socket is not connected (any more): of both kinds that python-socketio has for it."""


class Client:
    """One connection's membership of one namespace."""

    __slots__ = ("callback_ids", "callbacks", "connection", "inbox", "namespace", "rooms", "session", "sid", "state")

    def __init__(self, sid: str, namespace: str, connection: Connection, tasks: Tasks) -> None:
        self.sid = sid
        self.namespace = namespace
        self.connection = connection
        self.state = State.CONNECTING
        self.rooms: set[str] = set()
        self.session: dict[str, Any] = {}
        self.inbox = Inbox(tasks, f"socket-events {namespace} {sid}")
        self.callbacks: dict[int, Callable[..., Any]] = {}
        self.callback_ids = itertools.count(1)

    def expect(self, callback: Callable[..., Any]) -> int:
        id = next(self.callback_ids)
        if len(self.callbacks) >= MAX_CALLBACKS:
            del self.callbacks[next(iter(self.callbacks))]
        self.callbacks[id] = callback
        return id


class RoomManager(async_manager.AsyncManager):  # type: ignore[misc]
    """python-socketio's manager over an index in which no step depends on how many others are connected."""

    def __init__(self) -> None:
        super().__init__()
        self.clients: dict[str, Client] = {}
        self.namespaces: dict[str, dict[str, Client]] = {}
        self.rooms: dict[str, dict[str, dict[str, Client]]] = {}  # namespace, room, sid
        self.tasks = Tasks()  # handlers and callbacks

    # -- sending ------------------------------------------------------------------------------------------------------

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: str | Iterable[str] | None = None,
        skip_sid: str | Collection[str] | None = None,
        callback: Callable[..., Any] | None = None,
        to: str | Iterable[str] | None = None,
        **kwargs: Any,
    ) -> None:
        room = to or room
        if callback is None:
            self.broadcast(
                event, data, namespace, room=room, skip_sid=skip_sid, ignore_queue=kwargs.get("ignore_queue", False)
            )
            return
        for client in list(self._members(namespace, room)):
            if client.state is State.CONNECTED and client.sid not in _sids(skip_sid):
                message = packets.event(event, data, namespace, client.expect(callback))
                client.connection.outbox.put(message)

    def broadcast(
        self,
        event: str,
        data: Any,
        namespace: str = "/",
        *,
        room: str | Iterable[str] | None = None,
        skip_sid: str | Collection[str] | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """To everyone who should have it, wherever they are connected; `ignore_queue` keeps it in this process."""
        self.deliver(packets.event(event, data, namespace), namespace, room, skip_sid)

    def deliver(
        self,
        message: packets.Message,
        namespace: str,
        room: str | Iterable[str] | None,
        skip_sid: str | Collection[str] | None = None,
    ) -> None:
        """To the members that are connected to this process."""
        skipped = _sids(skip_sid)
        connected = State.CONNECTED
        for client in self._members(namespace, room):
            if client.state is connected and client.sid not in skipped:
                client.connection.outbox.put(message)

    def _members(self, namespace: str, room: str | Iterable[str] | None) -> Collection[Client]:
        if room is None:
            return self.namespaces.get(namespace, {}).values()
        if isinstance(room, str):
            client = self.clients.get(room)
            if client is not None:
                return (client,) if client.namespace == namespace else ()
            return self.rooms.get(namespace, {}).get(room, {}).values()
        return {member.sid: member for each in room for member in self._members(namespace, each)}.values()

    def has_members(self, namespace: str, room: str) -> bool:
        """Whether anybody who is connected to this process is in the room."""
        return bool(self._members(namespace, room))

    async def trigger_callback(self, sid: str, id: int, data: Any) -> None:
        client = self.clients.get(sid)
        callback = client.callbacks.pop(id, None) if client is not None else None
        if callback is None or not isinstance(data, list):
            return
        result = callback(*data)
        if inspect.isawaitable(result):
            await result

    # -- membership, as python-socketio's server asks for it -----------------------------------------------------------

    def get_namespaces(self) -> Collection[str]:
        return self.namespaces.keys()

    def get_participants(self, namespace: str, room: str | Iterable[str] | None) -> Iterator[tuple[str, str]]:
        for client in list(self._members(namespace, room)):
            yield client.sid, client.connection.sid

    async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        connection = self.server.eio.sockets.get(eio_sid)
        if connection is None or connection.closing or namespace in connection.clients:
            return None
        sid = str(self.server.eio.generate_id())
        client = Client(sid, namespace, connection, self.tasks)
        self.clients[sid] = connection.clients[namespace] = client
        self.namespaces.setdefault(namespace, {})[sid] = client
        return sid

    async def connect(self, sid: str, namespace: str) -> str:
        self.clients[sid].state = State.CONNECTED
        return sid

    def is_connected(self, sid: str, namespace: str) -> bool:
        client = self.clients.get(sid)
        return client is not None and client.namespace == namespace and client.state is State.CONNECTED

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        connection = self.server.eio.sockets.get(eio_sid)
        client = connection.clients.get(namespace) if connection is not None else None
        return client.sid if client is not None else None

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        client = self.clients.get(sid)
        return client.connection.sid if client is not None and client.namespace == namespace else None

    def pre_disconnect(self, sid: str, namespace: str) -> str:
        client = self.clients[sid]
        client.state = State.LEAVING
        client.inbox.clear()
        # The same browser may come back to this namespace while the disconnect handler is still running.
        if client.connection.clients.get(namespace) is client:
            del client.connection.clients[namespace]
        return client.connection.sid

    async def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        if sid not in self.clients:
            return
        self.pre_disconnect(sid, namespace)
        client = self.clients.pop(sid)
        for room in list(client.rooms):
            self.basic_leave_room(sid, namespace, room, client)
        members = self.namespaces[namespace]
        del members[sid]
        if not members:
            del self.namespaces[namespace]

    def basic_enter_room(self, sid: str, namespace: str, room: str, eio_sid: str | None = None) -> None:
        client = self.clients.get(sid)
        if client is None or client.namespace != namespace or client.state is State.LEAVING:
            raise ClientGone(f"{sid} is not connected to {namespace}")
        if room in self.clients:
            raise ValueError("cannot enter a sid room")
        self.rooms.setdefault(namespace, {}).setdefault(room, {})[sid] = client
        client.rooms.add(room)

    def basic_leave_room(self, sid: str, namespace: str, room: str, client: Client | None = None) -> None:
        client = client or self.clients.get(sid)
        if client is None or client.namespace != namespace or room not in client.rooms:
            return
        client.rooms.discard(room)
        rooms = self.rooms[namespace]
        del rooms[room][sid]
        if not rooms[room]:
            del rooms[room]
            if not rooms:
                del self.rooms[namespace]

    def basic_close_room(self, room: str, namespace: str) -> None:
        for client in list(self._members(namespace, room)):
            self.basic_leave_room(client.sid, namespace, room)

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        client = self.clients.get(sid)
        return [sid, *client.rooms] if client is not None and client.namespace == namespace else []


def _sids(skip_sid: str | Collection[str] | None) -> Collection[str]:
    # A tuple with one text, never the text itself, in which `in` would find parts.
    return () if skip_sid is None else (skip_sid,) if isinstance(skip_sid, str) else skip_sid
