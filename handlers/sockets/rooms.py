"""Projects' rooms on `/`: who is let in, who is told of comings and goings, who has to leave (contract, 6.2), and how
much one socket may send (1.3).

Everybody in the room is told of each connection that comes or goes, exactly once; `connections` says in how many
places that person still is, so that closing the second of two tabs is not told as leaving.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from bus import events as bus_events
from bus.local import Scope
from dawg_server import errors, logs
from dawg_server.daw.access import RANKS
from dawg_server.daw.presence import Member
from dawg_server.services import Services
from dawg_server.wire import now
from handlers import serializers
from handlers.relay import project_room
from handlers.schemas import collaboration as schemas
from handlers.sockets.events import Ack, Events, SocketCall
from handlers.sockets.transport.server import Server

WINDOW = 1.0  # seconds in which the changes and relayed events of a socket are counted
RETRY_INTERVAL = 1.0  # seconds, while the database does not answer

events = Events("/", "main")
events.sent["joined:project"] = "This socket is in the room of projectId; its ack has told the rest."


@dataclass(slots=True)
class ProjectMembership:
    """A socket's place in a project. `role` follows what happens to the membership while the socket is there."""

    role: str
    username: str


def membership(call: SocketCall, role: str = "viewer") -> ProjectMembership:
    """The sender's membership of the project that its payload names; raises `NotJoined` and `Forbidden`."""
    return membership_of(call.server, call.sid, call.payload["projectId"], role)


def membership_of(server: Server, sid: str, project_id: str, role: str) -> ProjectMembership:
    found = _memberships(server, sid).get(project_id)
    if found is None:
        raise errors.NotJoined()
    if RANKS[found.role] < RANKS[role]:
        raise errors.Forbidden(
            f"This needs the role {role}; yours is {found.role}.", details={"role": found.role, "required": role}
        )
    return found


def find_membership(server: Server, sid: str, project_id: str) -> ProjectMembership | None:
    return _memberships(server, sid).get(project_id)


def rate_limit(call: SocketCall) -> RateLimit:
    """How much more the sender may send now."""
    session = call.server.manager.clients[call.sid].session
    found = session.get("rate_limit")
    if not isinstance(found, RateLimit):
        limits = call.services.platform.settings
        found = session["rate_limit"] = RateLimit(limits.socket_changes_per_second, limits.socket_relays_per_second)
    return found


@events.on(
    "join:project", "Open a project: enter its room and get its present state", payload=schemas.Join, ack=schemas.Joined
)
async def join(call: SocketCall) -> Ack:
    """With `since` the operations after that revision, unless they are too many; else the whole project.

    The socket is in the room before anything is read, so no change falls between the answer and the first event.
    """
    services, project_id, user_id = call.services, call.payload["projectId"], call.caller.user_id
    row = await services.documents.queries.role_and_revision(project_id, user_id)
    role = row["role"]
    memberships = _memberships(call.server, call.sid)
    if len(memberships) >= schemas.MAX_PROJECTS and project_id not in memberships:
        raise errors.Conflict(f"A socket opens at most {schemas.MAX_PROJECTS} projects. Leave one of them first.")
    known = project_id in memberships
    memberships[project_id] = ProjectMembership(role, row["username"])
    services.documents.changes.subscribe(project_id, row["revision"])  # at once before the room is entered
    await call.server.enter_room(call.sid, project_room(project_id), "/")
    try:
        connections = await services.documents.presence.join(
            project_id, Member(call.sid, user_id, row["username"], role, call.caller.login)
        )
        if not known:
            # Nothing is awaited in between, so that nobody hears of a departure before the arrival.
            fields = {"role": role, "connections": connections}
            await services.platform.bus.publish(
                bus_events.CollaboratorJoined(project_id, user_id, row["username"], fields, call.sid)
            )
        answer = await _state(call, row["revision"])
    except errors.NotFound:  # removed, or not a member any more, at this very moment
        await depart(services, call.server, call.sid, project_id)
        raise
    welcome = {"projectId": project_id, "timestamp": now()}
    call.server.broadcast("joined:project", welcome, room=call.sid)
    locks = await services.documents.presence.locks(project_id)
    return {
        "projectId": project_id,
        "role": role,
        "members": await services.documents.presence.members(project_id),
        "locks": [schemas.lock(each) for each in locks],
        **answer,
    }


@events.on("leave:project", "Close a project", payload=schemas.Project)
async def leave(call: SocketCall) -> Ack:
    membership(call)
    await depart(call.services, call.server, call.sid, call.payload["projectId"])
    return None


async def _state(call: SocketCall, revision: int) -> dict[str, Any]:
    document, project_id, since = call.services.documents.document, call.payload["projectId"], call.payload.get("since")
    if since is not None:
        missed = await document.missed(project_id, since, revision)
        if missed is not None:
            newest = missed[-1]["revision"] if missed else revision
            return {"revision": newest, "operations": missed}
    project = await document.snapshot(project_id, call.caller.user_id)
    return {
        "revision": project["revision"],
        "project": serializers.project(project, call.services.platform.links, call.base_url),
    }


async def depart(services: Services, server: Server, sid: str, project_id: str) -> None:
    """Takes a socket out of a project's room and tells the others, once."""
    _memberships(server, sid).pop(project_id, None)
    await server.leave_room(sid, project_room(project_id), "/")
    await services.documents.presence.leave(project_id, sid)


async def disconnected(services: Services, server: Server, sid: str) -> None:
    """The connection has ended: as if it had left every project."""
    client = server.manager.clients.get(sid)
    if client is not None and "rate_limit" in client.session:
        client.session["rate_limit"].close()
    await services.documents.presence.leave_all(sid)


def mount(server: Server, services: Services) -> None:
    """Keeps rooms and roles true while memberships change; after the relay, which still has to reach the room."""

    async def membership_changed(event: bus_events.MembershipChanged) -> None:
        for sid in _sockets(server, event.project_id):
            if server.manager.clients[sid].session["caller"].user_id == event.user_id:
                await _review(server, services, sid, event.project_id)

    async def project_changed(event: bus_events.ProjectChanged) -> None:
        if any("isPublic" in each["changes"] for each in event.operations if each["entity"] == "project"):
            for sid in _sockets(server, event.project_id):
                await _review(server, services, sid, event.project_id)

    async def project_deleted(event: bus_events.ProjectDeleted) -> None:
        for sid in _sockets(server, event.project_id):
            _memberships(server, sid).pop(event.project_id, None)
            await server.leave_room(sid, project_room(event.project_id), "/")
            services.documents.presence.project_gone(event.project_id, sid)

    async def review_all() -> None:
        for sid in [sid for sid, _ in server.manager.get_participants("/", None)]:
            for project_id in tuple(_memberships(server, sid)):
                await _review(server, services, sid, project_id)

    def restored(_: bus_events.BusRestored) -> None:
        """What happened to memberships meanwhile was not heard."""
        server.manager.tasks.start(with_database(review_all), name="socket-review")

    services.platform.bus.subscribe(bus_events.BusRestored, restored)
    services.platform.bus.subscribe(bus_events.MembershipChanged, membership_changed, Scope.EVERYWHERE)
    services.platform.bus.subscribe(bus_events.ProjectChanged, project_changed, Scope.EVERYWHERE)
    services.platform.bus.subscribe(bus_events.ProjectDeleted, project_deleted, Scope.EVERYWHERE)


async def _review(server: Server, services: Services, sid: str, project_id: str) -> None:
    """Gives a socket the role that its user has by now, or removes it from the room."""
    client = server.manager.clients.get(sid)
    found = client.session.get("memberships", {}).get(project_id) if client else None
    if client is None or found is None:
        return
    role = await services.documents.document.role(project_id, client.session["caller"].user_id)
    if role == found.role:
        return
    if role is not None:
        found.role = role
        with contextlib.suppress(errors.NotJoined):  # it is leaving anyway
            caller = client.session["caller"]
            member = Member(sid, caller.user_id, found.username, role, caller.login)
            await services.documents.presence.join(project_id, member)
        return
    await depart(services, server, sid, project_id)
    refusal = errors.Forbidden("You are no longer a member of this project.").envelope(logs.request_id())
    told = {**refusal, "event": "join:project", "projectId": project_id, "timestamp": now()}
    server.broadcast("error", told, room=sid)


def _memberships(server: Server, sid: str) -> dict[str, ProjectMembership]:
    client = server.manager.clients.get(sid)
    if client is None:
        return {}
    found: dict[str, ProjectMembership] = client.session.setdefault("memberships", {})
    return found


def _sockets(server: Server, project_id: str) -> list[str]:
    """The sockets of this process that are in the room."""
    return [sid for sid, _ in server.manager.get_participants("/", project_room(project_id))]


async def with_database(work: Callable[[], Awaitable[None]]) -> None:
    """Does it as soon as the database answers."""
    while True:
        try:
            return await work()
        except errors.DependencyUnavailable:
            await asyncio.sleep(RETRY_INTERVAL)


class RateLimit:
    """What one socket may send. `mutations` and `relays` are per second; relays are counted per event and project."""

    def __init__(self, mutations: int, relays: int) -> None:
        self._mutations: deque[float] = deque(maxlen=mutations)
        self._max_mutations, self._max_relays = mutations, relays
        self._throttles: dict[Hashable, Throttle] = {}

    def mutate(self) -> None:
        """Counts a change; raises `RateLimited` for one too many within a second."""
        now = time.monotonic()
        if len(self._mutations) == self._max_mutations and now - self._mutations[0] < WINDOW:
            raise errors.RateLimited(
                f"A socket makes at most {self._max_mutations} changes per second.",
                details={"limit": self._max_mutations},
                retry_after=WINDOW - (now - self._mutations[0]),
            )
        self._mutations.append(now)

    def relay(self, what: Hashable, send: Callable[[], None]) -> None:
        """Calls `send` now, or when the window allows it; of the calls that wait only the last is made."""
        throttle = self._throttles.get(what)
        if throttle is None:
            throttle = self._throttles[what] = Throttle(self._max_relays)
        throttle.call(send)

    def close(self) -> None:
        """Calls that wait are not made."""
        for throttle in self._throttles.values():
            throttle.close()
        self._throttles.clear()


class Throttle:
    """At most `limit` calls in each window; of those beyond, the newest is made when the window has passed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._called_at: deque[float] = deque(maxlen=limit)
        self._waiting: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def call(self, function: Callable[[], None]) -> None:
        now = time.monotonic()
        if self._timer is None and (len(self._called_at) < self._limit or now - self._called_at[0] >= WINDOW):
            self._called_at.append(now)
            function()
            return
        self._waiting = function
        if self._timer is None:
            delay = self._called_at[0] + WINDOW - now
            self._timer = asyncio.get_running_loop().call_later(delay, self._release)

    def close(self) -> None:
        self._waiting = None
        if self._timer is not None:
            self._timer.cancel()

    def _release(self) -> None:
        self._timer = None
        if (function := self._waiting) is not None:
            self._waiting = None
            self._called_at.append(time.monotonic())
            function()
