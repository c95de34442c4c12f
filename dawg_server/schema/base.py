"""Objects of single values: what is taken, in which form it is kept, and a sentence for each wrong one."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar, TypeAlias, cast

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, pre_load, validates_schema
from marshmallow.schema import SchemaMeta

from dawg_server.schema.field_errors import FieldError, ForeignId

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")  # no blanks and line ends
AnyField: TypeAlias = fields.Field[Any]
_HUMP = re.compile(r"([a-z])([A-Z])")
_TEXT_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_OWN_ID = re.compile(r"(?=.*\d)[A-Za-z][A-Za-z0-9]*[-_:][\w:-]+", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")


class _Schemas(SchemaMeta):
    """The class of our schemas. marshmallow looks for decorated methods among all that `dir` finds, with a tenth of a
    millisecond for each of some thousand classes; here only what is decorated is looked at."""

    def resolve_hooks(cls) -> dict[str, list[tuple[str, bool, dict[str, Any]]]]:
        found: dict[str, list[tuple[str, bool, dict[str, Any]]]] = defaultdict(list)
        nearest = {name: value for parent in reversed(cls.__mro__) for name, value in vars(parent).items()}
        for name in sorted(nearest):
            for tag, hooks in getattr(nearest[name], "__marshmallow_hook__", {}).items():
                found[tag] += [(name, many, options) for many, options in hooks]
        return found


class Body(Schema, metaclass=_Schemas):
    """A JSON object, with camelCase outside and snake_case inside. Unknown fields are ignored.

    `aliases` maps other spellings of a field to its real one; the real one wins. Of the names in `one_of` at least one
    has to be there.
    """

    aliases: ClassVar[Mapping[str, str]] = {}
    one_of: ClassVar[tuple[str, ...]] = ()
    drops_nulls: ClassVar[bool] = False
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

    @pre_load
    def _drop_nulls(self, data: Any, **_: Any) -> Any:
        if not self.drops_nulls or self.partial or not isinstance(data, Mapping):
            return data
        kept = (field.data_key for field in self.fields.values() if field.allow_none)
        nullable = {*kept, *self.aliases}
        return {name: value for name, value in data.items() if value is not None or name in nullable}

    @validates_schema
    def _needs_one(self, data: Mapping[str, Any], **_: Any) -> None:
        if self.one_of and not any(data.get(name) is not None for name in self.one_of):
            raise ValidationError(f"is needed, or else {', '.join(self.one_of[1:])}", self.one_of[0])

    def ids(self, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(kind, id) of everything that values name."""
        for name, value in values.items():
            if (field := self.fields.get(name)) is not None and value is not None:
                yield from _ids(field, value)


class Query(Body):
    """The query string, or the text fields of a multipart body: numbers and flags are parsed from text."""

    from_text: ClassVar[bool] = True


def load(schema: Body, data: Any, *, closed: bool = False) -> dict[str, Any]:
    """The validated fields; raises `errors.ValidationError` with a sentence for each wrong field."""
    try:
        return checked(schema, data, closed=closed)
    except FieldError as error:
        raise error.refusal() from None


def checked(schema: Body, data: Any, *, closed: bool = False) -> dict[str, Any]:
    """The validated fields; raises `FieldError`."""
    try:
        loaded: dict[str, Any] = schema.load(data, unknown=RAISE if closed else None)
    except ValidationError as error:
        raise FieldError.of(error) from None
    return loaded


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def spoken(kind: str) -> str:
    """A kind of things as people say it: “audio file” for `audioFile`."""
    return _HUMP.sub(lambda hump: f"{hump[1]} {hump[2].lower()}", kind)


class Described:
    """The part of our fields that machines read. `help` is a sentence, or less, for people and models."""

    json_type: str = "string"

    def limits(self) -> dict[str, Any]:
        """What JSON Schema says about the value besides its type."""
        return {}

    def described(self) -> dict[str, Any]:
        """What JSON Schema says about the value."""
        limits = self.limits()
        if not cast("fields.Field[Any]", self).allow_none:
            return {"type": self.json_type, **limits}
        return {
            "type": [self.json_type, "null"],
            **limits,
            **({"enum": [*enum, None]} if (enum := limits.get("enum")) else {}),
        }


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


class Decibels(Number):
    """The linear gain that another field is, in dB: the value is kept there (`of`). Null is silence."""

    SILENCE = -144.0  # dB; what lies below, which 24 bits cannot tell from nothing, is shown as null

    def __init__(self, of: str, high: float, **options: Any) -> None:
        help = f"{of} in dB, instead of it; null is silence"
        super().__init__(self.SILENCE, high, help, allow_none=True, **options)
        self.of = of

    @staticmethod
    def gain(decibels: float | None) -> float:
        """1 at 0 dB."""
        return 0.0 if decibels is None else float(10 ** (decibels / 20))

    @classmethod
    def shown(cls, gain: float) -> float | None:
        found = 20 * math.log10(gain) if gain > 0 else -math.inf
        return round(found, 4) if found >= cls.SILENCE else None


class Choice(Field):
    """One of a closed set, in any case; comes out written as in the set. What `ignored` matches does not count.

    `choices`: the names, or for each spelling (in lower case, without what is ignored) the name that it is kept by.
    """

    ignored: ClassVar[re.Pattern[str]] = re.compile(r"^\s+|\s+$")

    def __init__(self, choices: Collection[str] | Mapping[str, str], help: str = "", **options: Any) -> None:
        super().__init__(help, **options)
        self.choices = choices if isinstance(choices, Mapping) else {choice.lower(): choice for choice in choices}

    def check(self, value: Any) -> str:
        found = self.choices.get(self.ignored.sub("", value).lower()) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(f"has to be one of {', '.join(dict.fromkeys(self.choices.values()))}")
        return found

    def limits(self) -> dict[str, Any]:
        return {"enum": list(dict.fromkeys(self.choices.values()))}


class Uuid(Field):
    """A UUID, as text."""

    @staticmethod
    def is_one(value: Any) -> bool:
        return _uuid(value) is not None

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
            sentence = f"has to be the id (a UUID) of {article} {spoken(self.kind)}"
            sentence = " or ".join((sentence, *self.words))
            if isinstance(value, str) and _OWN_ID.fullmatch(value.strip()):
                sentence = ForeignId.of(self.kind, value.strip(), sentence)
            raise ValidationError(sentence)
        return found

    def limits(self) -> dict[str, Any]:
        return {} if self.words else {"format": "uuid"}


def _ids(field: AnyField, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(field, Id):
        if value not in field.words:
            yield field.kind, value
    elif isinstance(field, fields.List):
        for each in value:
            yield from _ids(field.inner, each)
    elif isinstance(field, fields.Nested) and isinstance(field.schema, Body):
        yield from field.schema.ids(value)


def _uuid(value: Any) -> str | None:
    text = value.strip().lower() if isinstance(value, str) else ""
    if not _UUID.fullmatch(text):
        return None
    plain = text.replace("-", "")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
