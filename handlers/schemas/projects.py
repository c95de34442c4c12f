"""Projects over REST."""

from __future__ import annotations

import functools

from marshmallow import fields

from dawg_server.daw.entities.project import PROJECT
from dawg_server.daw.entities.track import TRACK
from dawg_server.schema import Choice, Flag, Id, Number, Page, Query, Text
from handlers.schemas import entities, replies
from handlers.schemas.collaboration import MAX_REVISION, Operation, body
from handlers.schemas.replies import ListedProject, PagedList
from handlers.schemas.shown import Shown, done, several, shown

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


class ProjectList(PagedList):
    """Own and shared projects."""

    projects = several(ListedProject)


class Operations(Shown):
    """`complete`: nothing comes after these, up to `revision`."""

    success = done()
    operations = several(Operation)
    revision = fields.Integer()
    complete = fields.Boolean()


class TracksQuery(Page):
    """Which part of the list."""

    limit = Number(1, 500, whole=True, load_default=50)


class TrackList(PagedList):
    """Tracks, in their order."""

    tracks = several(functools.partial(entities.of, TRACK))


class ArchiveQuery(Query):
    """What is exported: everything in a zip, the notes as a MIDI file, or what DAWproject can say."""

    format = Choice(("archive", "midi", "dawproject"), load_default="archive")
    audio = Flag("of an archive, whether the recordings themselves are in it", load_default=True)
    midi = Flag("of an archive, whether it has a MIDI file of the notes beside", load_default=False)
    mix = Id(
        "audioFile", "of an archive, the project's recording (such as a render) that is its Mix", load_default=None
    )
    versions = Flag("of an archive, whether the project's newest versions are in it", load_default=True)
    clip_ids = Text(0, 3_700, "of MIDI: the ids of up to 100 clips, with commas; without it all", load_default="")


class ImportForm(Query):
    """Nothing but the file."""


def imported_project() -> type[Shown]:
    return _imported_project(replies.whole_project())


@functools.cache
def _imported_project(whole: type[Shown]) -> type[Shown]:
    told = {
        "missingRecordings": fields.List(
            fields.String(), metadata={"description": "recordings that a file of another program does not bring along"}
        ),
        "leftOut": fields.List(fields.String(), metadata={"description": "what else of it has no place here"}),
    }
    return shown("ImportedProjectReply", "The new project with everything in it.", told, whole)


class ImportReply(Shown):
    """The new tracks, in their order, which one undo takes back together."""

    success = done()
    revision = fields.Integer()
    group_id = fields.UUID(allow_none=True)
    track_ids = fields.List(fields.UUID())
    message = fields.String()
