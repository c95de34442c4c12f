"""What sockets of the namespace `/` hear besides changes of documents: a schema's `dump` makes the payload of an event.

What people tell each other goes out as it came in, so its schema is that of `handlers.sockets.relays`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from bus import events
from dawg_server.daw import entity as registry
from dawg_server.schema import AnyField, Body
from handlers.schemas import entities
from handlers.schemas.collaborators import ROLES
from handlers.schemas.results import RESULTS, ResultMetadata, TakeResult, result
from handlers.schemas.shown import Either, Shown, as_shown, maybe, one_of, several, shown


class Relayed(Shown):
    """`timestamp` is added when it is sent."""

    timestamp = fields.DateTime()


class AboutJob(Relayed):
    """`generationId` is `jobId`."""

    job_id = fields.UUID()
    generation_id = fields.UUID(attribute="job_id")
    type = one_of(*RESULTS)


class QueuedEvent(AboutJob):
    """A job was accepted and will survive a restart. `estimatedTime`: seconds from now."""

    params = fields.Dict()
    position = fields.Integer()
    estimated_time = fields.Float(attribute="estimated_seconds")


class StartedEvent(AboutJob):
    """A worker has taken the job for the first time."""


class CancelledEvent(AboutJob):
    """Somebody who may do so has cancelled the job."""


class ProgressEvent(AboutJob):
    """The job has come further: `percent`, which `progress` is too, 0..100, never falls."""

    percent = fields.Integer()
    progress = fields.Integer(attribute="percent")
    stage = fields.String()
    message = fields.String()


class PreviewedTake(Shown):
    """A link of the provider's, which dies soon."""

    stream_url = fields.Url()
    title = fields.String()


class PreviewEvent(AboutJob):
    """The audio can be heard while it is still being made."""

    takes = fields.List(Either(lambda: (PreviewedTake,)))


class CompletedEvent(AboutJob):
    """The job's files are stored and measured; `takes`, `audioUrl` and `metadata` are those of `result`."""

    result = result()
    takes = fields.List(Either(lambda: (TakeResult,)))
    audio_url = fields.Url(allow_none=True)
    metadata = Either(lambda: (ResultMetadata,))


class FailedEvent(AboutJob):
    """The job has ended without a result, for good. `errorCode` is `code`."""

    error = fields.String()
    error_code = fields.String(attribute="code")
    code = fields.String()
    retryable = fields.Boolean()


class LoadedClip(Shown):
    """The recording of a job; `id`, `trackId` and a `startTime` other than 0 where it was put into a project."""

    id = fields.UUID(allow_none=True)
    name = fields.String()
    start_time = fields.Float()
    duration = fields.Float(allow_none=True)
    track_id = fields.UUID(allow_none=True)
    audio_url = fields.Url()
    audio_file_id = fields.UUID()
    metadata = fields.Dict()


class AudioLoadedEvent(Relayed):
    """What a beat, a song or a melody has become, to be played."""

    generation_id = fields.UUID()
    project_id = fields.UUID(allow_none=True)
    track_id = fields.UUID(allow_none=True)
    track_name = fields.String(allow_none=True)
    clip_id = fields.UUID(allow_none=True)
    clip = Either(lambda: (LoadedClip,))
    auto_play = fields.Boolean()
    revision = fields.Integer(allow_none=True)


class TransportSyncEvent(Relayed):
    """The tempo of a beat or song that was made."""

    bpm = fields.Float()
    project_id = fields.UUID(allow_none=True)


class TempoOfProjectEvent(Relayed):
    """The tempo, metre or loop region of a project has changed: as they are now, all along its time line, in beats."""

    project_id = fields.UUID()
    bpm = fields.Float()
    time_signature = fields.String()
    tempo_events = several(lambda: entities.of(registry.find("tempoEvent")))
    loop_start = fields.Float(allow_none=True)
    loop_end = fields.Float(allow_none=True)
    looping = fields.Boolean()
    time_signature_events = several(lambda: entities.of(registry.find("timeSignatureEvent")))


class ProjectGoneEvent(Relayed):
    """A project was removed by its owner, and with it everything in it but the recordings."""

    project_id = fields.UUID()


class BudgetAlert(Shown):
    """About a period of a budget; amounts in USD, `percentage` of the limit."""

    id = fields.UUID()
    type = fields.String()
    severity = fields.String()
    period = fields.String()
    period_start = fields.Date()
    message = fields.String()
    current_spent = fields.Float()
    budget_limit = fields.Float(allow_none=True)
    percentage = fields.Float()
    is_read = fields.Boolean()
    is_resolved = fields.Boolean()
    resolved_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class CostAlertEvent(Relayed):
    """A budget is nearly or wholly used up; told once per period."""

    alert = Either(lambda: (BudgetAlert,))


class ClipsComparedEvent(Relayed):
    """The caller's own clips were analysed together."""

    analysis = fields.Dict()
    project_id = fields.UUID(allow_none=True)
    user_id = fields.String()


class AboutMessage(Relayed):
    """Which answer of the text assistant."""

    conversation_id = fields.UUID()
    message_id = fields.UUID()


class ChatStreamEvent(AboutMessage):
    """The text assistant goes on speaking in a conversation: the words that came since the last such event."""

    chunk = fields.String()


class ChatCompleteEvent(AboutMessage):
    """The text assistant has answered in a conversation."""

    content = fields.String()


class ToldByMember(Relayed):
    """Who tells it, and in which project."""

    project_id = fields.UUID()
    user_id = fields.String()
    username = fields.String()
    user_name = fields.String(metadata={"description": "the same as username"})


_ON_TRACK: Mapping[str, AnyField] = {"trackId": fields.UUID()}
_VISIT: Mapping[str, AnyField] = {"role": one_of(*ROLES), "connections": fields.Integer()}
# What the server itself tells a room, by the event of the bus.
OF_ROOMS: Mapping[type[events.RoomEvent], Mapping[str, AnyField]] = {
    events.CollaboratorJoined: _VISIT,
    events.CollaboratorLeft: {"connections": fields.Integer()},
    events.LyricsAnalyzing: _ON_TRACK,
    events.ClipsAnalyzing: {"clipIds": fields.List(fields.UUID())},
    events.TrackLocked: {**_ON_TRACK, "expiresAt": fields.DateTime()},
    events.TrackUnlocked: _ON_TRACK,
}


def of_member(kind: type[events.RoomEvent], said: type[Body] | None = None) -> type[Shown]:
    """`said`: what the member has sent, which the others get."""
    about = " ".join((kind.__doc__ or "").split())
    declared: dict[str, Any] = dict(OF_ROOMS.get(kind, {}))
    if said is not None:
        sent = {str(field.data_key): field for field in said().fields.values() if field.data_key != "projectId"}
        declared = {name: as_shown(field if field.required else maybe(field)) for name, field in sent.items()}
    return shown(f"{kind.__name__}Event", about, declared, ToldByMember)
