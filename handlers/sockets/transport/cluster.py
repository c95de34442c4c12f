"""The rooms of all replicas together: python-socketio's promises for its managers over a message queue, on our bus.

For code that knows python-socketio but not the bus: `emit`, rooms and disconnects reach sockets wherever they are. What
it asks for is one event, which every replica applies to its own sockets, this one too. The server itself uses
`broadcast`, which stays in the process, since every replica hears of the same facts on the bus.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from bus import events
from bus.local import LocalBus, Scope
from handlers.sockets.transport.forwarding import SEPARATOR
from handlers.sockets.transport.manager import RoomManager


class ClusterManager(RoomManager):
    """`own` names this replica. Binary data and acknowledgements do not cross."""

    def __init__(self, bus: LocalBus, own: str) -> None:
        super().__init__()
        self._bus, self._own = bus, own
        bus.subscribe(events.SocketCommand, self._obey, Scope.EVERYWHERE)

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
        if callback is not None or (isinstance(room, str) and room in self.clients):
            await super().emit(event, data, namespace, room, skip_sid, callback)
            return
        self._everywhere(
            "emit",
            namespace,
            event=event,
            data=list(data) if isinstance(data, tuple) else [] if data is None else [data],
            room=list(room) if room is not None and not isinstance(room, str) else room,
            skip_sid=list(skip_sid) if skip_sid is not None and not isinstance(skip_sid, str) else skip_sid,
        )

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        return not self._passed_on("disconnect", namespace, sid) and self.is_connected(sid, namespace)

    async def enter_room(self, sid: str, namespace: str, room: str, eio_sid: str | None = None) -> None:
        if not self._passed_on("enter_room", namespace, sid, room=room):
            self.basic_enter_room(sid, namespace, room)

    async def leave_room(self, sid: str, namespace: str, room: str) -> None:
        if not self._passed_on("leave_room", namespace, sid, room=room):
            self.basic_leave_room(sid, namespace, room)

    async def close_room(self, room: str, namespace: str) -> None:
        self._everywhere("close_room", namespace, room=room)

    def _passed_on(self, action: str, namespace: str, sid: str, **arguments: str) -> bool:
        """Whether the socket is not of this replica; a sid that was given here and is not known has gone."""
        elsewhere = sid not in self.clients and not sid.startswith(self._own + SEPARATOR)
        if elsewhere:
            self._everywhere(action, namespace, sid=sid, **arguments)
        return elsewhere

    def _everywhere(self, action: str, namespace: str, **arguments: Any) -> None:
        self._bus.publish_nowait(events.SocketCommand(action, namespace, arguments))

    def _obey(self, command: events.SocketCommand) -> None:
        namespace, given = command.namespace, command.arguments
        sid = given.get("sid", "")
        if command.action == "emit":
            self.broadcast(
                given["event"], tuple(given["data"]), namespace, room=given["room"], skip_sid=given["skip_sid"]
            )
        elif command.action == "close_room":
            self.basic_close_room(given["room"], namespace)
        elif not self.is_connected(sid, namespace):
            return
        elif command.action == "enter_room":
            self.basic_enter_room(sid, namespace, given["room"])
        elif command.action == "leave_room":
            self.basic_leave_room(sid, namespace, given["room"])
        elif command.action == "disconnect":
            self.tasks.start(self.server.disconnect(sid, namespace), name=f"socket-command {sid}")
