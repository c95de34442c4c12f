"""All events of the server. A class is an event, its name is the wire name, its docstring is its documentation.

`GenerationProgressed` travels as `generation:progressed`. Fields hold JSON values only, so that every event can cross
to another replica. Whatever an event reports is already a fact in Postgres, and may be read again there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import orjson


@dataclass(frozen=True)
class Event:
    """Something that has happened. `local`: only of use on the replica where it did, and never sent to others."""

    name: ClassVar[str] = "event"
    local: ClassVar[bool] = False
    kinds: ClassVar[dict[str, type[Event]]] = {}

    def __init_subclass__(cls) -> None:
        subject, *rest = re.findall(r"[A-Z][a-z0-9]*", cls.__name__)
        cls.name = f"{subject}:{'-'.join(rest)}".lower()
        Event.kinds[cls.name] = cls


def encode(event: Event, origin: str) -> bytes:
    return orjson.dumps({"origin": origin, "name": event.name, "fields": event})


def decode(data: bytes) -> tuple[Event | None, str]:
    """(event, origin); the event is None when a newer replica sent a kind that this one does not know."""
    message = orjson.loads(data)
    kind = Event.kinds.get(message["name"])
    if kind is None:
        return None, message["origin"]
    known = {each.name for each in fields(kind)}
    return kind(**{name: value for name, value in message["fields"].items() if name in known}), message["origin"]


@dataclass(frozen=True)
class JobEvent(Event):
    """What all events about one generation job carries: the job, its kind and whom it belongs to."""

    job_id: str
    type: str
    user_id: str


@dataclass(frozen=True)
class GenerationQueued(JobEvent):
    """A job was accepted and will survive a restart. `estimated_seconds` is how long it should take from now."""

    params: dict[str, Any]
    position: int
    estimated_seconds: float


@dataclass(frozen=True)
class GenerationStarted(JobEvent):
    """A worker has taken the job for the first time."""


@dataclass(frozen=True)
class GenerationProgressed(JobEvent):
    """The job has come further: `percent` 0..100 never falls; `message` is a sentence for people."""

    percent: int
    stage: str
    message: str


@dataclass(frozen=True)
class GenerationCompleted(JobEvent):
    """The job's files are stored and measured. `result` is as stored, without links; links begin with `base_url`."""

    result: dict[str, Any]
    base_url: str
    project_id: str | None = None


@dataclass(frozen=True)
class GenerationFailed(JobEvent):
    """The job has ended without a result, for good."""

    error: str
    code: str
    retryable: bool


@dataclass(frozen=True)
class GenerationPreviewed(JobEvent):
    """The audio can be heard while it is still being made; `takes`: {streamUrl, title}. The links are the provider's
    and die soon."""

    takes: list[dict[str, str]]


@dataclass(frozen=True)
class GenerationCancelled(JobEvent):
    """Somebody who may do so has cancelled the job."""


@dataclass(frozen=True)
class ProviderHinted(Event):
    """An outside service says that something has happened to `ref`, its id of what it makes for a job. Only a hint."""

    job_id: str
    provider: str
    ref: str


@dataclass(frozen=True)
class LoginEnded(Event):
    """A login is over: somebody logged out, or a spent refresh token came back. Sockets opened with it close."""

    login: str
    user_id: str


@dataclass(frozen=True)
class MembershipChanged(Event):
    """Somebody has become a member of a project, has another `role` in it, or (None) is no member any more."""

    project_id: str
    user_id: str
    role: str | None


@dataclass(frozen=True)
class ProjectEvent(Event):
    """What all events about one project carries: which one, and whose doing it was."""

    project_id: str
    user_id: str


@dataclass(frozen=True)
class ProjectChanged(ProjectEvent):
    """A project was changed: `operations` (as stored, oldest first) led to `revision`.

    `things` holds what was touched as it is now, by entity and id; of what is shown as a part of its track, the track's
    id; and under `order`, by entity and id, the places of all that stand beside what was moved. `cause` is undo, redo
    or None, and `group_ids` are then the groups undone or repeated. `skip_sid` knows already, from its ack or reply.
    `own`: the page that made the change has had a reply, and which of its user's sockets is that page's is not known.
    """

    revision: int
    operations: list[dict[str, Any]]
    things: dict[str, dict[str, Any]]
    username: str
    source: str
    group_id: str
    cause: str | None = None
    group_ids: list[str] = field(default_factory=list)
    skip_sid: str | None = None
    client_operation_id: str | None = None
    own: bool = False


@dataclass(frozen=True)
class PublicityChanged(ProjectEvent):
    """Whether everybody may see a project was changed, so that some may have lost it. Comes after the change itself."""


@dataclass(frozen=True)
class ProjectDeleted(ProjectEvent):
    """A project was removed by its owner, and with it everything in it but the recordings."""


@dataclass(frozen=True)
class CostAlerted(Event):
    """A user's budget is nearly or wholly used up; told once per period."""

    user_id: str
    alert: dict[str, Any]


@dataclass(frozen=True)
class RoomEvent(ProjectEvent):
    """What somebody tells the others in a project: `fields` are sent as they are. `skip_sid` knows already.

    With `to_user` all the sender's own sockets hear it too, also those that are not in the project's room.
    """

    username: str
    fields: dict[str, Any] = field(default_factory=dict)
    skip_sid: str | None = None
    to_user: bool = False


@dataclass(frozen=True)
class CollaboratorJoined(RoomEvent):
    """Somebody has opened the project. `connections` is in how many places at once, this one included."""


@dataclass(frozen=True)
class CollaboratorLeft(RoomEvent):
    """Somebody has closed the project, or the connection broke. At `connections` 0 nothing of them is left here."""


@dataclass(frozen=True)
class PlaybackSynced(RoomEvent):
    """Somebody plays or stops: `state` {isPlaying, currentTime, bpm}."""


@dataclass(frozen=True)
class CursorMoved(RoomEvent):
    """Where somebody's pointer is: `position` {x, y, time}."""


@dataclass(frozen=True)
class SelectionChanged(RoomEvent):
    """What somebody has selected: `selectedClips` and `selectedTracks`."""


@dataclass(frozen=True)
class PresenceUpdated(RoomEvent):
    """What somebody is doing, in `state`; kept for a minute for those who come later."""


@dataclass(frozen=True)
class RecordingStarted(RoomEvent):
    """Somebody records on `trackId`."""


@dataclass(frozen=True)
class RecordingStopped(RoomEvent):
    """Somebody has stopped recording on `trackId`; `clipId` is what came of it."""


@dataclass(frozen=True)
class AiStarted(RoomEvent):
    """A task of somebody's assistant has begun: `taskId`, `taskType`."""


@dataclass(frozen=True)
class AiProgressUpdate(RoomEvent):
    """A task of somebody's assistant goes on: `taskId`, `progress`, `message`."""


@dataclass(frozen=True)
class AiCompleted(RoomEvent):
    """A task of somebody's assistant is done: `taskId`, `result`."""


@dataclass(frozen=True)
class AiFailed(RoomEvent):
    """A task of somebody's assistant has failed: `taskId`, `error`."""


@dataclass(frozen=True)
class LyricsAnalyzing(RoomEvent):
    """An analysis of the lyrics of `trackId` has begun."""


@dataclass(frozen=True)
class LyricsAnalyzed(RoomEvent):
    """Lyrics were analysed: `trackId`, `analysis`."""


@dataclass(frozen=True)
class LyricsSectionLabelsUpdated(RoomEvent):
    """Which lines are which section: `trackId`, `sectionLabels`."""


@dataclass(frozen=True)
class LyricsRecommendations(RoomEvent):
    """What could be better in the lyrics: `trackId`, `recommendations`."""


@dataclass(frozen=True)
class ClipsAnalyzing(RoomEvent):
    """An analysis of the clips `clipIds` together has begun."""


@dataclass(frozen=True)
class ClipsAnalyzed(RoomEvent):
    """Clips were analysed together: `analysis`."""


@dataclass(frozen=True)
class TrackLocked(RoomEvent):
    """Somebody works on `trackId` until `expiresAt`; it is a request to others, not a barrier."""


@dataclass(frozen=True)
class TrackUnlocked(RoomEvent):
    """Nobody asks for `trackId` to be left alone any more."""


@dataclass(frozen=True)
class ClipsCompared(Event):
    """The caller's own clips were analysed together: `analysis`."""

    user_id: str
    analysis: dict[str, Any]
    project_id: str | None = None


@dataclass(frozen=True)
class ChatStreamed(Event):
    """The text assistant goes on speaking in a conversation; the words that came since the last such event.

    There are too many of them for Redis: windows on other replicas hear the whole answer when it is complete.
    """

    local: ClassVar[bool] = True
    conversation_id: str
    message_id: str
    chunk: str


@dataclass(frozen=True)
class ChatStreamedAloud(Event):
    """As `ChatStreamed`, for all sockets of the user who asks, on whichever replica they are."""

    conversation_id: str
    message_id: str
    chunk: str
    user_id: str


@dataclass(frozen=True)
class ChatCompleted(Event):
    """The text assistant has answered in a conversation.

    With `user_id` all sockets of that user hear it, not only those that have joined the conversation.
    """

    conversation_id: str
    message_id: str
    content: str
    user_id: str | None = None


@dataclass(frozen=True)
class BusHeartbeat(Event):
    """Sent by every replica to itself through the bus: whoever does not hear its own is deaf."""

    sent_at: float


@dataclass(frozen=True)
class BusRestored(Event):
    """This replica hears the others again; what they published meanwhile is gone."""

    local: ClassVar[bool] = True


@dataclass(frozen=True)
class ReplicaLeft(Event):
    """A replica has stopped; it will not answer any more."""

    replica: str


@dataclass(frozen=True)
class ForwardsEnding(Event):
    """A replica is about to stop through which requests for sessions of others go: those whose `websockets` end with it
    are told to leave, and the `polls` of those that wait there are answered. Both are ids of connections."""

    websockets: list[str]
    polls: list[str]


@dataclass(frozen=True)
class SocketCommand(Event):
    """What code that knows no bus asked of sockets, wherever they are. `action` is emit, disconnect, enter_room,
    leave_room or close_room; `arguments` are python-socketio's own."""

    action: str
    namespace: str
    arguments: dict[str, Any]
