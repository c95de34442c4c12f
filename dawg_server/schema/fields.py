"""Single values: what is taken, in which form it is kept, and what JSON Schema says about it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias, cast

import orjson
from marshmallow import ValidationError, fields, missing

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")  # no blanks and line ends
AnyField: TypeAlias = fields.Field[Any]
MAX_PROBLEMS = 50  # named in one refusal
_HUMP = re.compile(r"([a-z])([A-Z])")
_TEXT_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Described:
    """The part of our fields that machines read. `help` is a sentence, or less, for people and models."""

    json_type: str = "string"

    def limits(self) -> dict[str, Any]:
        """What JSON Schema says about the value besides its type."""
        return {}

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema of the value, complete in itself."""
        field = cast("fields.Field[Any]", self)
        kind: Any = [self.json_type, "null"] if field.allow_none else self.json_type
        described: dict[str, Any] = {"type": kind, **self.limits()}
        if help := field.metadata.get("description"):
            described["description"] = help
        if field.load_default is not missing:
            described["default"] = field.load_default
        return described


class Field(Described, fields.Field[Any]):
    """`load_default` is for what may be left out; with `allow_none` null is a value of its own, which clears."""

    def __init__(self, help: str = "", **options: Any) -> None:
        metadata = {**({"description": help} if help else {}), **options.pop("metadata", {})}
        super().__init__(metadata=metadata, **options)

    def check(self, value: Any) -> Any:
        """The value in the form in which it is kept; raises marshmallow's `ValidationError` with a sentence."""
        raise NotImplementedError

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return self.check(value)

    @property
    def _from_text(self) -> bool:
        return bool(getattr(self.root, "from_text", False))


class Text(Field):
    """Text of `low` to `high` characters, none for control; with `strip` blanks at its ends are cut off."""

    def __init__(self, low: int = 0, high: int = 2000, help: str = "", *, strip: bool = True, **options: Any) -> None:
        super().__init__(help, **options)
        self.low, self.high, self.strip = low, high, strip

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("has to be text")
        if CONTROL.search(value):
            raise ValidationError("must not have control characters")
        text = value.strip() if self.strip else value
        if self.low and not text.strip():
            raise ValidationError("must not be empty")
        if not self.low <= len(text) <= self.high:
            raise ValidationError(f"has to be {self.low} to {self.high} characters long")
        return text

    def limits(self) -> dict[str, Any]:
        return {"minLength": self.low, "maxLength": self.high}


class Number(Field):
    """A finite number in `low`..`high`; `over`: the low end itself is excluded; `decimals`: rounded to so many.

    `whole` asks for an integer (4.0 counts as one).
    """

    def __init__(
        self,
        low: float | None = None,
        high: float | None = None,
        help: str = "",
        *,
        whole: bool = False,
        over: bool = False,
        decimals: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(help, **options)
        self.low, self.high, self.whole, self.over, self.decimals = low, high, whole, over, decimals
        self.json_type = "integer" if whole else "number"

    def check(self, value: Any) -> float | int:
        if isinstance(value, str) and self._from_text and _TEXT_NUMBER.fullmatch(value.strip()):
            value = float(value) if not value.strip().lstrip("+-").isdigit() or len(value) > 15 else int(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("has to be a number")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValidationError("has to be a finite number")
        below = self.low is not None and (value <= self.low if self.over else value < self.low)
        if below or (self.high is not None and value > self.high):
            raise ValidationError(self._range())
        if self.whole:
            if value != int(value):
                raise ValidationError("has to be a whole number")
            return int(value)
        return value if self.decimals is None else round(value, self.decimals)

    def limits(self) -> dict[str, Any]:
        named = {"exclusiveMinimum" if self.over else "minimum": self.low, "maximum": self.high}
        return {name: limit for name, limit in named.items() if limit is not None}

    def _range(self) -> str:
        if self.low is None:
            return f"has to be at most {self.high:.12g}"
        if self.high is None or self.over:
            return f"has to be {'more than' if self.over else 'at least'} {self.low:.12g}"
        return f"has to lie between {self.low:.12g} and {self.high:.12g}"


class Flag(Field):
    """`true` or `false`; in a query string also 1, 0, yes and no."""

    json_type = "boolean"

    def check(self, value: Any) -> bool:
        if isinstance(value, str) and self._from_text:
            value = _WORDS.get(value.strip().lower(), value)
        if not isinstance(value, bool):
            raise ValidationError("has to be true or false")
        return value


class Choice(Field):
    """One of a closed set, in any case; comes out written as in the set."""

    def __init__(self, choices: Collection[str], help: str = "", **options: Any) -> None:
        super().__init__(help, **options)
        self.choices = {choice.lower(): choice for choice in choices}

    def check(self, value: Any) -> str:
        found = self.choices.get(value.strip().lower()) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(f"has to be one of {', '.join(self.choices.values())}")
        return found

    def limits(self) -> dict[str, Any]:
        return {"enum": list(self.choices.values())}


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


class Uuid(Field):
    """A UUID, as text."""

    def check(self, value: Any) -> str:
        if (found := _uuid(value)) is None:
            raise ValidationError("has to be a UUID")
        return found

    def limits(self) -> dict[str, Any]:
        return {"format": "uuid"}


class Id(Field):
    """The id of a `kind` of thing (track, clip, send, audioFile, job). `words` are taken besides ids, as "master"."""

    def __init__(self, kind: str, help: str = "", *, words: tuple[str, ...] = (), **options: Any) -> None:
        super().__init__(help, **options)
        self.kind, self.words = kind, words

    def check(self, value: Any) -> str:
        if isinstance(value, str) and (word := value.strip().lower()) in self.words:
            return word
        if (found := _uuid(value)) is None:
            article = "an" if self.kind[0] in "aA" else "a"
            kind = _HUMP.sub(lambda hump: f"{hump[1]} {hump[2].lower()}", self.kind)
            raise ValidationError(" or ".join((f"has to be the id (a UUID) of {article} {kind}", *self.words)))
        return found

    def limits(self) -> dict[str, Any]:
        return {} if self.words else {"format": "uuid"}


class JsonValue(Field):
    """Any JSON value of at most `limit` bytes; `objects`: only objects."""

    def __init__(self, limit: int, help: str = "", *, objects: bool = False, **options: Any) -> None:
        super().__init__(help, **options)
        self.limit, self.objects = limit, objects

    def check(self, value: Any) -> Any:
        if self.objects and not isinstance(value, dict):
            raise ValidationError("has to be an object")
        try:
            size = len(orjson.dumps(value))
        except TypeError:
            raise ValidationError("has to be plain JSON") from None
        if size > self.limit:
            raise ValidationError(f"has to be at most {self.limit} bytes of JSON")
        return value

    def json_schema(self) -> dict[str, Any]:
        help = self.metadata.get("description")
        return {**({"type": "object"} if self.objects else {}), **({"description": help} if help else {})}


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
        inner = self.inner.json_schema() if isinstance(self.inner, Described) else {}
        return {"items": inner, "minItems": self.low, "maxItems": self.high}


class Record(Described, fields.Nested):
    """An object with fields of its own, which a schema declares."""

    json_type = "object"
    default_error_messages = {"type": "has to be an object"}  # noqa: RUF012

    def __init__(self, schema: Any, help: str = "", **options: Any) -> None:
        metadata = {**({"description": help} if help else {}), **options.pop("metadata", {})}
        super().__init__(schema, metadata=metadata, **options)

    def limits(self) -> dict[str, Any]:
        inner: Mapping[str, Any] = cast("Any", self.schema).json_schema()
        return {name: value for name, value in inner.items() if name != "type"}


def _uuid(value: Any) -> str | None:
    text = value.strip().lower() if isinstance(value, str) else ""
    if not _UUID.fullmatch(text):
        return None
    plain = text.replace("-", "")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
