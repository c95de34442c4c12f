"""The parameters of commands: named fields, lists and objects of them, and JSON Schema for documents and models.

Names are those of the wire, in camelCase.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dawg_server import errors
from dawg_server.daw.fields import ABSENT
from dawg_server.daw.fields import Any_ as Any_
from dawg_server.daw.fields import Choice as Choice
from dawg_server.daw.fields import Colour as Colour
from dawg_server.daw.fields import Field as Field
from dawg_server.daw.fields import Flag as Flag
from dawg_server.daw.fields import Genre as Genre
from dawg_server.daw.fields import Key as Key
from dawg_server.daw.fields import Number as Number
from dawg_server.daw.fields import OneNumber as OneNumber
from dawg_server.daw.fields import Text as Text
from dawg_server.daw.fields import TimeSignature as TimeSignature
from dawg_server.daw.fields import Wrong as Wrong

MAX_PROBLEMS = 50  # named in one refusal
_HUMP = re.compile(r"([a-z])([A-Z])")
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")


class Id(Field):
    """The id of a `kind` of thing (track, clip, send, audioFile, job). `words` are taken besides ids, as "master"."""

    def __init__(self, kind: str, help: str = "", *, words: tuple[str, ...] = (), **options: Any) -> None:
        super().__init__(help, **options)
        self.kind, self.words = kind, words

    def check(self, value: Any) -> str:
        if isinstance(value, str):
            text = value.strip().lower()
            if text in self.words:
                return text
            if _UUID.fullmatch(text):
                plain = text.replace("-", "")
                return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
        article = "an" if self.kind[0] in "aA" else "a"
        raise Wrong(" or ".join((f"has to be the id (a UUID) of {article} {spoken(self.kind)}", *self.words)))

    def limits(self) -> dict[str, Any]:
        return {} if self.words else {"format": "uuid"}


class Items(Field):
    """A list of `low` to `high` values of one kind."""

    type = "array"

    def __init__(self, inner: Field, low: int, high: int, help: str = "", **options: Any) -> None:
        super().__init__(help, **options)
        self.inner, self.low, self.high = inner, low, high

    def check(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Wrong("has to be a list")
        if not self.low <= len(value) <= self.high:
            raise Wrong(f"has to have {self.low} to {self.high} entries")
        checked, problems = [], {}
        for number, each in enumerate(value):
            try:
                checked.append(self.inner.check(each))
            except Wrong as error:
                problems.update(_under(str(number), error))
                if len(problems) >= MAX_PROBLEMS:
                    break
        if problems:
            raise Wrong(problems)
        return checked

    def limits(self) -> dict[str, Any]:
        return {"items": self.inner.schema(), "minItems": self.low, "maxItems": self.high}


class Record(Field):
    """An object with fields of its own."""

    type = "object"

    def __init__(self, parameters: Parameters, help: str = "", **options: Any) -> None:
        super().__init__(help, **options)
        self.parameters = parameters

    def check(self, value: Any) -> dict[str, Any]:
        return self.parameters.values(value)

    def limits(self) -> dict[str, Any]:
        return {name: value for name, value in self.parameters.schema().items() if name != "type"}


class Parameters:
    """The parameters of a command, by name. Unknown ones are left away, or refused when `closed` at checking.

    `aliases` maps other spellings to names. In `changes`, what may be missing stays missing: nothing has a default,
    and null is only for what can be cleared. Of the names in `one_of` at least one has to be there.
    """

    def __init__(
        self,
        fields: Mapping[str, Field],
        *,
        aliases: Mapping[str, str] | None = None,
        changes: bool = False,
        one_of: Collection[str] = (),
    ) -> None:
        self.fields, self.aliases, self.changes = dict(fields), dict(aliases or {}), changes
        self.one_of = tuple(one_of)

    def check(self, data: Any, *, closed: bool = False) -> dict[str, Any]:
        """The checked values; raises `errors.ValidationError` with a sentence for each wrong one."""
        try:
            return self.values(data, closed=closed)
        except Wrong as error:
            details = {path or "body": sentence for path, sentence in error.problems.items()}
            path, sentence = next(iter(details.items()))
            raise errors.ValidationError(f"{path} {sentence}.", details=details) from None

    def values(self, data: Any, *, closed: bool = False) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise Wrong("has to be an object")
        if self.aliases:
            data = dict(data)
            for alias, name in self.aliases.items():
                if data.get(name) is None and alias in data:
                    data[name] = data.pop(alias)
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for name, field in self.fields.items():
            try:
                value = self._value(field, data.get(name, ABSENT))
            except Wrong as error:
                problems.update(_under(name, error))
                continue
            if value is not ABSENT:
                values[name] = value
        if closed:
            unknown = [name for name in data if name not in self.fields and name not in self.aliases]
            problems.update((str(name)[:60], "is not known here") for name in unknown[:MAX_PROBLEMS])
        if not problems and self.one_of and not any(values.get(name) is not None for name in self.one_of):
            problems[self.one_of[0]] = f"is needed, or else {', '.join(self.one_of[1:])}"
        if problems:
            raise Wrong(problems)
        return values

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the object: closed."""
        properties = {name: field.schema() for name, field in self.fields.items()}
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        required = [name for name, field in self.fields.items() if field.required]
        if self.changes:
            for described in properties.values():
                described.pop("default", None)
        elif required:
            schema["required"] = required
        return schema

    def ids(self, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(kind, id) of everything that checked values name."""
        for name, value in values.items():
            if (field := self.fields.get(name)) is not None and value is not None:
                yield from _ids(field, value)

    def _value(self, field: Field, value: Any) -> Any:
        if value is None and field.nullable:
            return None
        if value is ABSENT or (value is None and not self.changes):
            if field.required and not self.changes:
                raise Wrong("is required")
            return ABSENT if self.changes else field.default
        if value is None:
            raise Wrong("must not be null")
        return field.check(value)


def spoken(kind: str) -> str:
    """A kind of things as people say it: “audio file” for `audioFile`."""
    return _HUMP.sub(lambda hump: f"{hump[1]} {hump[2].lower()}", kind)


def _ids(field: Field, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(field, Id):
        if value not in field.words:
            yield field.kind, value
    elif isinstance(field, Items):
        for each in value:
            yield from _ids(field.inner, each)
    elif isinstance(field, Record):
        yield from field.parameters.ids(value)


def _under(name: str, error: Wrong) -> dict[str, str]:
    return {f"{name}.{path}" if path else name: sentence for path, sentence in error.problems.items()}
