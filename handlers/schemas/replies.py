"""What clients are answered about the entities of a document."""

from __future__ import annotations

import functools
from typing import Any

from marshmallow import fields

from dawg_server.daw.entity import EntityType
from dawg_server.schema import Body


class Success(Body):
    """What every good answer begins with."""

    success = fields.Boolean()


class Deleted(Body):
    """It is gone."""

    success = fields.Boolean()
    deleted = fields.Boolean()
    id = fields.UUID()
    message = fields.String()


class ProjectReply(Body):
    """The project, twice: its fields here, and all of them under `project`."""

    success = fields.Boolean()
    id = fields.UUID()
    name = fields.String()
    bpm = fields.Float()
    key = fields.String()
    time_signature = fields.String()
    sample_rate = fields.Integer()
    is_public = fields.Boolean()
    loop_start = fields.Float()
    loop_end = fields.Float()
    looping = fields.Boolean()
    revision = fields.Integer()
    project = fields.Dict()


class TrackReply(Body):
    """The track, twice: its fields here, and all of them under `track`."""

    success = fields.Boolean()
    id = fields.UUID()
    project_id = fields.UUID()
    name = fields.String()
    track_type = fields.String()
    volume = fields.Float()
    volume_db = fields.Float(allow_none=True, metadata={"description": "volume in dB; null is silence"})
    pan = fields.Float()
    order = fields.Integer()
    group_id = fields.UUID(allow_none=True)
    sends = fields.List(fields.Dict())
    revision = fields.Integer()
    track = fields.Dict()


class ClipReply(Body):
    """The clip, twice: its fields here, and all of them under `clip`."""

    success = fields.Boolean()
    id = fields.UUID()
    track_id = fields.UUID()
    audio_file_id = fields.UUID(allow_none=True)
    name = fields.String()
    timebase = fields.String()
    start_time = fields.Float()
    duration = fields.Float()
    start_beat = fields.Float()
    length_beats = fields.Float()
    stretch = fields.Boolean()
    original_bpm = fields.Float(allow_none=True)
    clamped = fields.List(fields.String(), metadata={"description": "fields that were too long, and are cut"})
    revision = fields.Integer()
    clip = fields.Dict()


class SendReply(Body):
    """The send, and the track that it comes from."""

    success = fields.Boolean()
    send = fields.Dict()
    track = fields.Dict()
    revision = fields.Integer()


class LyricsReply(Body):
    """The lyrics as they are now, of a track or (null) of the project."""

    success = fields.Boolean()
    track_id = fields.UUID(allow_none=True)
    lyrics = fields.String(allow_none=True)
    revision = fields.Integer()


class Skipped(Body):
    """What was not taken back, or not repeated; `field` is null for a whole thing, and `by` where nobody did it."""

    entity = fields.String()
    id = fields.UUID(allow_none=True)
    field = fields.String(allow_none=True)
    by = fields.String(allow_none=True, metadata={"description": "who has changed it since"})
    username = fields.String(allow_none=True)
    reason = fields.String()
    group_id = fields.UUID()


class TravelledReply(Body):
    """`groupIds` were undone or repeated, by these new operations."""

    success = fields.Boolean()
    revision = fields.Integer()
    group_ids = fields.List(fields.UUID())
    steps = fields.Integer(metadata={"description": "groups, or steps of an assistant's turn, that changed something"})
    skipped = fields.List(fields.Nested(Skipped), metadata={"description": "what stays as it is, and why"})
    operations = fields.List(fields.Dict())


_WRITTEN = {"project": ProjectReply, "track": TrackReply, "clip": ClipReply, "send": SendReply}


@functools.cache
def of(kind: EntityType) -> type[Body]:
    """The reply about one entity."""
    if (written := _WRITTEN.get(kind.name)) is not None:
        return written
    about = f"The {kind}, twice: its fields here, and all of them under `{kind.name}`."
    shown: dict[str, fields.Field[Any]] = {"success": fields.Boolean(), "revision": fields.Integer()}
    if kind.within == "parent":
        about = f"The {kind}, and the {kind.parent} that it is a part of."
        shown[kind.parent] = fields.Dict()
    else:
        shown |= {"id": fields.UUID(), **{name: fields.Raw() for name in kind.fields}}
    return type(f"{kind.title}Reply", (Body,), {"__doc__": about, **shown, kind.name: fields.Dict()})


@functools.cache
def several(kind: EntityType) -> type[Body]:
    """The reply about the same changes of several, or about their order."""
    shown: dict[str, fields.Field[Any]] = {
        "success": fields.Boolean(),
        "count": fields.Integer(),
        kind.plural: fields.List(fields.Dict()),
        kind.orders: fields.List(fields.Dict()),
        "clamped": fields.List(fields.String(), metadata={"description": "fields that were too long, and are cut"}),
        "revision": fields.Integer(),
        "message": fields.String(),
    }
    return type(f"{kind.titles}Reply", (Body,), {"__doc__": f"The {kind.plural} as they are now.", **shown})


@functools.cache
def listed(kind: EntityType) -> type[Body]:
    shown = {"success": fields.Boolean(), kind.plural: fields.List(fields.Dict()), "total": fields.Integer()}
    return type(f"{kind.title}List", (Body,), {"__doc__": f"The {kind.plural}, sorted.", **shown})
