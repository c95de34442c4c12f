"""Clips over REST."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.daw.commands import clips as commands
from dawg_server.schema import Body, Record, parameters
from handlers.schemas.collaboration import BASE, REPLAY
from handlers.schemas.commands import body

ClipCreate = body("ClipCreate", "A new clip: of a recording, or of notes.", {**commands.FIELDS, **REPLAY})
ClipChange = body(
    "ClipChange", "Whatever is to be different.", parameters({**commands.FIELDS, **BASE, **REPLAY}, changes=True)
)
ClipsChange = body(
    "ClipsChange",
    "The same changes to several clips.",
    {"clipIds": commands.CLIP_IDS, "updates": Record(commands.CHANGES, required=True), **BASE, **REPLAY},
)


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


class ClipList(Body):
    """Clips, by time."""

    success = fields.Boolean()
    clips = fields.List(fields.Dict())
    total = fields.Integer()


class ClipsReply(Body):
    """The clips as they are now."""

    success = fields.Boolean()
    count = fields.Integer()
    clips = fields.List(fields.Dict())
    clamped = fields.List(fields.String(), metadata={"description": "fields that were too long, and are cut"})
    revision = fields.Integer()
