"""The genres that can be generated, from `genres.json`. Light: request validation imports it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class GenreInfo:
    """A genre as `GET /generate/genres` describes it; the first mood is the default, tempos are beats per minute.

    `minor` is the share of its pieces that are in minor where nothing asks for either; `tonics` are those it is played
    in.
    """

    name: str
    bpm_range: tuple[int, int]
    default_bpm: int
    moods: tuple[str, ...]
    characteristics: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    minor: float = 0.5
    tonics: tuple[str, ...] = ("C",)


def _read() -> tuple[GenreInfo, ...]:
    """The genres of the file, in its order. Raises ValueError with genre and field."""
    entries = json.loads(Path(__file__).with_name("genres.json").read_text("utf-8"))
    return tuple(map(_genre, entries))


def _genre(entry: Mapping[str, Any]) -> GenreInfo:
    try:
        low, high = entry["bpm"]
        return GenreInfo(
            name=entry["name"],
            bpm_range=(low, high),
            default_bpm=entry["default_bpm"],
            moods=tuple(entry["moods"]),
            characteristics=tuple(entry["characteristics"]),
            aliases=tuple(entry["aliases"]),
            minor=float(entry["minor"]),
            tonics=tuple(entry["tonics"].split()),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"genres.json: {entry.get('name', 'a genre without a name')}: {error!r}") from error


GENRES = _read()


def find(name: object) -> GenreInfo | None:
    """The genre of that name or alias; case, `-`, `_`, blanks and `&` do not matter. None when there is none."""
    return BY_NAME.get(SPELLINGS.get(_fold(name), "")) if isinstance(name, str) else None


def names() -> tuple[str, ...]:
    """All canonical names, in the order in which they are shown."""
    return tuple(BY_NAME)


def _fold(text: str) -> str:
    return IGNORED.sub("", text).lower()


def _spellings(genre: GenreInfo) -> list[str]:
    texts = (genre.name, *genre.aliases)
    return [
        _fold(variant) for text in texts for variant in (text, text.replace("&", "and"), re.sub(r"\band\b", "", text))
    ]


IGNORED = re.compile(r"[-_&\s]")
BY_NAME = {genre.name: genre for genre in GENRES}
SPELLINGS = {spelling: genre.name for genre in GENRES for spelling in _spellings(genre)}  # folded, to the name
