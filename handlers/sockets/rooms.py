"""Projects' rooms on `/`: who is let in, who is told of comings and goings, who has to leave.

Everybody in the room is told of each connection that comes or goes, exactly once; `connections` says in how many
places that person still is, so that closing the second of two tabs is not told as leaving.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from bus import events as bus_events
from bus.local import Scope
from dawg_server import errors, logs
from dawg_server.daw.presence import Member
from dawg_server.keyed_lock import KeyedLock
from dawg_server.services import Services
from dawg_server.wire import now
from handlers import serializers
from handlers.schemas import collaboration as schemas
from handlers.schemas.connection_events import JoinedProjectEvent
from handlers.sockets.events import Ack, Events, ProjectMembership, SocketCall, memberships_of, project_room
from handlers.sockets.transport.server import Server

RETRY_INTERVAL = 1.0  # seconds, while the database does not answer

events = Events("/", "main")
events.sent["joined:project"] = JoinedProjectEvent


@events.on(
    "join:project", "Open a project: enter its room and get its present state", payload=schemas.Join, ack=schemas.Joined
)
async def join(call: SocketCall) -> Ack:
    """With `since` the operations after that revision, unless they are too many; else the whole project.

    The socket is in the room before anything is read, so no change falls between the answer and the first event.
    """
    await call.count()
    services, project_id, user_id = call.services, call.payload["projectId"], call.caller.user_id
    row = await services.documents.queries.role_and_revision(project_id, user_id)
    role = row["role"]
    memberships = memberships_of(call.server, call.sid)
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


@events.on("leave:project", "Close a project", payload=schemas.WhichProject)
async def leave(call: SocketCall) -> Ack:
    call.membership()
    await call.count()
    await depart(call.services, call.server, call.sid, call.payload["projectId"])
    return None


async def _state(call: SocketCall, revision: int) -> dict[str, Any]:
    document, project_id, since = call.services.documents.document, call.payload["projectId"], call.payload.get("since")
    if since is not None:
        missed = await document.missed(project_id, since, revision)
        if missed is not None:
            # Whoever was removed between the first look and the room has not heard of it there.
            await call.services.documents.queries.role_and_revision(project_id, call.caller.user_id)
            newest = missed[-1]["revision"] if missed else revision
            return {"revision": newest, "operations": missed}
    project = await document.snapshot(project_id, call.caller.user_id)
    return {
        "revision": project["revision"],
        "project": serializers.project(project, call.services.platform.links, call.base_url),
    }


async def depart(services: Services, server: Server, sid: str, project_id: str) -> None:
    """Takes a socket out of a project's room and tells the others, once."""
    memberships_of(server, sid).pop(project_id, None)
    await server.leave_room(sid, project_room(project_id), "/")
    await services.documents.presence.leave(project_id, sid)


async def disconnected(services: Services, server: Server, sid: str) -> None:
    """The connection has ended: as if it had left every project."""
    client = server.manager.clients.get(sid)
    if client is not None and "rate_limit" in client.session:
        client.session["rate_limit"].close()
    await services.documents.presence.leave_all(sid)


def mount(server: Server, services: Services) -> None:
    """Keeps rooms and roles true while memberships change; after the relay, which still has to reach the room.

    What an event says is done at once, also while the database does not answer. What has to be asked or written is
    done by tasks, one after the other for each project, so that nobody who hears of something else waits for it.
    """
    turns: KeyedLock = KeyedLock()

    def soon(project_id: str, work: Callable[[], Awaitable[None]]) -> None:
        async def in_turn() -> None:
            async with turns.setdefault(project_id, asyncio.Lock()):
                await with_database(work)

        server.manager.tasks.start(in_turn(), name="socket-review")

    def set_role(project_id: str, sid: str, role: str | None) -> None:
        """At once; None puts the socket out of the room."""
        membership = memberships_of(server, sid).get(project_id)
        if membership is None or membership.role == role:
            return
        if role is not None:
            membership.role = role
            soon(project_id, lambda: _write_role(server, services, sid, project_id))
            return
        del memberships_of(server, sid)[project_id]
        server.manager.basic_leave_room(sid, "/", project_room(project_id))
        refusal = errors.Forbidden("You are no longer a member of this project.").envelope(logs.request_id())
        told = {**refusal, "event": "join:project", "projectId": project_id, "timestamp": now()}
        server.broadcast("error", told, room=sid)
        soon(project_id, lambda: take_out(project_id, sid))

    async def take_out(project_id: str, sid: str) -> None:
        if project_id not in memberships_of(server, sid):  # it may have come back to a public project
            await services.documents.presence.leave(project_id, sid)

    def membership_changed(event: bus_events.MembershipChanged) -> None:
        for sid in _sockets(server, event.project_id):
            if server.manager.clients[sid].session["caller"].user_id == event.user_id:
                set_role(event.project_id, sid, event.role)

    async def review(project_id: str) -> None:
        """Asks once for everybody who has the project open here."""
        callers = {sid: server.manager.clients[sid].session["caller"].user_id for sid in _sockets(server, project_id)}
        if callers:
            roles = await services.documents.document.roles(project_id, set(callers.values()))
            for sid, user_id in callers.items():
                set_role(project_id, sid, roles.get(user_id))

    def publicity_changed(event: bus_events.PublicityChanged) -> None:
        soon(event.project_id, lambda: review(event.project_id))

    def project_deleted(event: bus_events.ProjectDeleted) -> None:
        for sid in _sockets(server, event.project_id):
            memberships_of(server, sid).pop(event.project_id, None)
            server.manager.basic_leave_room(sid, "/", project_room(event.project_id))
            services.documents.presence.project_gone(event.project_id, sid)

    def restored(_: bus_events.BusRestored) -> None:
        """What happened to memberships meanwhile was not heard."""
        sids = [sid for sid, _ in server.manager.get_participants("/", None)]
        for project_id in {project_id for sid in sids for project_id in memberships_of(server, sid)}:
            soon(project_id, functools.partial(review, project_id))

    bus = services.platform.bus
    bus.subscribe(bus_events.BusRestored, restored)
    bus.subscribe(bus_events.MembershipChanged, membership_changed, Scope.EVERYWHERE)
    bus.subscribe(bus_events.PublicityChanged, publicity_changed, Scope.EVERYWHERE)
    bus.subscribe(bus_events.ProjectDeleted, project_deleted, Scope.EVERYWHERE)


async def _write_role(server: Server, services: Services, sid: str, project_id: str) -> None:
    """What others are shown of somebody whose role has changed. Whoever has left meanwhile stays away."""
    membership = memberships_of(server, sid).get(project_id)
    if membership is None or not services.documents.presence.present(project_id, sid):
        return
    caller = server.manager.clients[sid].session["caller"]
    member = Member(sid, caller.user_id, membership.username, membership.role, caller.login)
    with contextlib.suppress(errors.NotJoined, errors.NotFound):  # it is leaving anyway, or the project has gone
        await services.documents.presence.join(project_id, member)


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
