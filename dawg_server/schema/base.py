"""Objects: named fields with their spellings, loaded into values or refused with a sentence for each wrong one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, pre_load, validates_schema

from dawg_server import errors
from dawg_server.schema.fields import MAX_PROBLEMS, AnyField, Described, Id, Items, Number, Record

_HUMP = re.compile(r"([a-z])([A-Z])")


class FieldError(Exception):
    """A value that was refused: paths inside of it ("" is the value itself) with a sentence for each."""

    def __init__(self, problems: str | Mapping[str, str]) -> None:
        self.problems = {"": problems} if isinstance(problems, str) else dict(problems)
        super().__init__(self.problems)


class Body(Schema):
    """A JSON object, with camelCase outside and snake_case inside. Unknown fields are ignored.

    `aliases` maps other spellings of a field to its real one; the real one wins.
    """

    aliases: ClassVar[Mapping[str, str]] = {}
    from_text: ClassVar[bool] = False

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": "has to be an object", "unknown": "is not known here"}  # noqa: RUF012

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        if field_obj.data_key is None:
            field_obj.data_key = camel(field_name)
        field_obj.error_messages = field_obj.error_messages | {
            "required": "is required",
            "null": "must not be null",
        }

    @pre_load
    def _resolve_aliases(self, data: Any, **_: Any) -> Any:
        if not self.aliases or not isinstance(data, Mapping):
            return data
        resolved = dict(data)
        for alias, name in self.aliases.items():
            if alias in resolved and resolved.get(name) is None:
                resolved[name] = resolved.pop(alias)
        return resolved

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema of the object, complete in itself, for models: closed."""
        properties = {
            str(field.data_key): field.json_schema() if isinstance(field, Described) else {}
            for field in self.fields.values()
        }
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        required = [str(field.data_key) for field in self.fields.values() if field.required]
        if self.partial:
            for described in properties.values():
                described.pop("default", None)
        elif required:
            schema["required"] = required
        return schema


class Query(Body):
    """The query string, or the text fields of a multipart body: numbers and flags are parsed from text."""

    from_text: ClassVar[bool] = True


class Page(Query):
    """Which part of a list."""

    page = Number(1, 1_000_000, whole=True, load_default=1)
    limit = Number(1, 100, whole=True, load_default=20)


class Parameters(Body):
    """Of a command or a function: names are those of the wire. Made by `parameters`.

    Of the names in `one_of` at least one has to be there. Null is as good as nothing where it is no value of its own;
    among changes (`partial`) it is wrong.
    """

    one_of: ClassVar[tuple[str, ...]] = ()
    changes: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": True if self.changes else None, **options})

    @property
    def declared(self) -> dict[str, AnyField]:
        """The fields as they were declared, to declare others with."""
        return dict(self._declared_fields)

    def check(self, data: Any, *, closed: bool = False) -> dict[str, Any]:
        """The values; raises `errors.ValidationError`. `closed`: unknown names are refused."""
        return load(self, data, closed=closed)

    def values(self, data: Any, *, closed: bool = False) -> dict[str, Any]:
        """The values; raises `FieldError`."""
        return _loaded(self, data, closed=closed)

    def ids(self, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(kind, id) of everything that values name."""
        for name, value in values.items():
            if (field := self.fields.get(name)) is not None and value is not None:
                yield from _ids(field, value)

    @pre_load
    def _drop_nulls(self, data: Any, **_: Any) -> Any:
        if self.partial or not isinstance(data, Mapping):
            return data
        kept = (field.data_key for field in self.fields.values() if field.allow_none)
        nullable = {*kept, *self.aliases}
        return {name: value for name, value in data.items() if value is not None or name in nullable}

    @validates_schema
    def _needs_one(self, data: Mapping[str, Any], **_: Any) -> None:
        if self.one_of and not any(data.get(name) is not None for name in self.one_of):
            raise ValidationError(f"is needed, or else {', '.join(self.one_of[1:])}", self.one_of[0])


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


def load(schema: Body, data: Any, *, closed: bool = False) -> dict[str, Any]:
    """The validated fields; raises `errors.ValidationError` with a sentence for each wrong field."""
    try:
        return _loaded(schema, data, closed=closed)
    except FieldError as error:
        details = {path or "body": sentence for path, sentence in error.problems.items()}
        path, sentence = next(iter(details.items()))
        raise errors.ValidationError(f"{path} {sentence}.", details=details) from None


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def spoken(kind: str) -> str:
    """A kind of things as people say it: “audio file” for `audioFile`."""
    return _HUMP.sub(lambda hump: f"{hump[1]} {hump[2].lower()}", kind)


def _loaded(schema: Body, data: Any, *, closed: bool) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(data, unknown=RAISE if closed else None)
    except ValidationError as error:
        raise FieldError(dict(list(_flatten(error.messages))[:MAX_PROBLEMS])) from None
    return loaded


def _flatten(messages: Any, path: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            part = "" if key in ("_schema", "value") else str(key)[:60]
            yield from _flatten(inner, f"{path}.{part}".strip(".") if part else path)
    elif isinstance(messages, list):
        yield path, "; ".join(str(message).rstrip(".") for message in messages)
    else:
        yield path, str(messages).rstrip(".")


def _ids(field: fields.Field[Any], value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(field, Id):
        if value not in field.words:
            yield field.kind, value
    elif isinstance(field, Items):
        for each in value:
            yield from _ids(field.inner, each)
    elif isinstance(field, Record) and isinstance(field.schema, Parameters):
        yield from field.schema.ids(value)
