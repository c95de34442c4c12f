"""Links that share a project."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.schema import Body, Choice, Number
from handlers.schemas.collaborators import GIVEN, ROLES
from handlers.schemas.shown import Shown, done, one_of, several

MINUTE, WEEK, YEAR = 60, 7 * 86_400, 365 * 86_400  # seconds


class NewShareLink(Body):
    """What whoever accepts it may do, and for how long it is good."""

    role = Choice(GIVEN, required=True)
    expires_in = Number(MINUTE, YEAR, "seconds", whole=True, load_default=WEEK)


class ShareLink(Shown):
    """`uses`: how many people have joined by it, or may do more since."""

    id = fields.UUID()
    project_id = fields.UUID()
    role = one_of(*GIVEN)
    uses = fields.Integer()
    created_at = fields.DateTime()
    expires_at = fields.DateTime()


class MadeShareLink(ShareLink):
    """`token` is the secret in `url`, told this once."""

    token = fields.String()
    url = fields.Url()


class ShareLinkReply(MadeShareLink):
    """The link twice: its fields, and the whole."""

    success = done()
    link = fields.Nested(MadeShareLink)


class ShareLinks(Shown):
    """The newest first."""

    success = done()
    links = several(ShareLink)
    total = fields.Integer()


class ShareLinkRevoked(Shown):
    """It is gone."""

    success = done()
    deleted = fields.Boolean()
    id = fields.UUID()
    message = fields.String()


class ShareLinkAccepted(Shown):
    """The project, its name, and what the caller may do in it now."""

    success = done()
    project_id = fields.UUID()
    name = fields.String()
    role = one_of(*ROLES)
