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

Project = body("Project", "Which project.", WHERE)
Join = body(
    "Join",
    "Which project, and the last revision that the client has seen of it.",
    {
        **WHERE,
        "since": Number(0, MAX_REVISION, "send only what came after this revision", whole=True, allow_none=True),
    },
)


class Joined(Body):
    """`project`, or the `operations` after `since`; `members` and `locks` are of this moment."""

    success = fields.Boolean()
    project_id = fields.UUID()
    revision = fields.Integer()
    role = fields.String()
    members = fields.List(fields.Dict())
    locks = fields.List(fields.Dict())
    project = fields.Dict()
    operations = fields.List(fields.Dict())


class Stored(Body):
    """What has become of the change, and every operation that it took, as others hear of them one by one.

    `lockedBy`: somebody had asked to leave that track alone. `clamped`: fields that were too long, and are cut.
    Undo and redo tell the `groupIds` that they took back or repeated, and what they `skipped`.
    """

    success = fields.Boolean()
    revision = fields.Integer()
    group_id = fields.UUID(allow_none=True)
    operations = fields.List(fields.Dict())
    locked_by = fields.Dict()
    clamped = fields.List(fields.String())
    group_ids = fields.List(fields.UUID())
    skipped = fields.List(fields.Dict())


class Members(Body):
    """Who has the project open."""

    success = fields.Boolean()
    members = fields.List(fields.Dict())


class Locked(Body):
    """Whether the lock is the caller's, whose it is otherwise, and until when."""

    success = fields.Boolean()
    locked = fields.Boolean()
    holder = fields.Dict(allow_none=True)
    expires_at = fields.DateTime(allow_none=True)


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
