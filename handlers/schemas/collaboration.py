"""What every change of a document may carry, and what people in one project send each other over sockets."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from dawg_server.daw.entity import the
from dawg_server.daw.presence import Lock
from dawg_server.daw.timing import MAX_SECONDS
from dawg_server.schema import (
    AnyField,
    Body,
    Flag,
    Id,
    Items,
    JsonValue,
    Number,
    Parameters,
    Query,
    Record,
    Text,
    parameters,
)
from dawg_server.wire import timestamp
from handlers.schemas import entities
from handlers.schemas.collaborators import ROLES
from handlers.schemas.shown import Shown, done, maybe, one_of, several

MAX_REVISION = 2**62

BASE: dict[str, AnyField] = {
    "baseRevision": Number(0, MAX_REVISION, "refuse what was changed after this revision", whole=True, allow_none=True),
    "gesture": Text(1, 128, "the same for all changes of one drag, which are one step to undo", allow_none=True),
}
REPLAY: dict[str, AnyField] = {
    "clientOperationId": Text(1, 128, "the second use of it returns the first answer", allow_none=True),
}


def body(name: str, about: str, declared: Parameters | Mapping[str, AnyField]) -> type[Parameters]:
    """The schema of a request; `about` is a sentence for the documents."""
    schema = declared if isinstance(declared, Parameters) else parameters(declared)
    return type(name, (type(schema),), {"__doc__": about})


class Deletion(Query):
    """How to store it; a request that deletes has no body."""

    baseRevision = BASE["baseRevision"]  # named as in bodies
    clientOperationId = REPLAY["clientOperationId"]


WHERE: dict[str, AnyField] = {"projectId": the("project")}
MAX_PROJECTS = 20  # open on one socket
MAX_SELECTED = 500  # ids
MAX_STATE = 4096  # bytes of JSON
MAX_RELAYED = 64 * 1024  # bytes of JSON

WhichProject = body("WhichProject", "Which project.", WHERE)
Join = body(
    "Join",
    "Which project, and the last revision that the client has seen of it.",
    {
        **WHERE,
        "since": Number(0, MAX_REVISION, "send only what came after this revision", whole=True, allow_none=True),
    },
)


class PresentMember(Shown):
    """Who has the project open, in how many places at once, and what they have told of themselves lately."""

    user_id = fields.String()
    username = fields.String()
    user_name = fields.String(metadata={"description": "the same as username"})
    role = one_of(*ROLES)
    state = fields.Dict(allow_none=True)
    connections = fields.Integer()


class LockHolder(Shown):
    """Who asks for a track to be left alone."""

    user_id = fields.String()
    username = fields.String()
    user_name = fields.String(metadata={"description": "the same as username"})


class HeldLock(Shown):
    """A track that somebody asks to be left alone."""

    track_id = fields.UUID()
    holder = fields.Nested(LockHolder)
    expires_at = fields.DateTime()


class Operation(Shown):
    """One stored change: `changes` are the fields that have other values since, or the places of what was moved."""

    id = fields.UUID()
    revision = fields.Integer()
    group_id = fields.UUID(metadata={"description": "what undo takes back together"})
    actor_id = fields.String()
    source = fields.String(metadata={"description": "rest, socket, undo, generation and so on"})
    kind = one_of("create", "update", "delete", "reorder")
    entity = fields.String()
    entity_id = fields.UUID(allow_none=True)
    changes = fields.Dict()
    created_at = fields.DateTime()


class Joined(Shown):
    """`project`, or the `operations` after `since`; `members` and `locks` are of this moment."""

    success = done()
    project_id = fields.UUID()
    revision = fields.Integer()
    role = one_of(*ROLES)
    members = several(PresentMember)
    locks = several(HeldLock)
    project = maybe(fields.Nested(entities.whole_project))
    operations = maybe(several(Operation))


class Members(Shown):
    """Who has the project open."""

    success = done()
    members = several(PresentMember)


class Locked(Shown):
    """Whether the lock is the caller's, whose it is otherwise, and until when."""

    success = done()
    locked = fields.Boolean()
    track_id = fields.UUID()
    holder = fields.Nested(LockHolder, allow_none=True)
    expires_at = maybe(fields.DateTime())


def lock(held: Lock) -> dict[str, Any]:
    expires = datetime.datetime.fromtimestamp(held.expires_at, datetime.UTC)
    return {"trackId": held.track_id, "holder": held.holder, "expiresAt": timestamp(expires)}


def _relay(name: str, about: str, **fields: AnyField) -> type[Body]:
    return body(name, about, {**WHERE, **fields})


_TRACK, _CLIP = the("track"), the("clip")

_JSON = JsonValue(MAX_RELAYED)
_OBJECT = JsonValue(MAX_RELAYED, objects=True, required=True)
PLAYBACK = parameters(
    {
        "isPlaying": Flag(),
        "currentTime": Number(0, MAX_SECONDS, "seconds"),
        "bpm": Number(0, 1000),
    }
)
POSITION = parameters({"x": Number(None, None), "y": Number(None, None), "time": Number(None, None, "seconds")})
_TASK = Text(1, 200, "the client's own name of the task", required=True)
Playback = _relay("Playback", "Whether and where it plays.", state=Record(PLAYBACK, required=True))
Cursor = _relay("Cursor", "Where the pointer is.", position=Record(POSITION, required=True))
Selection = _relay(
    "Selection",
    "What is selected.",
    selectedClips=Items(Text(1, 128), 0, MAX_SELECTED),
    selectedTracks=Items(Text(1, 128), 0, MAX_SELECTED),
)
State = _relay("State", "What somebody does.", state=JsonValue(MAX_STATE, objects=True, required=True))
Recording = _relay("Recording", "Where it is recorded.", trackId=_TRACK, clipId=Id("clip", allow_none=True))
AiTask = _relay("AiTask", "A task begins.", taskId=_TASK, taskType=Text(0, 200, allow_none=True))
AiProgress = _relay(
    "AiProgress", "A task goes on.", taskId=_TASK, progress=Number(0, 100), message=Text(0, 2000, allow_none=True)
)
AiResult = _relay("AiResult", "A task is done.", taskId=_TASK, result=_JSON)
AiError = _relay("AiError", "A task has failed.", taskId=_TASK, error=_JSON)
LyricsFindings = _relay("LyricsFindings", "An analysis.", trackId=_TRACK, analysis=_OBJECT)
SectionLabels = _relay(
    "SectionLabels",
    "Which lines are which section.",
    trackId=_TRACK,
    sectionLabels=Items(JsonValue(MAX_STATE, objects=True), 0, 1000, required=True),
)
Recommendations = _relay(
    "Recommendations",
    "What could be better.",
    trackId=_TRACK,
    recommendations=Items(JsonValue(MAX_STATE, objects=True), 0, 1000, required=True),
)
ClipsFindings = _relay("ClipsFindings", "An analysis of several clips.", analysis=_OBJECT)
TrackLock = _relay("TrackLock", "Which track.", trackId=_TRACK)
