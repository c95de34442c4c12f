"""What the server says: where it is declared that a field may be missing, and everything else is always there."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from marshmallow import fields, missing

from dawg_server.schema import AnyField, Body

Declared = type["Shown"] | Callable[[], type["Shown"]]
F = TypeVar("F", bound=AnyField)
_MAYBE = "maybe"


class Shown(Body):
    """Of an answer or an event. `maybe` marks what may be missing."""

    def on_bind_field(self, field_name: str, field_obj: AnyField) -> None:
        super().on_bind_field(field_name, field_obj)
        field_obj.required = not field_obj.metadata.get(_MAYBE)
        field_obj.dump_only = True  # so that one attribute may be shown under several names


class Either(fields.Raw):
    """One of several objects, or one of some words, which goes out as it is. `schemas` is asked when the documents are
    made."""

    def __init__(
        self, schemas: Callable[[], tuple[type[Shown], ...]], *, words: tuple[str, ...] = (), **options: Any
    ) -> None:
        super().__init__(**options)
        self.schemas, self.words = schemas, words


def maybe(field: F) -> F:
    """The same field, which may be missing."""
    same = copy.copy(field)
    same.metadata = {**field.metadata, _MAYBE: True}
    return same


def as_shown(field: AnyField) -> AnyField:
    """A field that clients may set, as it is read: nothing stands for it."""
    same = copy.copy(field)
    same.load_default = missing
    return same


def shown(name: str, about: str, declared: Mapping[str, AnyField], base: type[Shown] = Shown) -> type[Shown]:
    made: type[Shown] = type(name, (base,), {"__doc__": about, **declared})
    return made


def done() -> AnyField:
    """What every good answer begins with."""
    return fields.Boolean(metadata={"enum": [True]})


def one_of(*words: str, help: str = "", **options: Any) -> AnyField:
    """A word of a closed set."""
    return fields.String(metadata={"enum": [*words], **({"description": help} if help else {})}, **options)


def several(schema: Declared, **options: Any) -> AnyField:
    return fields.List(fields.Nested(schema), **options)
