"""Changes of a project over sockets: the same actions as over REST, answered in the ack, and what its room is told.

Whoever made a change, and on whichever replica, the change stream hands it over here: the room hears one event for each
stored operation.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from bus import events as bus_events
from dawg_server.daw import entity as registry
from dawg_server.daw.access import Actor
from dawg_server.daw.change_stream import ChangeStream
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Executed
from dawg_server.daw.entities.project import PROJECT
from dawg_server.daw.entities.track import TRACK
from dawg_server.daw.presence import Lock
from handlers import actions
from handlers.action import Action
from handlers.schemas import collaboration as schemas
from handlers.sockets.events import Ack, ClientEvent, Events, SocketCall, project_room
from handlers.sockets.transport.server import Server


def events() -> Events:
    """The events of `handlers.actions`."""
    made = Events("/", "main")
    for action in actions.every():
        made.all.append(_event(action))
    return made


@functools.cache
def _event(action: Action) -> ClientEvent:
    kind, makes = action.kind, action.makes
    # By the parameters of the command, where they are in the payload. Those of a new entity are all under its name.
    where = {name: name for name in action.fields}
    if action.under and action.fields:
        where = {"changes": action.under}
    if action.names_one:
        where[kind.id] = kind.id

    async def handle(call: SocketCall) -> Ack:
        call.membership()  # whether it may change anything now; what it may change is decided in the transaction
        payload = call.payload
        gesture = payload.get("gesture")
        if gesture:
            await call.rate_limit.turn()  # what the gesture brings meanwhile is merged (`merged`)
        else:
            call.rate_limit.mutate()
        given = {name: payload[place] for name, place in where.items() if place in payload}
        command = Command(action.command, payload[kind.name] if makes else given, checked=True)
        executed = await call.services.documents.document.execute(
            payload["projectId"],
            [command],
            Actor(call.caller.user_id, "socket", call.sid),
            group=actions.group_of(payload["projectId"], call.caller.user_id, gesture) if gesture else None,
            base_revision=payload.get("baseRevision"),
            client_operation_id=payload.get("clientOperationId"),
        )
        answer = {**executed.results[0], "revision": executed.revision, **_locked_by(executed, command, action)}
        if not action.travels:
            answer |= {"groupId": executed.group_id, "operations": executed.operations}
        return answer

    handle.__doc__ = action.about
    return ClientEvent(action.event, action.summary, handle, action.payload(), action.ack(), concurrent=False)


def merged(first: Any, second: Any) -> dict[str, Any] | None:
    """One payload for two changes of a gesture that wait for their turn; None where each has to be made by itself."""
    if not isinstance(first, dict) or not isinstance(second, dict) or not first.get("gesture"):
        return None
    under = "changes" if "changes" in first else "update"
    alone = {"clientOperationId", "baseRevision"} & (first.keys() | second.keys())
    same = all(first.get(name) == second.get(name) for name in (first.keys() | second.keys()) - {under, "requestId"})
    changes = first.get(under), second.get(under)
    if alone or not same or not isinstance(changes[0], dict) or not isinstance(changes[1], dict):
        return None
    return {**second, under: {**changes[0], **changes[1]}}


def _locked_by(executed: Executed, command: Command, action: Action) -> dict[str, Any]:
    """A lock is no barrier, but whoever works across somebody's lock is told so."""
    if not executed.locks:
        return {}
    changed = executed.results[0].get(action.kind.name, {})
    track_id = command.parameters.get("trackId") or changed.get("trackId")
    held = next((each for each in executed.locks if each["track_id"] == track_id), None)
    return {"lockedBy": schemas.lock(Lock(**held))} if held is not None else {}


# -- what rooms are told -----------------------------------------------------------------------------------------------


def mount(server: Server, changes: ChangeStream) -> None:
    """Tells the rooms of this process; merges what waits of a gesture."""
    server.merge = merged

    def send(event: bus_events.ProjectChanged) -> None:
        room, clients = project_room(event.project_id), server.manager.clients

        def is_theirs(sid: str) -> bool:
            client = clients.get(sid)
            return client is not None and client.session["caller"].user_id == event.user_id

        members = (
            [sid for sid, _ in server.manager.get_participants("/", room)] if event.own else [event.skip_sid or ""]
        )
        # A request may name any socket as its own, which must not keep the change from others.
        known = {sid for sid in members if is_theirs(sid)}
        for name, payload in told(event):
            server.broadcast(name, payload, room=room, skip_sid=known)
            if event.own and known:
                server.broadcast(name, payload | {"own": True}, room=known)
        if any(registry.sets_tempo(each["entity"], each["changes"]) for each in event.operations):
            payload = {
                "projectId": event.project_id,
                **event.things["tempo"],
                "timestamp": event.operations[-1]["createdAt"],
            }
            server.broadcast("daw:transport:sync", payload, room=room)

    changes.attach(send, subscribed=lambda project_id: server.manager.has_members("/", project_room(project_id)))


def told(event: bus_events.ProjectChanged) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, payload) in the order of the log; then, after undo and redo, which groups that was."""
    common = {
        "projectId": event.project_id,
        "userId": event.user_id,
        "username": event.username,
        "userName": event.username,
        "source": event.source,
        "groupId": event.group_id,
        "cause": event.cause,
        "clientOperationId": event.client_operation_id,
        "timestamp": event.operations[-1]["createdAt"],
    }
    for operation in event.operations:
        for name, payload in _told(operation, event.things):
            yield name, {**payload, **common, "revision": operation["revision"]}
    if event.cause is not None and event.group_ids:
        payload = {**common, "groupIds": event.group_ids, "revision": event.revision}
        yield f"project:{'undone' if event.cause == 'undo' else 'redone'}", payload


def _told(
    operation: Mapping[str, Any], things: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    name, id, step, changes = (operation[each] for each in ("entity", "entityId", "kind", "changes"))
    kind = registry.find(name)
    if step == "reorder":
        places = things["order"][name].items()
        yield f"{name}:reordered", {kind.orders: [{"id": id, "order": place} for id, place in places]}
    elif kind.within == "parent":
        parent_id = things[name].get(id, "")
        # A track that is gone by the end of the transaction has none; it is told as deleted after this.
        parent = things[kind.parent].get(parent_id) or {"id": parent_id, kind.plural: []}
        parts = {kind.plural: parent[kind.plural]}
        yield f"{kind.parent}:updated", {kind.parent_field: parent_id, "changes": parts, kind.parent: parent}
    elif step == "update" and set(changes) == {"lyrics"}:
        yield "lyrics:updated", {"trackId": id if kind is TRACK else None, "lyrics": changes["lyrics"]}
    elif kind is PROJECT:
        yield "project:updated", {"update": changes, "project": things.get(name, {}).get(id) or {"id": id, **changes}}
    elif step == "create":
        yield f"{name}:created", {name: things.get(name, {}).get(id) or changes}
    elif step == "update":
        # What is gone by the end of the transaction has nothing more to show than its changes.
        shown = things.get(name, {}).get(id) or {"id": id, **changes}
        yield f"{name}:updated", {kind.id: id, "changes": changes, name: shown}
    else:
        yield f"{name}:deleted", {kind.id: id}
