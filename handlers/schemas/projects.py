"""Projects over REST."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.daw.entities.project import PROJECT
from dawg_server.schema import Body, Choice, Flag, Number, Page, Query, Text
from handlers.schemas.collaboration import MAX_REVISION, body

ProjectCreate = body("ProjectCreate", "A new project.", PROJECT.create)


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


class ArchiveQuery(Query):
    """`audio`: with the recordings themselves."""

    audio = Flag(load_default=True)


class ImportForm(Query):
    """Nothing but the file."""
