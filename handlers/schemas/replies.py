"""What clients are answered about the entities of a document."""

from __future__ import annotations

import functools

from marshmallow import fields

from dawg_server.daw.entities.base import EntityType
from dawg_server.schema import Body


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
    pan = fields.Float()
    order = fields.Integer()
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
    start_time = fields.Float()
    duration = fields.Float()
    clamped = fields.List(fields.String(), metadata={"description": "fields that were too long, and are cut"})
    revision = fields.Integer()
    clip = fields.Dict()


@functools.cache
def of(kind: EntityType) -> type[Body]:
    """The reply about one entity whose API is made from its declaration."""
    about = f"The {kind.name}, twice: its fields here, and all of them under `{kind.name}`."
    shown = {name: fields.Raw() for name in kind.fields}
    more = {"success": fields.Boolean(), "id": fields.UUID(), "revision": fields.Integer(), kind.name: fields.Dict()}
    return type(f"{kind.title}Reply", (Body,), {"__doc__": about, **shown, **more})
