"""Clips over REST."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.daw.commands import clips as commands
from dawg_server.daw.entities import CLIP
from dawg_server.schema import Body, Record
from handlers.schemas.collaboration import BASE, REPLAY, body

ClipsChange = body(
    "ClipsChange",
    "The same changes to several clips.",
    {"clipIds": commands.CLIP_IDS, "updates": Record(CLIP.changes, required=True), **BASE, **REPLAY},
)


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
