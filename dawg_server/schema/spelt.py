"""Values that people write in several ways, and that are kept in one."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from marshmallow import ValidationError

from dawg_server.music import genres, theory
from dawg_server.schema.fields import Field

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_SIGNATURE = re.compile(r"([1-9]|[12][0-9]|3[0-2])/(1|2|4|8|16|32)")


class _Spelt(Field):
    """Text in one of the spellings that people use."""

    examples: ClassVar[tuple[str, ...]] = ()

    def limits(self) -> dict[str, Any]:
        return {"examples": list(self.examples)}


class Key(_Spelt):
    """`C`, `Cm`, `F#`, `Bb`; also `C minor`, `F#maj`, `E♭ Major` (contract, section 4.2)."""

    examples = ("Cm", "F#", "Bb")

    def check(self, value: Any) -> str:
        try:
            return theory.parse_key(value).name
        except (ValueError, TypeError):
            raise ValidationError("has to be a major or minor key such as C, F# minor or Bbm") from None


class Genre(_Spelt):
    """A genre's canonical name; aliases, case, blanks, - and _ do not matter on input."""

    examples = ("trap", "lo-fi", "drum and bass")

    def check(self, value: Any) -> str:
        found = genres.find(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(f"has to be one of {', '.join(genres.names())}")
        return found.name


class TimeSignature(_Spelt):
    """`4/4`: 1..32 over 1, 2, 4, 8, 16 or 32."""

    examples = ("4/4", "6/8")

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not _SIGNATURE.fullmatch(value.replace(" ", "")):
            raise ValidationError("has to be a time signature such as 4/4, with 1..32 over 1, 2, 4, 8, 16 or 32")
        return value.replace(" ", "")


class Colour(_Spelt):
    """`#rrggbb`, in lower case."""

    examples = ("#3b82f6",)

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not _COLOUR.fullmatch(value.strip().lower()):
            raise ValidationError("has to be a colour such as #3b82f6")
        return value.strip().lower()
