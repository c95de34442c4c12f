"""Values that people write in several ways, and that are kept in one."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from marshmallow import ValidationError

from dawg_server.music import genres, theory
from dawg_server.schema.base import Choice, Field

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_SIGNATURE = re.compile(r"([1-9]|[12][0-9]|3[0-2])/(1|2|4|8|16|32)")


class Spelt(Field):
    """Text that people write in several ways and that is kept in one.

    `read` takes what was sent and raises ValueError when it is none; `expected` says what is.
    """

    expected: ClassVar[str]
    examples: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def read(value: Any) -> str:
        raise NotImplementedError

    def check(self, value: Any) -> str:
        try:
            return self.read(value)
        except (ValueError, TypeError):
            raise ValidationError(f"has to be {self.expected}") from None

    def limits(self) -> dict[str, Any]:
        return {"examples": list(self.examples)}


class Key(Spelt):
    """`C`, `Cm`, `F#`, `Bb`; also `C minor`, `F#maj`, `E♭ Major`."""

    expected = "a major or minor key such as C, F# minor or Bbm"
    examples = ("Cm", "F#", "Bb")

    @staticmethod
    def read(value: Any) -> str:
        return theory.parse_key(value).name


class ChordSymbol(Spelt):
    """`C`, `Am7`, `F#m7b5`, `Bbmaj9/D`."""

    expected = "a chord such as C, F#m7 or Bbmaj9/D"
    examples = ("C", "Am7", "Bbmaj9/D")

    @staticmethod
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError(value)
        return theory.parse_chord(value)[0]


class Genre(Choice):
    """A genre's canonical name; aliases, case, blanks, - and _ do not matter on input."""

    ignored = genres.IGNORED

    def __init__(self, help: str = "", **options: Any) -> None:
        super().__init__(genres.SPELLINGS, help, **options)

    def limits(self) -> dict[str, Any]:
        return {"examples": ["trap", "lo-fi", "drum and bass"]}


class TimeSignature(Spelt):
    """`4/4`: 1..32 over 1, 2, 4, 8, 16 or 32."""

    expected = "a time signature such as 4/4, with 1..32 over 1, 2, 4, 8, 16 or 32"
    examples = ("4/4", "6/8")

    @staticmethod
    def read(value: Any) -> str:
        return _matching(_SIGNATURE, value.replace(" ", "") if isinstance(value, str) else "")


class Colour(Spelt):
    """`#rrggbb`, in lower case."""

    expected = "a colour such as #3b82f6"
    examples = ("#3b82f6",)

    @staticmethod
    def read(value: Any) -> str:
        return _matching(_COLOUR, value.strip().lower() if isinstance(value, str) else "")


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text
