"""Changes of a project over sockets: the same commands as everywhere, answered in the ack, told to everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.editing import Executed
from dawg_server.daw.presence import Lock
from handlers import actions
from handlers.actions import Action
from handlers.schemas import collaboration as schemas
from handlers.sockets import rooms
from handlers.sockets.routing import Ack, ClientEvent, Events, SocketCall

events = Events("/", "main")


@events.on("track:reorder", "Put tracks into another order", payload=schemas.TracksReorder, ack=schemas.Stored)
async def reorder_tracks(call: SocketCall) -> Ack:
    return await _run(call, Command("reorderTracks", _picked(call, "trackOrders"), checked=True))


@events.on("lyrics:update", "Write the lyrics", payload=schemas.LyricsUpdate, ack=schemas.Stored)
async def update_lyrics(call: SocketCall) -> Ack:
    wanted = {**_picked(call, "lyrics", "trackId"), "append": False}
    return await _run(call, Command("setLyrics", wanted, checked=True))


@events.on("project:undo", "Take back own steps", payload=schemas.Travel, ack=schemas.Stored)
async def undo(call: SocketCall) -> Ack:
    """The entity events go to everybody, the sender too, and then `project:undone`."""
    _admit(call)
    return _travelled(
        await call.services.documents.document.undo(
            call.payload["projectId"],
            _actor(call),
            call.payload["steps"],
            client_operation_id=call.payload.get("clientOperationId"),
        )
    )


@events.on("project:redo", "Repeat what was taken back", payload=schemas.Travel, ack=schemas.Stored)
async def redo(call: SocketCall) -> Ack:
    _admit(call)
    return _travelled(
        await call.services.documents.document.redo(
            call.payload["projectId"],
            _actor(call),
            call.payload["steps"],
            client_operation_id=call.payload.get("clientOperationId"),
        )
    )


def changes() -> Events:
    """The events of `handlers.actions`."""
    made = Events("/", "main")
    for action in actions.every():
        made.all.append(_event(action))
    return made


def _event(action: Action) -> ClientEvent:
    async def handle(call: SocketCall) -> Ack:
        values = call.payload[action.under] if action.fields else {}
        return await _run(call, action.command_for(call.payload.get(action.id), values))

    handle.__doc__ = action.about
    return ClientEvent(action.event, action.summary, handle, action.payload(), schemas.Stored(), concurrent=False)


async def _run(call: SocketCall, command: Command) -> Ack:
    _admit(call)
    project_id = call.payload["projectId"]
    executed = await actions.perform(call.services, _actor(call), project_id, command, call.payload)
    return {
        **executed.results[0],
        "revision": executed.revision,
        "groupId": executed.group_id,
        "operations": executed.operations,
        **_locked_by(executed, command.parameters),
    }


def _picked(call: SocketCall, *names: str) -> dict[str, Any]:
    return {name: call.payload[name] for name in names if name in call.payload}


def _locked_by(executed: Executed, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A lock is no barrier, but whoever works across somebody's lock is told so."""
    track_id = parameters.get("trackId") or executed.results[0].get("clip", {}).get("trackId")
    held = next((each for each in executed.locks if each["track_id"] == track_id), None)
    return {"lockedBy": schemas.lock(Lock(**held))} if held is not None else {}


def _admit(call: SocketCall) -> None:
    """Whether the sender may change anything now; what it may change is decided in the transaction."""
    rooms.membership(call)
    rooms.rate_limit(call).mutate()


def _actor(call: SocketCall) -> Actor:
    return Actor(call.caller.user_id, "socket", call.sid)


def _travelled(executed: Executed) -> Ack:
    return {"revision": executed.revision, **executed.results[0]}
