"""Kept states of projects."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.schema import Body, Text
from handlers.schemas.collaboration import REPLAY, body
from handlers.schemas.replies import ProjectReply

VersionRestore = body("VersionRestore", "How to store it.", REPLAY)


class VersionCreate(Body):
    """What to call the present state."""

    name = Text(0, 120, allow_none=True, load_default=None)
    description = Text(0, 2000, allow_none=True, load_default=None)


class Version(Body):
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

    success = fields.Boolean()
    version = fields.Nested(Version)


class VersionList(Body):
    """The newest first."""

    success = fields.Boolean()
    versions = fields.List(fields.Nested(Version))
    total = fields.Integer()
    page = fields.Integer()
    limit = fields.Integer()
    total_pages = fields.Integer()
    pagination = fields.Dict()


class Restored(ProjectReply):
    """`savedNumber` is the version that keeps the state before. `missingAudio`: ids of recordings deleted since, whose
    clips could not come back."""

    restored_number = fields.Integer()
    saved_number = fields.Integer()
    missing_audio = fields.List(fields.UUID())
    group_id = fields.UUID(allow_none=True)
