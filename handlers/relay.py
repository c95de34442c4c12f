"""From bus to sockets: one line of `EVENT_MAP` is one event that clients can receive; what members tell each other goes
out under the name that it has on the bus.

Besides, `sockets.document` tells rooms of the changes of their projects, which the change stream keeps in order, and
`sockets.rooms` tells a socket that has lost its project so, with `error`.

Every replica subscribes to every event and sends it to its own clients, so nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bus import events
from bus.events import Event
from bus.local import LocalBus, Scope
from dawg_server.storage.links import LinkSigner
from dawg_server.wire import now
from handlers import serializers
from handlers.schemas import document_events
from handlers.schemas import relayed_events as schemas
from handlers.schemas.shown import Shown
from handlers.sockets.events import project_room
from handlers.sockets.transport.server import Server

Source = Callable[[Any, LinkSigner], Any]


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """`kind` arrives on the bus, `name` goes out to `room`: what `schema` shows of the event, or of what `source` makes
    of it, and a timestamp."""

    kind: type[Event]
    name: str
    room: Callable[[Any], str | tuple[str, str]]
    schema: Shown
    source: Source = lambda event, _: event
    when: Callable[[Any], bool] = lambda event: True


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


def _listeners(event: events.RoomEvent) -> str | tuple[str, str]:
    room = project_room(event.project_id)
    return (room, user_room(event.user_id)) if event.to_user else room


def _said(event: events.RoomEvent) -> dict[str, Any]:
    by = {"userId": event.user_id, "username": event.username, "userName": event.username}
    return {"projectId": event.project_id, **event.fields, **by}


def _completed(event: events.GenerationCompleted, links: LinkSigner) -> Mapping[str, Any]:
    result = serializers.result(event.type, event.result, links, event.base_url)
    about = {"job_id": event.job_id, "type": event.type, "result": result, "takes": result["takes"]}
    return {**about, "audio_url": result.get("audioUrl"), "metadata": result.get("metadata")}


def _loaded(event: events.GenerationCompleted, links: LinkSigner) -> Mapping[str, Any]:
    shown = serializers.result(event.type, event.result, links, event.base_url)
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
        "generation_id": event.job_id,
        "project_id": event.project_id,
        "track_id": placed.get("trackId"),
        "track_name": placed.get("trackName"),
        "clip_id": placed.get("clipId"),
        "clip": clip,
        "auto_play": False,
        "revision": placed.get("revision"),
    }


def _transport(event: events.GenerationCompleted, _: LinkSigner) -> Mapping[str, Any]:
    return {"bpm": event.result["requested"]["bpm"], "project_id": event.project_id}


def _plays(event: events.GenerationCompleted) -> bool:
    return event.type in ("beat", "music", "melody")


def _has_tempo(event: events.GenerationCompleted) -> bool:
    return event.type in ("beat", "music") and bool(event.result.get("requested", {}).get("bpm"))


EVENT_MAP: tuple[OutgoingEvent, ...] = (
    OutgoingEvent(events.GenerationQueued, "generation:queued", _user, schemas.QueuedEvent()),
    OutgoingEvent(events.GenerationStarted, "generation:started", _user, schemas.StartedEvent()),
    OutgoingEvent(events.GenerationProgressed, "generation:progress", _user, schemas.ProgressEvent()),
    OutgoingEvent(events.GenerationPreviewed, "generation:preview", _user, schemas.PreviewEvent()),
    OutgoingEvent(events.GenerationCompleted, "generation:completed", _user, schemas.CompletedEvent(), _completed),
    OutgoingEvent(events.GenerationCompleted, "daw:audio:loaded", _user, schemas.AudioLoadedEvent(), _loaded, _plays),
    OutgoingEvent(
        events.GenerationCompleted,
        "daw:transport:sync",
        _user,
        schemas.TransportSyncEvent(),
        _transport,
        _has_tempo,
    ),
    OutgoingEvent(events.GenerationFailed, "generation:failed", _user, schemas.FailedEvent()),
    OutgoingEvent(events.GenerationCancelled, "generation:cancelled", _user, schemas.CancelledEvent()),
    OutgoingEvent(events.ProjectDeleted, "project:deleted", _project, schemas.ProjectGoneEvent()),
    OutgoingEvent(events.CostAlerted, "cost:alert", _user, schemas.CostAlertEvent()),
    OutgoingEvent(events.ClipsCompared, "clips:analyzed", _user, schemas.ClipsComparedEvent()),
    OutgoingEvent(events.ChatStreamed, "chat:stream", _conversation, schemas.ChatStreamEvent()),
    OutgoingEvent(events.ChatStreamedAloud, "chat:stream", _hearers, schemas.ChatStreamEvent()),
    OutgoingEvent(events.ChatCompleted, "chat:complete", _hearers, schemas.ChatCompleteEvent()),
)


def documented() -> Iterator[tuple[str, type[Shown]]]:
    """(name, schema) of every event that clients of `/` can receive, but for what members tell each other."""
    for outgoing in EVENT_MAP:
        yield outgoing.name, type(outgoing.schema)
    yield "daw:transport:sync", schemas.TempoOfProjectEvent
    yield from document_events.every().items()


def mount(bus: LocalBus, server: Server, links: LinkSigner) -> None:
    """Subscribes every line of `EVENT_MAP`; those of one event go out in the order of the table."""
    for outgoing in EVENT_MAP:
        bus.subscribe(outgoing.kind, _sender(outgoing, server, links), Scope.EVERYWHERE)
    for kind in events.RoomEvent.__subclasses__():
        bus.subscribe(kind, _room_sender(server), Scope.EVERYWHERE)


def _sender(outgoing: OutgoingEvent, server: Server, links: LinkSigner) -> Callable[[Event], None]:
    rooms = server.manager.rooms

    def send(event: Event) -> None:
        room = outgoing.room(event)
        # Before a payload is made that nobody gets.
        if _is_occupied(rooms.get("/", {}), room) and outgoing.when(event):
            payload = {**outgoing.schema.dump(outgoing.source(event, links)), "timestamp": now()}
            server.broadcast(outgoing.name, payload, room=room)

    return send


def _room_sender(server: Server) -> Callable[[events.RoomEvent], None]:
    rooms = server.manager.rooms

    def send(event: events.RoomEvent) -> None:
        room = _listeners(event)
        if _is_occupied(rooms.get("/", {}), room):
            server.broadcast(event.name, {**_said(event), "timestamp": now()}, room=room, skip_sid=event.skip_sid)

    return send


def _is_occupied(rooms: Mapping[Any, Any], room: str | tuple[str, str]) -> bool:
    """Whether somebody of this process is in one of them."""
    return any(each in rooms for each in ((room,) if isinstance(room, str) else room))
