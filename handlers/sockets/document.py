"""Changes of a project over sockets: the same actions as over REST, answered in the ack, told to everybody else."""

from __future__ import annotations

from typing import Any

from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Executed
from dawg_server.daw.presence import Lock
from handlers import actions
from handlers.actions import Action
from handlers.schemas import collaboration as schemas
from handlers.sockets import rooms
from handlers.sockets.events import Ack, ClientEvent, Events, SocketCall


def events() -> Events:
    """The events of `handlers.actions`."""
    made = Events("/", "main")
    for action in actions.every():
        made.all.append(_event(action))
    return made


def _event(action: Action) -> ClientEvent:
    async def handle(call: SocketCall) -> Ack:
        rooms.membership(call)  # whether it may change anything now; what it may change is decided in the transaction
        rooms.rate_limit(call).mutate()
        payload = call.payload
        given = payload[action.under] if action.under and action.fields else _picked(payload, action)
        command = action.command_for(payload.get(action.kind.id), given)
        actor = Actor(call.caller.user_id, "socket", call.sid)
        executed = await actions.perform(call.services, actor, payload["projectId"], command, payload)
        answer = {**executed.results[0], "revision": executed.revision, **_locked_by(executed, command, action)}
        if not action.travels:
            answer |= {"groupId": executed.group_id, "operations": executed.operations}
        return answer

    handle.__doc__ = action.about
    return ClientEvent(action.event, action.summary, handle, action.payload(), schemas.Stored(), concurrent=False)


def _picked(payload: dict[str, Any], action: Action) -> dict[str, Any]:
    return {name: payload[name] for name in action.fields if name in payload}


def _locked_by(executed: Executed, command: Command, action: Action) -> dict[str, Any]:
    """A lock is no barrier, but whoever works across somebody's lock is told so."""
    if not executed.locks:
        return {}
    changed = executed.results[0].get(action.kind.name, {})
    track_id = command.parameters.get("trackId") or changed.get("trackId")
    held = next((each for each in executed.locks if each["track_id"] == track_id), None)
    return {"lockedBy": schemas.lock(Lock(**held))} if held is not None else {}
