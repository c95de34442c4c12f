"""Values of a style's file with the way to each, so that an error can name file and field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dawg_server.music import patterns

FOLDER = Path(__file__).parent


class StyleError(ValueError):
    """A genre's file is wrong: its message names file and field."""


def load(name: str) -> dict[str, Any]:
    """A file of this folder."""
    try:
        found = json.loads((FOLDER / name).read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise StyleError(f"{name}, line {error.lineno}: {error.msg}.") from error
    if not isinstance(found, dict):
        raise StyleError(f"{name}: has to be an object.")
    return found


@dataclass(frozen=True, slots=True)
class StyleField:
    """A value of a file, and the way to it."""

    path: str
    value: Any

    @property
    def name(self) -> str:
        return self.path.rpartition(" > ")[2]

    def wrong(self, sentence: str) -> StyleError:
        file, _, field = self.path.partition(" > ")
        return StyleError(f"{file}: {field + ' ' if field else ''}{sentence}.")

    def at(self, key: str) -> StyleField:
        if not isinstance(self.value, Mapping):
            raise self.wrong("has to be an object")
        if key not in self.value:
            raise self.wrong(f"lacks {key!r}")
        return StyleField(f"{self.path} > {key}", self.value[key])

    def optional(self, key: str) -> StyleField:
        return self.at(key) if key in self.value else StyleField(f"{self.path} > {key}", {})

    def items(self) -> list[tuple[str, StyleField]]:
        if not isinstance(self.value, Mapping):
            raise self.wrong("has to be an object")
        return [(key, self.at(key)) for key in self.value]

    def items_only(self) -> list[StyleField]:
        return [field for _, field in self.items()]

    def known(self, *keys: str) -> None:
        if unknown := [key for key in self.value if key not in keys]:
            raise self.wrong(f"has {unknown[0]!r}, which nobody reads (known: {', '.join(keys)})")

    def text(self, among: Iterable[str] = ()) -> str:
        options = tuple(among)
        if not isinstance(self.value, str) or (options and self.value not in options):
            raise self.wrong(f"has to be {'one of ' + ', '.join(options) if options else 'a text'}")
        return self.value

    def texts(self, among: Iterable[str] = ()) -> tuple[str, ...]:
        if not isinstance(self.value, list):
            raise self.wrong("has to be a list")
        return tuple(StyleField(f"{self.path} > {index}", each).text(among) for index, each in enumerate(self.value))

    def numbers(self, *keys: str) -> dict[str, Any]:
        found = {key: self.at(key) for key in keys if key in self.value}
        for field in found.values():
            if isinstance(field.value, bool) or not isinstance(field.value, int | float):
                raise field.wrong("has to be a number")
        return {key: field.value for key, field in found.items()}

    def pattern(self, symbols: str) -> str:
        text = self.text()
        try:
            strokes = [each for number in range(patterns.bars_in(text)) for each in patterns.read(text, number)]
        except ValueError as error:
            raise self.wrong(f"is no pattern: {error}") from error
        if strange := {each.symbol for each in strokes} - set(symbols):
            raise self.wrong(f"has {min(strange)!r}; the symbols are {' '.join(symbols)}, - and .")
        return text

    def patterns(self, symbols: str) -> tuple[str, ...]:
        return tuple(
            StyleField(f"{self.path} > {index}", text).pattern(symbols) for index, text in enumerate(self.texts())
        )
