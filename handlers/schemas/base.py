"""The ground of all schemas: camelCase outside and snake_case inside, strict types, sentences for people.

JSON values are taken as they are (`true` is no 1, "12" is no 12); only query strings and multipart fields, which know
nothing but text, are parsed from it. Unknown fields are ignored (contract, section 1.2).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from dawg_server import errors
from dawg_server.daw.fields import CONTROL

_TEXT_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


class Body(Schema):
    """A JSON object. `aliases` maps other spellings of a field to its real one; the real one wins."""

    aliases: ClassVar[Mapping[str, str]] = {}
    from_text: ClassVar[bool] = False

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": "has to be an object"}  # noqa: RUF012

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


class Query(Body):
    """The query string, or the text fields of a multipart body: numbers and flags are parsed from text."""

    from_text: ClassVar[bool] = True


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def load(schema: Body, data: Any) -> dict[str, Any]:
    """The validated fields in snake_case; raises `errors.ValidationError` with a sentence for each wrong field."""
    try:
        loaded: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        details = dict(_flatten(error.messages))
        path, sentence = next(iter(details.items()))
        raise errors.ValidationError(f"{path} {sentence}.", details=details) from None
    return loaded


def _flatten(messages: Any, path: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            part = "" if key in ("_schema", "value") else str(key)
            yield from _flatten(inner, f"{path}.{part}".strip(".") if part else path)
    elif isinstance(messages, list):
        yield path or "body", "; ".join(str(message).rstrip(".") for message in messages)
    else:
        yield path or "body", str(messages).rstrip(".")


class Text(fields.String):
    """Text of `low` to `high` characters, none of them for control; blanks at the ends are not counted."""

    default_error_messages = {"invalid": "has to be text"}  # noqa: RUF012

    def __init__(self, low: int = 0, high: int = 2000, *, strip: bool = True, **kwargs: Any) -> None:
        self.low, self.high, self.strip = low, high, strip
        kwargs.setdefault("metadata", {}).update(minLength=low, maxLength=high)
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if CONTROL.search(value):
            raise ValidationError("must not have control characters")
        text = value.strip() if self.strip else value
        if self.low == 1 and not text.strip():
            raise ValidationError("must not be empty")
        if not self.low <= len(text) <= self.high:
            raise ValidationError(f"has to be {self.low} to {self.high} characters long")
        return text


class Number(fields.Field[float]):
    """A finite number in `low`..`high`. `whole` asks for an integer (4.0 counts as one)."""

    default_error_messages = {"invalid": "has to be a number"}  # noqa: RUF012

    def __init__(
        self,
        low: float | None = None,
        high: float | None = None,
        *,
        whole: bool = False,
        over: bool = False,
        **kwargs: Any,
    ) -> None:
        """`over`: the low end itself is excluded."""
        self.low, self.high, self.whole, self.over = low, high, whole, over
        limits = {"exclusiveMinimum" if over else "minimum": low, "maximum": high}
        kwargs.setdefault("metadata", {}).update({key: limit for key, limit in limits.items() if limit is not None})
        kwargs["metadata"]["type"] = "integer" if whole else "number"
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float | int:
        if isinstance(value, str) and getattr(self.root, "from_text", False) and _TEXT_NUMBER.fullmatch(value.strip()):
            value = float(value) if not value.strip().lstrip("+-").isdigit() or len(value) > 15 else int(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid")
        if not isinstance(value, int) and not math.isfinite(value):
            raise self.make_error("invalid")
        below = self.low is not None and (value <= self.low if self.over else value < self.low)
        if below or (self.high is not None and value > self.high):
            raise ValidationError(self._range())
        if self.whole:
            if value != int(value):
                raise ValidationError("has to be a whole number")
            return int(value)
        return value

    def _range(self) -> str:
        if self.low is None:
            return f"has to be at most {self.high:.12g}"
        if self.high is None:
            return f"has to be {'more than' if self.over else 'at least'} {self.low:.12g}"
        return f"has to lie between {self.low:.12g} and {self.high:.12g}"


class Flag(fields.Field[bool]):
    """`true` or `false`; in a query string also 1, 0, yes and no."""

    _WORDS: ClassVar[dict[str, bool]] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {})["type"] = "boolean"
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if isinstance(value, str) and getattr(self.root, "from_text", False):
            value = self._WORDS.get(value.strip().lower(), value)
        if not isinstance(value, bool):
            raise ValidationError("has to be true or false")
        return value


class Choice(fields.Field[str]):
    """One of a closed set, in any case; comes out written as in the set."""

    def __init__(self, choices: Collection[str], **kwargs: Any) -> None:
        self.choices = {choice.lower(): choice for choice in choices}
        kwargs.setdefault("metadata", {}).update(type="string", enum=list(self.choices.values()))
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        found = self.choices.get(value.strip().lower()) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(f"has to be one of {', '.join(self.choices.values())}")
        return found


class Uuid(fields.UUID):
    """A UUID, as text."""

    default_error_messages = {"invalid_uuid": "has to be a UUID"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # type: ignore[override]
        if not isinstance(value, str):
            raise self.make_error("invalid_uuid")
        return str(super()._deserialize(value, attr, data, **kwargs))


class Page(Query):
    """Which part of a list."""

    page = Number(1, 1_000_000, whole=True, load_default=1)
    limit = Number(1, 100, whole=True, load_default=20)


def items(inner: fields.Field[Any], low: int, high: int, **kwargs: Any) -> fields.List[Any]:
    """A list of `low` to `high` entries."""
    size = validate.Length(low, high, error=f"has to have {low} to {high} entries")
    return fields.List(inner, validate=size, error_messages={"invalid": "has to be a list"}, **kwargs)
