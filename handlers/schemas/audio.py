"""Recordings."""

from __future__ import annotations

from marshmallow import fields

from handlers.schemas.base import Body, Choice, Flag, Query, Text

FORMATS = ("wav", "flac", "mp3", "ogg", "mid")


class ContentQuery(Query):
    """`expires` and `signature` come with a signed link; `format` picks another format of the same recording."""

    expires = Text(0, 20, load_default="")
    signature = Text(0, 128, load_default="")
    format = Choice(FORMATS, load_default=None)


class DownloadQuery(Query):
    """`redirect`: answer with 302 to the link instead of JSON."""

    redirect = Flag(load_default=False)


class DownloadLink(Body):
    """A link that needs no headers and works for an hour."""

    success = fields.Boolean()
    url = fields.Url()
    download_url = fields.Url()
    expires_in = fields.Integer()
    expires_at = fields.DateTime()
    filename = fields.String()
