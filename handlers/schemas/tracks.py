"""Tracks and sends over REST."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.daw.commands import tracks as commands
from dawg_server.daw.entities import SEND
from dawg_server.schema import Body, Id, Items, Number, Page, Record, parameters
from handlers.schemas.collaboration import BASE, REPLAY, body

TrackOrders = body("TrackOrders", "The new places.", {"trackOrders": commands.ORDERS, **BASE, **REPLAY})
TracksChange = body(
    "TracksChange",
    "The same changes to several tracks.",
    {
        "trackIds": Items(Id("track"), 1, 100, required=True),
        "updates": Record(commands.BULK_CHANGES, required=True),
        **BASE,
        **REPLAY,
    },
)

SendCreate = body("SendCreate", "A new send.", {**SEND.fields, **REPLAY})
SendChange = body(
    "SendChange", "Whatever is to be different.", parameters({**SEND.fields, **BASE, **REPLAY}, changes=True)
)


class TracksQuery(Page):
    """Which part of the list."""

    limit = Number(1, 500, whole=True, load_default=50)


class TrackList(Body):
    """Tracks, in their order."""

    success = fields.Boolean()
    tracks = fields.List(fields.Dict())
    total = fields.Integer()
    page = fields.Integer()
    limit = fields.Integer()
    total_pages = fields.Integer()
    pagination = fields.Dict()


class SendReply(Body):
    """The send, and the track that it comes from."""

    success = fields.Boolean()
    send = fields.Dict()
    track = fields.Dict()
    revision = fields.Integer()


class TracksReply(Body):
    """The tracks as they are now."""

    success = fields.Boolean()
    count = fields.Integer()
    tracks = fields.List(fields.Dict())
    revision = fields.Integer()
    message = fields.String()
