"""Projects over REST."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.daw.entities import PROJECT
from dawg_server.schema import Body, Choice, Flag, Number, Page, Query, Text
from handlers.schemas.collaboration import MAX_REVISION, REPLAY, STEPS, body

ProjectCreate = body("ProjectCreate", "A new project.", PROJECT.create)
Steps = body("Steps", "How many groups of steps.", {**STEPS, **REPLAY})


class ProjectsQuery(Page):
    """Which projects, and in which order."""

    sort_by = Choice(("updatedAt", "createdAt", "name"), load_default="updatedAt")
    sort_order = Choice(("asc", "desc"), load_default="desc")
    search = Text(0, 120, load_default=None)


class OperationsQuery(Query):
    """Which part of the log."""

    since = Number(0, MAX_REVISION, whole=True, load_default=0)
    limit = Number(1, 1000, whole=True, load_default=500)


class ProjectList(Body):
    """Own and shared projects."""

    success = fields.Boolean()
    projects = fields.List(fields.Dict())
    total = fields.Integer()
    page = fields.Integer()
    limit = fields.Integer()
    total_pages = fields.Integer()
    pagination = fields.Dict()


class Operations(Body):
    """`complete`: nothing comes after these, up to `revision`."""

    success = fields.Boolean()
    operations = fields.List(fields.Dict())
    revision = fields.Integer()
    complete = fields.Boolean()


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


class ArchiveQuery(Query):
    """`audio`: with the recordings themselves."""

    audio = Flag(load_default=True)


class ImportForm(Query):
    """Nothing but the file."""
