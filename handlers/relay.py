"""From bus to sockets: one line of `EVENT_MAP` is one event that clients can receive.

Besides, `sockets.document` tells rooms of the changes of their projects, which the change stream keeps in order, and
`sockets.rooms` tells a socket that has lost its project so, with `error`.

Every replica subscribes to every event and sends it to its own clients, so nothing is sent twice.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bus import events
from bus.events import Event
from bus.local import LocalBus, Scope
from dawg_server.storage.links import LinkSigner
from dawg_server.wire import now
from handlers import serializers
from handlers.sockets import document
from handlers.sockets.events import project_room
from handlers.sockets.transport.server import Server

Payload = Callable[[Any, LinkSigner], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """`kind` arrives on the bus, `name` goes out to `room` with `payload`, to which a timestamp is added."""

    kind: type[Event]
    name: str
    room: Callable[[Any], str | tuple[str, str]]
    payload: Payload
    when: Callable[[Any], bool] = lambda event: True
    skip: Callable[[Any], str | None] = lambda event: None  # the socket that caused it


def user_room(user_id: str) -> str:
    return f"user:{user_id}"


def conversation_room(conversation_id: str) -> str:
    return f"conversation:{conversation_id}"


def _user(event: events.JobEvent | events.CostAlerted | events.ClipsCompared) -> str:
    return user_room(event.user_id)


def _project(event: events.ProjectEvent) -> str:
    return project_room(event.project_id)


def _conversation(event: events.ChatStreamed) -> str:
    return conversation_room(event.conversation_id)


def _hearers(event: events.ChatStreamedAloud | events.ChatCompleted) -> str | tuple[str, str]:
    room = conversation_room(event.conversation_id)
    return (room, user_room(event.user_id)) if event.user_id is not None else room


def _chat(event: events.ChatStreamed | events.ChatStreamedAloud | events.ChatCompleted) -> dict[str, Any]:
    return {"conversationId": event.conversation_id, "messageId": event.message_id}


def _listeners(event: events.RoomEvent) -> str | tuple[str, str]:
    room = project_room(event.project_id)
    return (room, user_room(event.user_id)) if event.to_user else room


def _said(event: events.RoomEvent, _: LinkSigner) -> Mapping[str, Any]:
    by = {"userId": event.user_id, "username": event.username, "userName": event.username}
    return {"projectId": event.project_id, **event.fields, **by}


def _job(event: events.JobEvent) -> dict[str, Any]:
    return {"jobId": event.job_id, "generationId": event.job_id, "type": event.type}


def _queued(event: events.GenerationQueued, _: LinkSigner) -> Mapping[str, Any]:
    fields = {"params": event.params, "position": event.position, "estimatedTime": event.estimated_seconds}
    return _job(event) | fields


def _progress(event: events.GenerationProgressed, _: LinkSigner) -> Mapping[str, Any]:
    fields = {"percent": event.percent, "progress": event.percent, "stage": event.stage, "message": event.message}
    return _job(event) | fields


def _preview(event: events.GenerationPreviewed, _: LinkSigner) -> Mapping[str, Any]:
    return _job(event) | {"takes": event.takes}


def _completed(event: events.GenerationCompleted, links: LinkSigner) -> Mapping[str, Any]:
    shown = serializers.result(event.result, links, event.base_url)
    fields = {
        "result": shown,
        "takes": shown["takes"],
        "audioUrl": shown.get("audioUrl"),
        "metadata": shown.get("metadata"),
    }
    return _job(event) | fields


def _failed(event: events.GenerationFailed, _: LinkSigner) -> Mapping[str, Any]:
    return _job(event) | {
        "error": event.error,
        "errorCode": event.code,
        "code": event.code,
        "retryable": event.retryable,
    }


def _loaded(event: events.GenerationCompleted, links: LinkSigner) -> Mapping[str, Any]:
    shown = serializers.result(event.result, links, event.base_url)
    placed = shown.get("placed") or {}
    clip = {
        "id": placed.get("clipId"),
        "name": shown["title"],
        "startTime": placed.get("startTime", 0.0),
        "duration": shown["duration"],
        "trackId": placed.get("trackId"),
        "audioUrl": shown["audioUrl"],
        "audioFileId": shown["audioFileId"],
        "metadata": {name: shown.get(name) for name in ("bpm", "key", "genre", "format", "sampleRate", "channels")},
    }
    return {
        "generationId": event.job_id,
        "projectId": event.project_id,
        "trackId": placed.get("trackId"),
        "trackName": placed.get("trackName"),
        "clipId": placed.get("clipId"),
        "clip": clip,
        "autoPlay": False,
        "revision": placed.get("revision"),
    }


def _compared(event: events.ClipsCompared, _: LinkSigner) -> Mapping[str, Any]:
    return {"analysis": event.analysis, "projectId": event.project_id, "userId": event.user_id}


def _transport(event: events.GenerationCompleted, _: LinkSigner) -> Mapping[str, Any]:
    return {"bpm": event.result["requested"]["bpm"], "projectId": event.project_id}


def _plays(event: events.GenerationCompleted) -> bool:
    return event.type in ("beat", "music", "melody")


def _has_tempo(event: events.GenerationCompleted) -> bool:
    return event.type in ("beat", "music") and bool(event.result.get("requested", {}).get("bpm"))


EVENT_MAP: tuple[OutgoingEvent, ...] = (
    OutgoingEvent(events.GenerationQueued, "generation:queued", _user, _queued),
    OutgoingEvent(events.GenerationStarted, "generation:started", _user, lambda event, _: _job(event)),
    OutgoingEvent(events.GenerationProgressed, "generation:progress", _user, _progress),
    OutgoingEvent(events.GenerationPreviewed, "generation:preview", _user, _preview),
    OutgoingEvent(events.GenerationCompleted, "generation:completed", _user, _completed),
    OutgoingEvent(events.GenerationCompleted, "daw:audio:loaded", _user, _loaded, _plays),
    OutgoingEvent(events.GenerationCompleted, "daw:transport:sync", _user, _transport, _has_tempo),
    OutgoingEvent(events.GenerationFailed, "generation:failed", _user, _failed),
    OutgoingEvent(events.GenerationCancelled, "generation:cancelled", _user, lambda event, _: _job(event)),
    OutgoingEvent(events.ProjectDeleted, "project:deleted", _project, lambda event, _: {"projectId": event.project_id}),
    OutgoingEvent(events.CostAlerted, "cost:alert", _user, lambda event, _: {"alert": event.alert}),
    OutgoingEvent(events.ClipsCompared, "clips:analyzed", _user, _compared),
    OutgoingEvent(
        events.ChatStreamed, "chat:stream", _conversation, lambda event, _: _chat(event) | {"chunk": event.chunk}
    ),
    OutgoingEvent(
        events.ChatStreamedAloud, "chat:stream", _hearers, lambda event, _: _chat(event) | {"chunk": event.chunk}
    ),
    OutgoingEvent(
        events.ChatCompleted, "chat:complete", _hearers, lambda event, _: _chat(event) | {"content": event.content}
    ),
)
EVENT_MAP += tuple(
    OutgoingEvent(kind, kind.name, _listeners, _said, skip=lambda event: event.skip_sid)
    for kind in events.RoomEvent.__subclasses__()
)


def documented() -> Iterator[tuple[str, str]]:
    """(name, meaning) of every event that clients of `/` can receive."""
    for outgoing in EVENT_MAP:
        yield outgoing.name, inspect.getdoc(outgoing.kind) or ""
    yield from document.event_names().items()


def mount(bus: LocalBus, server: Server, links: LinkSigner) -> None:
    """Subscribes every line of `EVENT_MAP`; those of one event go out in the order of the table."""
    for outgoing in EVENT_MAP:
        bus.subscribe(outgoing.kind, _sender(outgoing, server, links), Scope.EVERYWHERE)


def _sender(outgoing: OutgoingEvent, server: Server, links: LinkSigner) -> Callable[[Event], None]:
    rooms = server.manager.rooms

    def send(event: Event) -> None:
        room = outgoing.room(event)
        occupied = rooms.get("/", {})  # of this process
        if not any(each in occupied for each in ((room,) if isinstance(room, str) else room)):
            return  # before a payload is made that nobody gets
        if outgoing.when(event):
            payload = {**outgoing.payload(event, links), "timestamp": now()}
            server.broadcast(outgoing.name, payload, room=room, skip_sid=outgoing.skip(event))

    return send
