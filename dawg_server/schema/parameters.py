"""Objects within objects, parameters of commands and functions, values of more kinds; and JSON Schema for models."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, cast

import orjson
from marshmallow import ValidationError, fields, missing

from dawg_server.schema.base import (
    AnyField,
    Body,
    Described,
    Field,
    Number,
    Query,
    checked,
    load,
)
from dawg_server.schema.field_errors import MAX_PROBLEMS

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Parameters(Body):
    """Of a command or a function: names are those of the wire. Made by `parameters`.

    Null is as good as nothing where it is no value of its own; among changes (`partial`) it is wrong.
    """

    drops_nulls = True
    changes: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": True if self.changes else None, **options})

    @property
    def declared(self) -> dict[str, AnyField]:
        """The fields as they were declared, to declare others with."""
        return dict(self._declared_fields)

    @property
    def defaults(self) -> dict[str, Any]:
        """What stands for fields that are left out."""
        found = ((str(field.data_key), field.load_default) for field in self.fields.values())
        return {name: value for name, value in found if value is not missing}

    def check(self, data: Any, *, closed: bool = False) -> dict[str, Any]:
        """The values; raises `errors.ValidationError`. `closed`: unknown names are refused."""
        return load(self, data, closed=closed)

    def values(self, data: Any, *, closed: bool = False) -> dict[str, Any]:
        """The values; raises `FieldError`."""
        return checked(self, data, closed=closed)

    def json_schema(self) -> dict[str, Any]:
        """For models."""
        return object_schema(self)


def parameters(
    declared: Mapping[str, AnyField],
    name: str = "Parameters",
    *,
    aliases: Mapping[str, str] | None = None,
    changes: bool = False,
    one_of: Collection[str] = (),
) -> Parameters:
    """A schema of these fields. In `changes`, what may be missing stays missing: nothing has a default."""
    options = {"aliases": dict(aliases or {}), "one_of": tuple(one_of), "changes": changes}
    made: type[Parameters] = type(name, (Parameters.from_dict(dict(declared), name=name),), options)
    return made()


class Flag(Field):
    """`true` or `false`; in a query string also 1, 0, yes and no."""

    json_type = "boolean"

    def check(self, value: Any) -> bool:
        if isinstance(value, str) and self._from_text:
            value = _WORDS.get(value.strip().lower(), value)
        if not isinstance(value, bool):
            raise ValidationError("has to be true or false")
        return value


class Items(Described, fields.List[Any]):
    """A list of `low` to `high` values of one kind."""

    json_type = "array"
    default_error_messages = {"invalid": "has to be a list"}  # noqa: RUF012

    def __init__(self, inner: fields.Field[Any], low: int, high: int, help: str = "", **options: Any) -> None:
        metadata = {**({"description": help} if help else {}), **options.pop("metadata", {})}
        super().__init__(inner, metadata=metadata, **options)
        self.low, self.high = low, high

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if not self.low <= len(value) <= self.high:
            raise ValidationError(f"has to have {self.low} to {self.high} entries")
        checked, problems = [], {}
        for number, each in enumerate(value):
            try:
                checked.append(self.inner.deserialize(each, **kwargs))
            except ValidationError as error:
                problems[number] = error.messages
                if len(problems) >= MAX_PROBLEMS:
                    break
        if problems:
            raise ValidationError(cast("dict[Any, Any]", problems))
        return checked

    def limits(self) -> dict[str, Any]:
        return {"items": json_schema(self.inner), "minItems": self.low, "maxItems": self.high}


class Record(Described, fields.Nested):
    """An object with fields of its own, which a schema declares."""

    json_type = "object"
    default_error_messages = {"type": "has to be an object"}  # noqa: RUF012

    def __init__(self, schema: Any, help: str = "", **options: Any) -> None:
        metadata = {**({"description": help} if help else {}), **options.pop("metadata", {})}
        super().__init__(schema, metadata=metadata, **options)

    def limits(self) -> dict[str, Any]:
        inner = object_schema(cast("Body", self.schema))
        return {name: value for name, value in inner.items() if name != "type"}


class JsonValue(Field):
    """Any JSON value of at most `limit` bytes; `objects`: only objects; `stored`: as `jsonb`, which knows no U+0000."""

    json_type = "object"

    def __init__(
        self, limit: int, help: str = "", *, objects: bool = False, stored: bool = False, **options: Any
    ) -> None:
        super().__init__(help, **options)
        self.limit, self.objects, self.stored = limit, objects, stored

    def check(self, value: Any) -> Any:
        if self.objects and not isinstance(value, dict):
            raise ValidationError("has to be an object")
        try:
            text = orjson.dumps(value)
        except (TypeError, RecursionError):
            raise ValidationError("has to be plain JSON") from None
        if len(text) > self.limit:
            raise ValidationError(f"has to be at most {self.limit} bytes of JSON")
        if self.stored and b"\\u0000" in text:
            raise ValidationError("holds a character that cannot be stored")
        return value

    def described(self) -> dict[str, Any]:
        return super().described() if self.objects else {}


class OneNumber(Field):
    """One of a closed set of whole numbers."""

    json_type = "integer"

    def __init__(self, choices: Collection[int], help: str = "", **options: Any) -> None:
        super().__init__(help, **options)
        self.choices = tuple(choices)

    def check(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in self.choices:
            raise ValidationError(f"has to be one of {', '.join(map(str, self.choices))}")
        return int(value)

    def limits(self) -> dict[str, Any]:
        return {"enum": list(self.choices)}


class Page(Query):
    """Which part of a list."""

    page = Number(1, 1_000_000, whole=True, load_default=1)
    limit = Number(1, 100, whole=True, load_default=20)


def json_schema(field: AnyField) -> dict[str, Any]:
    """JSON Schema of a value, complete in itself."""
    if not isinstance(field, Described):
        return {}
    described = field.described()
    if help := field.metadata.get("description"):
        described["description"] = help
    if field.load_default is not missing:
        described["default"] = field.load_default
    return described


def object_schema(schema: Body) -> dict[str, Any]:
    """JSON Schema of an object, complete in itself, for models: closed."""
    properties = {str(field.data_key): json_schema(field) for field in schema.fields.values()}
    described: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [str(field.data_key) for field in schema.fields.values() if field.required]
    if schema.partial:
        for each in properties.values():
            each.pop("default", None)
    elif required:
        described["required"] = required
    return described
