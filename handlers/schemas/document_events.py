"""What rooms are told of the changes of their project: of each entity by its declaration."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from marshmallow import fields

from dawg_server.daw import entity as registry
from dawg_server.daw.entities.project import PROJECT
from dawg_server.daw.entity import EntityType
from dawg_server.schema import AnyField
from handlers.schemas import entities
from handlers.schemas.shown import Shown, maybe, shown


class DocumentChange(Shown):
    """`own`: a change of one's own, which the page that made it may know already."""

    project_id = fields.UUID()
    user_id = fields.String()
    username = fields.String()
    user_name = fields.String(metadata={"description": "the same as username"})
    source = fields.String(metadata={"description": "rest, socket, undo, generation and so on"})
    group_id = fields.UUID(metadata={"description": "what undo takes back together"})
    cause = fields.String(allow_none=True, metadata={"enum": ["undo", "redo", None]})
    client_operation_id = fields.String(allow_none=True)
    revision = fields.Integer()
    timestamp = fields.DateTime()
    own = maybe(fields.Boolean())


def every() -> dict[str, type[Shown]]:
    """By name."""
    groups = {"groupIds": fields.List(fields.UUID())}
    found = {
        "project:updated": _event(
            "ProjectUpdated",
            "Fields of the project in `update`; `project` is how all of it is now, without its tracks.",
            {"update": fields.Nested(functools.partial(entities.changes, PROJECT)), "project": entities.now(PROJECT)},
        ),
        "lyrics:updated": _event(
            "LyricsUpdated",
            "The lyrics of the track `trackId`, or (null) of the project.",
            {"trackId": fields.UUID(allow_none=True), "lyrics": fields.String(allow_none=True)},
        ),
        "project:undone": _event(
            "ProjectUndone", "The steps `groupIds` were taken back; the changes were told before.", groups
        ),
        "project:redone": _event(
            "ProjectRedone", "The steps `groupIds` were repeated; the changes were told before.", groups
        ),
    }
    for kind in registry.contents():
        if kind.within != "parent":
            found |= _of_entity(kind)
        if kind.ordered:
            about = f"`{kind.orders}`: the places of all {kind.plural}."
            found[f"{kind.name}:reordered"] = _event(f"{kind.titles}Reordered", about, {kind.orders: entities.places()})
    return found


def _of_entity(kind: EntityType) -> dict[str, type[Shown]]:
    id: Mapping[str, AnyField] = {kind.id: fields.UUID()}
    changes = fields.Nested(functools.partial(entities.changes, kind))
    return {
        f"{kind.name}:created": _event(
            f"{kind.title}Created", f"A new {kind} in `{kind.name}`: {kind.help}.", {kind.name: entities.now(kind)}
        ),
        f"{kind.name}:updated": _event(
            f"{kind.title}Updated",
            f"`changes` of `{kind.id}`, or of its parts; `{kind.name}` is how it is now.",
            {**id, "changes": changes, kind.name: entities.now(kind)},
        ),
        f"{kind.name}:deleted": _event(
            f"{kind.title}Deleted", f"The {kind} `{kind.id}` is gone; what was on it was told before.", id
        ),
    }


def _event(name: str, about: str, declared: Mapping[str, AnyField]) -> type[Shown]:
    return shown(f"{name}Event", about, declared, DocumentChange)
