"""The rooms of all replicas together: python-socketio's promises for its managers over a message queue, on our bus.

What concerns one process alone says so with `ignore_queue`, as the relay does: every replica hears the news themselves
and tells its own clients. The bus keeps the order, and one writer sends everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from bus import events
from bus.local import LocalBus, Scope
from handlers.sockets.transport import packets
from handlers.sockets.transport.forwarding import SEPARATOR
from handlers.sockets.transport.manager import RoomManager


class ClusterManager(RoomManager):
    """`own` names this replica. Binary data and acknowledgements do not cross."""

    def __init__(self, bus: LocalBus, own: str) -> None:
        super().__init__()
        self._bus, self._own = bus, own
        bus.subscribe(events.SocketsTold, self._told, Scope.EVERYWHERE)
        bus.subscribe(events.SocketsManaged, self._managed, Scope.EVERYWHERE)

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
        super().broadcast(event, data, namespace, room=room, skip_sid=skip_sid)
        if ignore_queue or (isinstance(room, str) and room in self.clients):
            return
        rooms = [room] if isinstance(room, str) else None if room is None else list(room)
        skipped = [skip_sid] if isinstance(skip_sid, str) else list(skip_sid or ())
        arguments = list(data) if isinstance(data, tuple) else [] if data is None else [data]
        self._bus.tell(events.SocketsTold(self._own, namespace, event, arguments, rooms, skipped))

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        if sid in self.clients:
            return self.is_connected(sid, namespace)
        self._manage("disconnect", namespace, sid)
        return False

    async def enter_room(self, sid: str, namespace: str, room: str, eio_sid: str | None = None) -> None:
        if sid in self.clients or self._is_own(sid):
            self.basic_enter_room(sid, namespace, room)
        else:
            self._manage("enter", namespace, sid, room)

    async def leave_room(self, sid: str, namespace: str, room: str) -> None:
        if sid in self.clients:
            self.basic_leave_room(sid, namespace, room)
        else:
            self._manage("leave", namespace, sid, room)

    async def close_room(self, room: str, namespace: str) -> None:
        self.basic_close_room(room, namespace)
        self._manage("close", namespace, room=room)

    def _is_own(self, sid: str) -> bool:
        """Whether that sid was given on this replica; if it is not known, it has gone."""
        return sid.startswith(self._own + SEPARATOR)

    def _manage(self, action: str, namespace: str, sid: str = "", room: str = "") -> None:
        self._bus.tell(events.SocketsManaged(self._own, action, namespace, sid, room))

    def _told(self, event: events.SocketsTold) -> None:
        if event.replica != self._own:
            message = packets.event(event.event, tuple(event.arguments), event.namespace)
            self.deliver(message, event.namespace, event.rooms, event.skipped)

    def _managed(self, event: events.SocketsManaged) -> None:
        if event.replica == self._own:
            return
        if event.action == "close":
            self.basic_close_room(event.room, event.namespace)
        elif event.sid in self.clients:
            if event.action == "disconnect":
                leaving = self.server.disconnect(event.sid, event.namespace)
                self.tasks.start(leaving, name=f"socket-disconnect {event.sid}")
            elif event.action == "enter" and self.is_connected(event.sid, event.namespace):
                self.basic_enter_room(event.sid, event.namespace, event.room)
            elif event.action == "leave":
                self.basic_leave_room(event.sid, event.namespace, event.room)
