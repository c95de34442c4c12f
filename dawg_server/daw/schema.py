"""What the parameters of a command may be: strict checks, and JSON Schema for the documents and the models' tools.

JSON values are taken as they are (`true` is no 1, "12" is no 12). Names are those of the wire, in camelCase.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson

from dawg_server import errors
from dawg_server.music import genres, theory

_CONTROL = re.compile(r"[\x00\ud800-\udfff]")
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_SIGNATURE = re.compile(r"([1-9]|[12][0-9]|3[0-2])/(1|2|4|8|16|32)")
_ABSENT: Any = object()


class Wrong(Exception):
    """A value that was refused: paths inside of it ("" is the value itself) with a sentence for each."""

    def __init__(self, problems: str | Mapping[str, str]) -> None:
        self.problems = {"": problems} if isinstance(problems, str) else dict(problems)
        super().__init__(self.problems)


class Field:
    """One parameter. Without `required` it may be left out, and is then `default` where there is one.

    `nullable`: null is a value of its own, which clears the field.
    """

    type = "string"

    def __init__(
        self, help: str = "", *, required: bool = False, default: Any = _ABSENT, nullable: bool = False
    ) -> None:
        self.help, self.required, self.default, self.nullable = help, required, default, nullable

    def check(self, value: Any) -> Any:
        """The value in the form in which it is kept; raises `Wrong`."""
        raise NotImplementedError

    def limits(self) -> dict[str, Any]:
        """What JSON Schema says about the value besides its type."""
        return {}

    def schema(self) -> dict[str, Any]:
        described: dict[str, Any] = {"type": [self.type, "null"] if self.nullable else self.type, **self.limits()}
        if self.help:
            described["description"] = self.help
        if self.default is not _ABSENT:
            described["default"] = self.default
        return described


class Text(Field):
    """Text of `low` to `high` characters; blanks at its ends are cut off unless `verbatim`."""

    def __init__(self, low: int, high: int, help: str = "", *, verbatim: bool = False, **options: Any) -> None:
        super().__init__(help, **options)
        self.low, self.high, self.verbatim = low, high, verbatim

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong("has to be text")
        text = _CONTROL.sub("", value)
        if not self.verbatim:
            text = text.strip()
        if self.low and not text.strip():
            raise Wrong("must not be empty")
        if not self.low <= len(text) <= self.high:
            raise Wrong(f"has to be {self.low} to {self.high} characters long")
        return text

    def limits(self) -> dict[str, Any]:
        return {"minLength": self.low, "maxLength": self.high}


class Number(Field):
    """A finite number in `low`..`high`; `over`: the low end itself is excluded; `decimals`: rounded to so many."""

    type = "number"

    def __init__(
        self, low: float | None, high: float | None, help: str = "", *, whole: bool = False, over: bool = False,
        decimals: int | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(help, **options)
        self.low, self.high, self.whole, self.over, self.decimals = low, high, whole, over, decimals
        self.type = "integer" if whole else "number"

    def check(self, value: Any) -> float | int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong("has to be a number")
        if isinstance(value, float) and not math.isfinite(value):
            raise Wrong("has to be a finite number")
        if self.low is not None and (value <= self.low if self.over else value < self.low):
            raise Wrong(self._range())
        if self.high is not None and value > self.high:
            raise Wrong(self._range())
        if self.whole:
            if value != int(value):
                raise Wrong("has to be a whole number")
            return int(value)
        return value if self.decimals is None else round(value, self.decimals)

    def limits(self) -> dict[str, Any]:
        named = {"exclusiveMinimum" if self.over else "minimum": self.low, "maximum": self.high}
        return {name: limit for name, limit in named.items() if limit is not None}

    def _range(self) -> str:
        if self.low is not None and self.high is not None and not self.over:
            return f"has to lie between {self.low:g} and {self.high:g}"
        if self.low is not None:
            return f"has to be {'more than' if self.over else 'at least'} {self.low:g}"
        return f"has to be at most {self.high:g}"


class Flag(Field):
    """`true` or `false`."""

    type = "boolean"

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Wrong("has to be true or false")
        return value


class Choice(Field):
    """One of a closed set, in any case; comes out written as in the set."""

    def __init__(self, choices: Collection[str], help: str = "", **options: Any) -> None:
        super().__init__(help, **options)
        self.choices = tuple(choices)
        self._found = {choice.lower(): choice for choice in choices}

    def check(self, value: Any) -> str:
        found = self._found.get(value.strip().lower()) if isinstance(value, str) else None
        if found is None:
            raise Wrong(f"has to be one of {', '.join(self.choices)}")
        return found

    def limits(self) -> dict[str, Any]:
        return {"enum": list(self.choices)}


class OneNumber(Field):
    """One of a closed set of whole numbers."""

    type = "integer"

    def __init__(self, choices: Collection[int], help: str = "", **options: Any) -> None:
        super().__init__(help, **options)
        self.choices = tuple(choices)

    def check(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in self.choices:
            raise Wrong(f"has to be one of {', '.join(map(str, self.choices))}")
        return int(value)

    def limits(self) -> dict[str, Any]:
        return {"enum": list(self.choices)}


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
        raise Wrong(" or ".join((f"has to be the id (a UUID) of a {self.kind}", *self.words)))

    def limits(self) -> dict[str, Any]:
        return {} if self.words else {"format": "uuid"}


class _Spelt(Field):
    """Text in one of the spellings that people use."""

    examples: tuple[str, ...] = ()

    def limits(self) -> dict[str, Any]:
        return {"examples": list(self.examples)}


class Key(_Spelt):
    """`C`, `Cm`, `F#`, `Bb`; also `C minor`, `F#maj`, `E♭ Major` (contract, section 4.2)."""

    examples = ("Cm", "F#", "Bb")

    def check(self, value: Any) -> str:
        try:
            return theory.parse_key(value).name
        except (ValueError, TypeError):
            raise Wrong("has to be a major or minor key such as C, F# minor or Bbm") from None


class Genre(_Spelt):
    """A genre's canonical name; aliases, case, blanks, - and _ do not matter on input."""

    examples = ("trap", "lo-fi", "drum and bass")

    def check(self, value: Any) -> str:
        found = genres.find(value) if isinstance(value, str) else None
        if found is None:
            raise Wrong(f"has to be one of {', '.join(genres.names())}")
        return found.name


class TimeSignature(_Spelt):
    """`4/4`: 1..32 over 1, 2, 4, 8, 16 or 32."""

    examples = ("4/4", "6/8")

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not _SIGNATURE.fullmatch(value.replace(" ", "")):
            raise Wrong("has to be a time signature such as 4/4, with 1..32 over 1, 2, 4, 8, 16 or 32")
        return value.replace(" ", "")


class Colour(_Spelt):
    """`#rrggbb`, in lower case."""

    examples = ("#3b82f6",)

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not _COLOUR.fullmatch(value.strip().lower()):
            raise Wrong("has to be a colour such as #3b82f6")
        return value.strip().lower()


class Any_(Field):
    """Any JSON value of at most `limit` bytes; `objects`: only objects."""

    def __init__(self, limit: int, help: str = "", *, objects: bool = False, **options: Any) -> None:
        super().__init__(help, **options)
        self.limit, self.objects = limit, objects

    def check(self, value: Any) -> Any:
        if self.objects and not isinstance(value, dict):
            raise Wrong("has to be an object")
        try:
            size = len(orjson.dumps(value))
        except TypeError:
            raise Wrong("has to be plain JSON") from None
        if size > self.limit:
            raise Wrong(f"has to be at most {self.limit} bytes of JSON")
        return value

    def schema(self) -> dict[str, Any]:
        return {**({"type": "object"} if self.objects else {}), **({"description": self.help} if self.help else {})}


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


MAX_PROBLEMS = 50  # named in one refusal


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
        self, fields: Mapping[str, Field], *, aliases: Mapping[str, str] | None = None, changes: bool = False,
        one_of: Collection[str] = (),
    ) -> None:  # fmt: skip
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
                value = self._value(field, data.get(name, _ABSENT))
            except Wrong as error:
                problems.update(_under(name, error))
                continue
            if value is not _ABSENT:
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
        if value is _ABSENT or (value is None and not self.changes):
            if field.required and not self.changes:
                raise Wrong("is required")
            return _ABSENT if self.changes else field.default
        if value is None:
            raise Wrong("must not be null")
        return field.check(value)


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
