"""What an entity of a document declares: all that draft, undo, news, versions, archives, SQL and APIs know of it.

A new entity is one file here and one migration:

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

import functools
import importlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dawg_server.database.table import TIMES, Column, Table, plain
from dawg_server.schema import AnyField, Id, JsonValue, Parameters, parameters

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

Role = Literal["viewer", "editor", "owner"]
Check = Callable[["Draft", Mapping[str, Any], frozenset[str]], Awaitable[None]]
"""Raises for what must not be: (the draft, the entity with all its fields, the names of those that change)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names another entity. When that goes, this one goes as well, or the field becomes `cleared`.

    `sound`: the field leads sound there, so its target has to be an AUX track, and sound must never come back.
    """

    entity: str
    on_delete: Literal["cascade", "clear"] = "cascade"
    cleared: Any = None
    sound: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class EntityType:
    """`fields` are what clients may set, with their units. `parent` is `project` or `track`; it never changes.

    `references` are by field, that to a parent track included. `role` is who may change it. `own_api`: its commands,
    routes, events and restoring are written by hand.
    """

    name: str
    plural: str
    help: str
    table: Table
    fields: Mapping[str, AnyField]
    aliases: Mapping[str, str] = field(default_factory=dict)
    parent: Literal["project", "track"] = "project"
    references: Mapping[str, Reference] = field(default_factory=dict)
    role: Role = "editor"
    limit: int = 10_000  # of a project
    check: Check | None = None
    own_api: bool = False
    module: str = ""  # in which it is declared, for what is sent to worker processes

    def __reduce__(self) -> tuple[Any, ...]:
        return _declared_in, (self.module, self.name)

    @property
    def title(self) -> str:
        """The name as it ends the names of commands."""
        return self.name[0].upper() + self.name[1:]

    @property
    def parent_field(self) -> str:
        return f"{self.parent}Id"

    @functools.cached_property
    def create(self) -> Parameters:
        """The fields of a new one."""
        return parameters(self.fields, aliases=self.aliases)

    @functools.cached_property
    def changes(self) -> Parameters:
        """Any subset of the fields."""
        return parameters(self.fields, changes=True, aliases=self.aliases)

    def stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the values that are kept; the rest was only shown."""
        return {name: values[name] for name in self.table.fields if name in values}


def _declared_in(module: str, name: str) -> EntityType:
    """Like a function, a declaration is not copied to another process, but imported there."""
    found = vars(importlib.import_module(module)).values()
    return next(each for each in found if isinstance(each, EntityType) and each.name == name)


def table_of(name: str, fields: Mapping[str, AnyField], parent: Literal["project", "track"] = "project") -> Table:
    """A table whose columns have the names of the fields in snake_case, besides `id`, parent and times."""
    columns = plain("id", f"{parent}Id", *fields)
    for each, declared in fields.items():
        if isinstance(declared, JsonValue):
            columns[each] = Column(columns[each].name, json=True)
    return Table(name, columns, TIMES, parent)


def the(kind: str, help: str = "") -> Id:
    return Id(kind, help or f"id of the {kind}", required=True)
