"""Kept states of projects."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.schema import AnyField, Body, Text
from handlers.schemas.collaboration import REPLAY, body
from handlers.schemas.replies import PagedList, whole_project
from handlers.schemas.shown import Shown, done, shown

VersionRestore = body("VersionRestore", "How to store it.", REPLAY)


class VersionCreate(Body):
    """What to call the present state."""

    name = Text(0, 120, allow_none=True, load_default=None)
    description = Text(0, 2000, allow_none=True, load_default=None)


class Version(Shown):
    """`automatic`: made by the server before a restore. `revision` is the project's at that time."""

    id = fields.UUID()
    number = fields.Integer()
    name = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    revision = fields.Integer()
    automatic = fields.Boolean()
    created_by = fields.String(allow_none=True)
    created_at = fields.DateTime()


class VersionReply(Version):
    """The version twice: its fields, and the whole."""

    success = done()
    version = fields.Nested(Version)


class VersionList(PagedList):
    """The newest first."""

    versions = fields.List(fields.Nested(Version))


def restored() -> type[Shown]:
    """The project as it is now."""
    about = (
        "`savedNumber` is the version that keeps the state before. `missingAudio`: ids of recordings deleted since, "
        "whose clips could not come back."
    )
    told: dict[str, AnyField] = {
        "restoredNumber": fields.Integer(),
        "savedNumber": fields.Integer(),
        "missingAudio": fields.List(fields.UUID()),
        "groupId": fields.UUID(allow_none=True),
    }
    return shown("Restored", about, told, whole_project())
