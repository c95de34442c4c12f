"""What clients are answered about the entities of a document, over REST and in the acks of sockets."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from marshmallow import fields

from dawg_server.daw.entities.clip import CLIP
from dawg_server.daw.entities.project import PROJECT
from dawg_server.daw.entities.track import TRACK
from dawg_server.daw.entity import EntityType
from dawg_server.schema import AnyField
from handlers.schemas import entities
from handlers.schemas.collaboration import HeldLock, Operation
from handlers.schemas.collaborators import ROLES
from handlers.schemas.shown import Shown, done, maybe, one_of, several, shown

Told = Mapping[str, AnyField]
"""What a command tells: the fields of its result."""

CLAMPED = maybe(fields.List(fields.String(), metadata={"description": "fields that were too long, and are cut"}))
REVISION = fields.Integer(metadata={"description": "of the project, after it"})


class Success(Shown):
    """What every good answer begins with."""

    success = done()


class Deleted(Shown):
    """It is gone."""

    success = done()
    deleted = fields.Boolean()
    id = fields.UUID()
    message = fields.String()
    revision = maybe(REVISION)


class Pages(Shown):
    """Which part of a list it is: the same numbers twice."""

    page = fields.Integer()
    limit = fields.Integer()
    total = fields.Integer()
    total_pages = fields.Integer()


class PagedList(Pages):
    """Part of a list."""

    success = done()
    pagination = fields.Nested(Pages)


class Skipped(Shown):
    """What was not taken back, or not repeated; `field` is null for a whole thing, and `by` where nobody did it."""

    entity = fields.String()
    id = fields.UUID(allow_none=True)
    field = fields.String(allow_none=True)
    by = fields.String(allow_none=True, metadata={"description": "who has changed it since"})
    username = fields.String(allow_none=True)
    reason = fields.String()
    group_id = fields.UUID()


TRAVELLED: Told = {
    "groupIds": fields.List(fields.UUID()),
    "steps": fields.Integer(
        metadata={"description": "groups, or steps of an assistant's turn, that changed something"}
    ),
    "skipped": several(Skipped, metadata={"description": "what stays as it is, and why"}),
}
LYRICS: Told = {"trackId": fields.UUID(allow_none=True), "lyrics": fields.String(allow_none=True)}


class EditedNote(Shown):
    """A note of a clip, its times in beats."""

    id = fields.String()
    pitch = fields.Integer()
    start = fields.Float()
    duration = fields.Float()
    velocity = fields.Integer()


EDITED_NOTES: Told = {
    "clipId": fields.UUID(),
    "notes": several(EditedNote),
    "removed": fields.List(fields.String()),
}

WRITTEN_PARTS: Told = {
    "track": fields.Nested(entities.of(TRACK)),
    "tracks": several(entities.of(TRACK)),
    "clips": several(entities.of(CLIP)),
    "key": fields.String(),
    "genre": fields.String(),
    "seed": fields.Integer(metadata={"description": "of the first one; each further one has the next number"}),
}

WrittenPartsReply = shown(
    "WrittenPartsReply",
    "The new tracks, the first of which is `track`, and the clip on each.",
    {"success": done(), **WRITTEN_PARTS, "revision": REVISION},
)
EditedNotesReply = shown(
    "EditedNotesReply",
    "`notes` were added or changed, `removed` are the ids of those that are gone.",
    {"success": done(), **EDITED_NOTES, "revision": REVISION},
)
TravelledReply = shown(
    "TravelledReply",
    "`groupIds` were undone or repeated, by these new operations.",
    {"success": done(), **TRAVELLED, "revision": REVISION, "operations": several(Operation)},
)
LyricsReply = shown(
    "LyricsReply",
    "The lyrics as they are now, of a track or (null) of the project.",
    {"success": done(), **LYRICS, "revision": REVISION},
)


def one(kind: EntityType) -> Told:
    """Of a command that makes or changes one."""
    return {**_with_parent(kind), "clamped": CLAMPED}


def gone(kind: EntityType) -> Told:
    """Of a command that deletes one: parts of others are told as they were."""
    parts = _with_parent(kind) if kind.within == "parent" else {}
    return {"deleted": fields.Boolean(), kind.id: fields.UUID(), **parts}


def same(kind: EntityType) -> Told:
    """Of a command that changes several in the same way."""
    return {**_list(kind), "count": fields.Integer(), "message": fields.String(), "clamped": CLAMPED}


def all_of(kind: EntityType) -> Told:
    """Of a command that is told with those of that kind which it concerns, and with the one that it names."""
    named = {name: maybe(each) for name, each in _with_parent(kind).items()}
    return {**named, **_list(kind), "count": maybe(fields.Integer())}


def sorted_anew(kind: EntityType) -> Told:
    return {kind.orders: entities.places(), **_list(kind)}


@functools.cache
def of(kind: EntityType) -> type[Shown]:
    """The reply about one entity."""
    told = {"success": done(), **one(kind), "revision": maybe(REVISION)}
    if kind.within == "parent":
        return shown(f"{kind.title}Reply", f"The {kind}, and the {kind.parent} that it is a part of.", told)
    about = f"The {kind}, twice: its fields here, and all of them under `{kind.name}`."
    return shown(f"{kind.title}Reply", about, told, entities.of(kind))


ListedProject = shown(
    "ListedProject", "A project, and what the caller is in it.", {"role": one_of(*ROLES)}, entities.of(PROJECT)
)
NewProjectReply = shown(
    "NewProjectReply",
    "The project, twice: its fields here, and all of them under `project`.",
    {"success": done(), "project": fields.Nested(ListedProject)},
    ListedProject,
)


def whole_project() -> type[Shown]:
    return _whole_project(entities.whole_project())


@functools.cache
def _whole_project(whole: type[Shown]) -> type[Shown]:
    about = "The project with everything in it, twice: its fields here, and all of them under `project`."
    return shown("WholeProjectReply", about, {"success": done(), "project": fields.Nested(whole)}, whole)


@functools.cache
def deleted(kind: EntityType) -> type[Shown]:
    if kind.within != "parent":
        return Deleted
    return shown(f"{kind.title}Deleted", "It is gone, as it was.", _with_parent(kind), Deleted)


@functools.cache
def several_of(kind: EntityType) -> type[Shown]:
    """The reply about the same changes of several."""
    told = {"success": done(), **same(kind), "revision": REVISION}
    return shown(f"{kind.titles}Reply", f"The {kind.plural} as they are now.", told)


@functools.cache
def told_of(kind: EntityType) -> type[Shown]:
    told = {"success": done(), **all_of(kind), "revision": REVISION}
    return shown(f"All{kind.titles}Reply", f"The {kind.plural} that it concerns as they are now.", told)


@functools.cache
def in_order(kind: EntityType) -> type[Shown]:
    told = {"success": done(), **sorted_anew(kind), "revision": REVISION}
    return shown(f"{kind.titles}InOrder", f"The {kind.plural} as they are now, in their order.", told)


@functools.cache
def listed(kind: EntityType) -> type[Shown]:
    told = {"success": done(), **_list(kind), "total": fields.Integer()}
    return shown(f"{kind.title}List", f"The {kind.plural}, sorted.", told)


def stored(name: str, told: Told, *, travels: bool) -> type[Shown]:
    """The ack of a change: what its command tells, and every operation that it took, as others hear of them one by one.
    `lockedBy`: somebody had asked to leave that track alone."""
    log: dict[str, AnyField] = {"groupId": fields.UUID(allow_none=True), "operations": several(Operation)}
    shared = {"success": done(), "revision": REVISION, "lockedBy": maybe(fields.Nested(HeldLock))}
    return shown(name, "What has become of the change.", {**shared, **told, **({} if travels else log)})


def _list(kind: EntityType) -> Told:
    return {kind.plural: several(functools.partial(entities.of, kind))}


def _with_parent(kind: EntityType) -> Told:
    found: dict[str, AnyField] = {kind.name: fields.Nested(functools.partial(entities.of, kind))}
    if kind.within == "parent":
        found[kind.parent] = fields.Nested(functools.partial(entities.of, entities.parent_of(kind)))
    return found
