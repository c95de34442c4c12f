"""What is in a project as clients see it: from the declarations by which it is stored and changed."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from marshmallow import fields

from dawg_server.daw import entity as registry
from dawg_server.daw.entities.project import PROJECT
from dawg_server.daw.entity import EntityType
from dawg_server.schema import AnyField, Uuid
from handlers.schemas.audio import ProjectAudioFile
from handlers.schemas.collaborators import ROLES, Collaborator
from handlers.schemas.shown import Either, Shown, as_shown, maybe, one_of, several, shown

TIMES: dict[str, AnyField] = {"createdAt": fields.DateTime(), "updatedAt": fields.DateTime()}


def of(kind: EntityType) -> type[Shown]:
    """One as it stands in events and replies, with its parts; without what is on it, which has lists of its own."""
    return _of(kind, registry.parts_of(kind))


def rest_of(kind: EntityType) -> type[Shown]:
    """What is known of one that was changed, and gone by the end of the same step."""
    return _rest_of(kind, registry.parts_of(kind))


def now(kind: EntityType) -> AnyField:
    return Either(lambda: (of(kind), rest_of(kind)))


def changes(kind: EntityType) -> type[Shown]:
    """Some of its fields."""
    return _changes(kind, registry.parts_of(kind))


def whole_project() -> type[Shown]:
    """A project with everything in it, for the caller."""
    return _whole_project(registry.contents())


def parent_of(kind: EntityType) -> EntityType:
    return registry.find(kind.parent)


def places() -> AnyField:
    """Of things that stand in an order."""
    return several(Place)


class Place(Shown):
    """Which one stands where, from 0."""

    id = fields.UUID()
    order = fields.Integer()


def _fields(kind: EntityType) -> dict[str, AnyField]:
    declared: Mapping[str, AnyField] = {**TIMES, **kind.computed, **kind.fields, **kind.written}
    names = [*kind.table.fields, *kind.table.extra]
    ids = {"id": Uuid(), kind.parent_field: Uuid()}
    found = {name: as_shown({**ids, **declared}[name]) for name in names}
    return found | {part.plural: several(functools.partial(of, part)) for part in registry.parts_of(kind)}


@functools.cache
def _of(kind: EntityType, _: tuple[EntityType, ...]) -> type[Shown]:
    article = "an" if kind.name[0] in "aeiou" else "a"
    return shown(kind.title, f"{article.capitalize()} {kind}: {kind.help}.", _fields(kind))


@functools.cache
def _changes(kind: EntityType, _: tuple[EntityType, ...]) -> type[Shown]:
    some = {name: maybe(field) for name, field in _fields(kind).items() if name not in kind.table.extra}
    return shown(f"{kind.title}Changes", f"Those fields of a {kind} that have other values now.", some)


@functools.cache
def _rest_of(kind: EntityType, _: tuple[EntityType, ...]) -> type[Shown]:
    about = f"What is known of a {kind} that is gone by the end of the same step."
    some = {name: field if name == "id" else maybe(field) for name, field in _fields(kind).items()}
    return shown(f"{kind.title}Rest", about, some)


def _whole_now(kind: EntityType) -> type[Shown]:
    return _whole(kind, tuple(each for each in registry.contents() if _is_on(each, kind)))


@functools.cache
def _whole(kind: EntityType, on_it: tuple[EntityType, ...]) -> type[Shown]:
    """As a whole project shows it: with what is on it."""
    if not on_it:
        return of(kind)
    lists = {each.plural: several(functools.partial(of, each)) for each in on_it}
    return shown(f"Whole{kind.title}", f"A {kind} with everything on it.", lists, of(kind))


@functools.cache
def _whole_project(contents: tuple[EntityType, ...]) -> type[Shown]:
    lists = {each.plural: several(functools.partial(_whole_now, each)) for each in contents if each.within == "project"}
    people: dict[str, AnyField] = {
        "audioFiles": several(ProjectAudioFile),
        "collaborators": several(Collaborator),
        "role": one_of(*ROLES, help="the caller's"),
    }
    about = "A project with everything in it, at one moment."
    return shown("WholeProject", about, {**lists, **people}, of(PROJECT))


def _is_on(kind: EntityType, parent: EntityType) -> bool:
    return kind.within == "whole parent" and kind.parent == parent.name
