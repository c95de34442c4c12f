"""What an entity of a document declares: all that draft, undo, events, versions, archives, SQL and APIs know of it.

A new entity is one file in `daw.entities` and one migration:

    MARKER = EntityType(
        name="marker",
        plural="markers",
        help="a named place on the time line",
        table=table_of("markers", FIELDS),
        fields=FIELDS,
        module=__name__,
    )

Its commands (`createMarker`, `updateMarker`, `deleteMarker`), routes (`/api/markers`), events (`marker:create`,
`marker:created` and so on), its list in projects, versions and archives, and its history come from that.
"""

from __future__ import annotations

import copy
import functools
import importlib
import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from marshmallow import missing as absent

from dawg_server import errors
from dawg_server.database.table import TIMES, Column, Table, plain
from dawg_server.daw.in_time import Along, InTime, Units
from dawg_server.schema import (
    AnyField,
    Decibels,
    Described,
    Id,
    Items,
    JsonValue,
    Number,
    Parameters,
    Record,
    parameters,
    spoken,
)

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

Entity = dict[str, Any]
"""The project, or a track, clip or other part of it, by the names of the wire, with its `id`."""
Role = Literal["viewer", "editor", "owner"]
Fit = Callable[["Draft", Entity], Awaitable[Entity]]
"""(the draft, an entity as undo has left it): what has to be different so that it fits to what it plays."""
Rule = Callable[["Draft", "Entity | None", Entity], Awaitable[Collection[str]]]
"""(the draft, the entity as it is, None for a new one; the fields that change). May correct those fields, and returns
the names of what it has clamped. Raises for what must not be."""
Check = Callable[[Entity], None]
"""Looks at an entity by itself, as an archive has it. May correct it; raises ValidationError for what must not be."""
MAX_ORDER = 1_000_000  # places in a list
_AS_JSON = ("object", "array")  # how fields are kept that are no single value
RANKS: Mapping[str, int] = {"viewer": 1, "editor": 2, "owner": 3}  # of roles


def check(held: str | None, needed: str) -> str:
    """The role that is held, when it is at least the one that is needed; who holds none does not learn of the project.

    Raises `NotFound` and `Forbidden`.
    """
    if held is None:
        raise errors.NotFound("There is no such project.", details={"kind": "project"})
    if RANKS[held] < RANKS[needed]:
        raise errors.Forbidden(
            f"This needs the role {needed}; yours is {held}.", details={"role": held, "required": needed}
        )
    return held


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names another entity. When that goes, this one goes as well, or the field becomes `cleared`.

    `sound`: the field leads sound to a track of that type, AUX or GROUP, and sound must never come back. `heard`:
    the sound of that track, another one, is led here, and must never come back either. `beside`: in their list it
    follows the one that it names, also where that goes.
    """

    entity: str
    on_delete: Literal["cascade", "clear"] = "cascade"
    cleared: Any = None
    sound: Literal["", "AUX", "GROUP"] = ""
    heard: bool = False
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why something cannot be: a sentence about a field, and the ids of the entities of a kind that are in the way."""

    field: str
    sentence: str
    entity: str = ""
    ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to be true of an entity, by itself or with others, whenever one of these `fields` changes, also by undo,
    which leaves all of them where it is not.

    `unmet` gets the draft, the entity as it is to be, and the names of the fields that change.
    """

    fields: frozenset[str]
    unmet: Callable[[Draft, Entity, Collection[str]], Awaitable[Hindrance | None]]


class Keyed(Protocol):
    """A field whose value has parts by keys: undo takes each of them back by itself, whatever has become of others.

    `inner`: fields within a part that is an object; each of them is a part by itself (`part.field`) where the object
    was there before and after.
    """

    @property
    def inner(self) -> Sequence[str]: ...

    def parts(self, value: Any) -> dict[str, Any]:
        """Parts that can be compared; None stands for one that is not there."""

    def joined(self, value: Any, parts: Mapping[str, Any], then: Any) -> Any:
        """The value with these parts instead of its own. `then`: the value that they were in, for their places."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What entities of a kind hold, of which a project may have so much: `name` in the plural, `of` a value of `field`.

    `column` is where the table keeps it.
    """

    name: str
    limit: int
    field: str
    of: Callable[[Any], int]
    column: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """The same changes of some fields to up to `most` entities at once."""

    fields: Mapping[str, AnyField]
    most: int


@dataclass(frozen=True, kw_only=True, eq=False)
class EntityType:
    """`fields` are what clients may set, with their units, `written` what only the server does, `computed` what follows
    from other rows and is only shown.

    `parent` is `project` or `track`; where `fields` have no `trackId`, it never changes. `references` are by field;
    that to a parent track need not be said. `role` is who may change it. `limit`, `weight`: of a project. `ordered`:
    `order` is the place among those with the same parent, which stays, from 0. `unique`: fields that no two with the
    same parent have alike. `recording`: the field that names a recording, if it plays one; it may be the project's, one
    that clips of the project play, or the caller's. `either`: two fields of which exactly one is not null. `keyed`:
    fields that are changed by their parts. `rule` looks at those changes that are about `ruled` fields, and at
    everything new; `conditions` are true of what comes out of that, and of what undo puts back. `fit` looks at that as
    well, `check` at what an archive brings. `in_time`: how it lies in time, and moves with its section; `along`: how it
    changes with sections, if it lies all along the time line; `units`: how it tells its times in beats and seconds;
    `tempo`: fields that decide how these belong together. `within`: where clients see it: in the project's list, in its
    parent's when a whole project is shown, or always as a part of its parent. `kept`: what versions and archives keep
    of the project.
    """

    name: str
    plural: str
    help: str
    table: Table
    fields: Mapping[str, AnyField]
    written: Mapping[str, AnyField] = field(default_factory=dict)
    computed: Mapping[str, AnyField] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    parent: Literal["project", "track"] = "project"
    references: Mapping[str, Reference] = field(default_factory=dict)
    role: Role = "editor"
    limit: int | None = 10_000
    ordered: bool = False
    unique: tuple[str, ...] = ()
    recording: str = ""
    either: tuple[str, str] | tuple[()] = ()
    keyed: Mapping[str, Keyed] = field(default_factory=dict)
    fit: Fit | None = None
    conditions: Sequence[Condition] = ()
    weight: Weight | None = None
    rule: Rule | None = None
    ruled: frozenset[str] = frozenset()
    check: Check | None = None
    in_time: InTime | None = None
    along: Along | None = None
    units: Units | None = None
    tempo: frozenset[str] = frozenset()
    always_read: bool = False  # before every change, because there are few and many changes are about them
    transport: frozenset[str] = frozenset()  # fields besides that those who play the project follow
    bulk: Bulk | None = None
    within: Literal["project", "whole parent", "parent"] = "project"
    kept: tuple[str, ...] = ()
    about_deletion: str = ""  # a sentence for the documents
    module: str = ""  # in which it is declared, for what is sent to worker processes

    def __post_init__(self) -> None:
        if self.parent != "project" and self.parent_field not in self.references:
            object.__setattr__(self, "references", {self.parent_field: Reference(self.parent), **self.references})

    def __reduce__(self) -> tuple[Any, ...]:
        return _declared_in, (self.module, self.name)

    @property
    def title(self) -> str:
        """The name as it ends the names of commands."""
        return self.name[0].upper() + self.name[1:]

    @property
    def titles(self) -> str:
        return self.plural[0].upper() + self.plural[1:]

    @property
    def id(self) -> str:
        """The parameter that names one."""
        return f"{self.name}Id"

    @property
    def orders(self) -> str:
        """The parameter, and the field of operations, with the places of some: `[{id, order}]`."""
        return f"{self.name}Orders"

    @property
    def parent_field(self) -> str:
        return f"{self.parent}Id"

    @property
    def stays(self) -> bool:
        """Whether it never goes to another parent."""
        return self.parent_field not in self.fields

    @functools.cached_property
    def create(self) -> Parameters:
        """The fields of a new one."""
        return parameters(self.fields, aliases=self.aliases)

    @functools.cached_property
    def changes(self) -> Parameters:
        """Any subset of the fields."""
        return parameters(self.fields, changes=True, aliases=self.aliases)

    @functools.cached_property
    def same_changes(self) -> Mapping[str, AnyField]:
        """Which ones, and what is to be the same of all of them."""
        assert self.bulk is not None
        changes = parameters(self.bulk.fields, changes=True, aliases=self.aliases)
        several = Items(Id(self.name), 1, self.bulk.most, required=True)
        return {f"{self.name}Ids": several, "changes": Record(changes, required=True)}

    @functools.cached_property
    def places(self) -> AnyField:
        """The new places of some."""
        place = Number(0, self.limit or MAX_ORDER, whole=True, required=True)
        inner = Record(parameters({"id": the(self.name), "order": place}))
        return Items(inner, 1, self.limit or MAX_ORDER, "the new places", required=True)

    @functools.cached_property
    def blank(self) -> Entity:
        """What stands for fields that nothing is known of, as when an earlier release has kept it without them."""
        return {name: None for name in self.table.fields if name != "id"} | self.create.defaults

    @functools.cached_property
    def _decibels(self) -> dict[str, str]:
        """Fields that say another one in dB, and which."""
        return {name: each.of for name, each in self.fields.items() if isinstance(each, Decibels)}

    def in_decibels(self, values: Mapping[str, Any]) -> Entity:
        """What is shown beside gains."""
        return {name: Decibels.shown(values[of]) for name, of in self._decibels.items() if of in values}

    def as_gains(self, values: Mapping[str, Any], entity: Entity | None = None) -> Entity:
        """The same with gains instead of dB. Where both are given, that one counts which `entity` has not yet."""
        found = dict(values)
        for name, of in self._decibels.items():
            if name in found:
                gain = Decibels.gain(decibels := found.pop(name))
                if (
                    entity is not None
                    and found.get(of, entity[of]) != entity[of]
                    and {name: decibels} != self.in_decibels({of: entity[of]})
                    and not math.isclose(gain, found[of], rel_tol=1e-3, abs_tol=1e-6)
                ):
                    raise wrong(name, f"and {of} say different things; send one of them")
                if entity is None or found.get(of, entity[of]) == entity[of]:
                    found[of] = entity[of] if entity and self.in_decibels({of: gain}) == {name: entity[name]} else gain
        return found

    def differing(self, name: str, one: Any, other: Any) -> list[str]:
        """The parts in which two values of a keyed field differ."""
        mine, theirs = (self.keyed[name].parts(value) for value in (one, other))
        found, inner = [], self.keyed[name].inner
        for part in dict.fromkeys((*mine, *theirs)):
            if (before := mine.get(part)) == (after := theirs.get(part)):
                continue
            if inner and isinstance(before, dict) and isinstance(after, dict):
                found += [f"{part}.{each}" for each in inner if before.get(each) != after.get(each)]
            else:
                found.append(part)
        return found

    def part(self, parts: Mapping[str, Any], name: str) -> Any:
        """One of the `parts` of a keyed field, or a field within one; None when it is not there."""
        if name in parts:
            return parts[name]
        whole, _, inner = name.rpartition(".")
        return parts[whole].get(inner) if isinstance(parts.get(whole), dict) else None

    def stored(self, values: Mapping[str, Any]) -> Entity:
        """Those of the values that are kept; the rest was only shown."""
        return {name: values[name] for name in self.table.fields if name in values}

    def __str__(self) -> str:
        return spoken(self.name)


def traces(field: str) -> tuple[str, ...]:
    """What a change of a field, or of a part (`field.part`), leaves in a set of changes: itself, and that it was within
    something."""
    within = field.rpartition(".")[0]
    return (field, f"{within}.") if within else (field,)


def meets(field: str, left: Collection[str]) -> bool:
    """Whether one of the changes that have left these `traces` is about a field or part, about what it is within, or
    about what is within it."""
    return field in left or f"{field}." in left or ("." in field and field.rpartition(".")[0] in left)


def _declared_in(module: str, name: str) -> EntityType:
    """Like a function, a declaration is not copied to another process, but imported there."""
    found = vars(importlib.import_module(module)).values()
    return next(each for each in found if isinstance(each, EntityType) and each.name == name)


def table_of(
    name: str,
    fields: Mapping[str, AnyField],
    parent: Literal["project", "track"] = "project",
    sorted_by: tuple[str, ...] = ("createdAt", "id"),
) -> Table:
    """A table whose columns have the names of the fields in snake_case, besides `id`, parent and times.

    `order` is the column `position`, because the word is SQL's own; what has it is sorted by it.
    """
    columns = plain("id", f"{parent}Id", *fields)
    for each, declared in fields.items():
        if isinstance(declared, JsonValue) or (isinstance(declared, Described) and declared.json_type in _AS_JSON):
            columns[each] = Column(columns[each].name, json=True)
    if "order" in fields:
        columns["order"] = Column("position")
        sorted_by = (f"{parent}Id", "order")
    return Table(name, columns, TIMES, parent, sorted_by=sorted_by)


def the(kind: str, help: str = "") -> Id:
    return Id(kind, help or f"id of the {spoken(kind)}", required=True)


def needed(field: AnyField) -> AnyField:
    """The same field where there has to be a value."""
    same = copy.copy(field)
    same.required, same.load_default, same.allow_none = True, absent, False
    return same


def missing(kind: str, *ids: str) -> errors.NotFound:
    names = "There is no such" if len(ids) == 1 else "Some are not in this project:"
    return errors.NotFound(f"{names} {spoken(kind)}.", details={"kind": kind, "missing": list(ids)})


def wrong(field: str, sentence: str) -> errors.ValidationError:
    return errors.ValidationError(f"{field} {sentence}.", details={field: sentence})


# -- the registry ------------------------------------------------------------------------------------------------------

_ALL: dict[str, EntityType] = {}


def register(kind: EntityType) -> None:
    _ALL[kind.name] = kind
    _forget()


def find(name: str) -> EntityType:
    return _ALL[name]


def known(name: str) -> bool:
    """Whether it is what some kind of entities is called, besides the project and what is a part of others."""
    return name in _ALL and name != "project" and _ALL[name].within != "parent"


@functools.cache
def every() -> tuple[EntityType, ...]:
    """What others hang on comes before them: the project, tracks, sends."""
    found: dict[str, EntityType] = {}
    begun: set[str] = set()

    def visit(kind: EntityType) -> None:
        if kind.name not in begun:
            begun.add(kind.name)
            for each in (kind.parent, *(reference.entity for reference in kind.references.values())):
                visit(_ALL[each])
            found[kind.name] = kind

    for name in sorted(_ALL):
        visit(_ALL[name])
    return tuple(found.values())


@functools.cache
def contents() -> tuple[EntityType, ...]:
    """What is in a project."""
    return tuple(each for each in every() if each.name != "project")


@functools.cache
def deciding_tempo() -> tuple[EntityType, ...]:
    """What is in a project and decides where its beats are; always read, because there is little of it."""
    return tuple(each for each in contents() if each.tempo)


@functools.cache
def always_read() -> tuple[EntityType, ...]:
    """What every change knows all of from the beginning."""
    return tuple(each for each in contents() if each.tempo or each.always_read)


def sets_tempo(name: str, changes: Mapping[str, Any]) -> bool:
    """Whether a step that changes these fields of an entity may be about the tempo, the metre or the loop region."""
    kind = find(name)
    return bool(kind.tempo) and (kind.name != "project" or not (kind.tempo | kind.transport).isdisjoint(changes))


def tempo_of(project: Mapping[str, Any]) -> Entity:
    """What decides about the tempo of a project as it is shown, its loop region, and nothing else."""
    names = (*find("project").tempo, *find("project").transport, *(each.plural for each in deciding_tempo()))
    return {name: project[name] for name in sorted(names)}


@functools.cache
def parts_of(kind: EntityType) -> tuple[EntityType, ...]:
    """Those that are always shown as a part of it."""
    return tuple(each for each in contents() if each.within == "parent" and each.parent == kind.name)


def tables() -> dict[str, Table]:
    """The tables of what is in a project, by the name of its list; parts come with what they are parts of."""
    return {each.plural: each.table for each in contents() if each.within != "parent"}


def _forget() -> None:
    for known in (every, contents, deciding_tempo, always_read, parts_of):
        known.cache_clear()
