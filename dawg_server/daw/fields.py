"""Single values that a command may be given: strict checks, and what JSON Schema says about them.

JSON values are taken as they are (`true` is no 1, "12" is no 12).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from dawg_server.music import genres, theory

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")  # no blanks and line ends
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_SIGNATURE = re.compile(r"([1-9]|[12][0-9]|3[0-2])/(1|2|4|8|16|32)")
ABSENT: Any = object()  # what a field without a default has for one


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
        self, help: str = "", *, required: bool = False, default: Any = ABSENT, nullable: bool = False
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
        if self.default is not ABSENT:
            described["default"] = self.default
        return described


class Text(Field):
    """Text of `low` to `high` characters, none for control; blanks at its ends are cut off unless `verbatim`."""

    def __init__(self, low: int, high: int, help: str = "", *, verbatim: bool = False, **options: Any) -> None:
        super().__init__(help, **options)
        self.low, self.high, self.verbatim = low, high, verbatim

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong("has to be text")
        if CONTROL.search(value):
            raise Wrong("must not have control characters")
        text = value if self.verbatim else value.strip()
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
        self,
        low: float | None,
        high: float | None,
        help: str = "",
        *,
        whole: bool = False,
        over: bool = False,
        decimals: int | None = None,
        **options: Any,
    ) -> None:
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
            return f"has to lie between {self.low:.12g} and {self.high:.12g}"
        if self.low is not None:
            return f"has to be {'more than' if self.over else 'at least'} {self.low:.12g}"
        return f"has to be at most {self.high:.12g}"


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
