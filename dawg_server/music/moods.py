"""What a mood changes: a vocabulary of words, each a set of leanings that add up.

Moods are free text. Every known word in the text counts; unknown words change nothing. They are
in `moods.json`, one a line: its keys are the fields of `Mood`, and what is left out is 0 or nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mood:
    """Leanings, each -1..1 with 0 for none, and the instruments that a mood prefers where a style offers them.

    `valence` picks darker or brighter progressions, `energy` loudness and layers, `density` notes per bar, `register`
    the height of melodies (1 is an octave); `brightness`, `space` and `grit` shade the sound. `colour` is a mode that
    tints the key now and then: "phrygian" or "dorian" in minor, "mixolydian" in major.
    """

    valence: float = 0.0
    energy: float = 0.0
    density: float = 0.0
    brightness: float = 0.0
    space: float = 0.0
    grit: float = 0.0
    register: float = 0.0
    colour: str = ""
    prefers: tuple[str, ...] = ()


NEUTRAL = Mood()

_LIMIT = 1.0
WORDS: dict[str, Mood] = {
    word: Mood(**leanings | {"prefers": tuple(leanings.get("prefers", ()))})
    for word, leanings in json.loads(Path(__file__).with_name("moods.json").read_text("utf-8")).items()
}
_ANY = re.compile(rf"\b({'|'.join(sorted(WORDS, key=len, reverse=True))})(?:ly|er|ness)?\b")
_LEANINGS = ("valence", "energy", "density", "brightness", "space", "grit", "register")


def read(text: str, without: Collection[str] = ()) -> Mood:
    """The sum of all known moods in a text but those of `without`; the first one that has a colour gives it."""
    plain = re.sub(r"[^a-z0-9]+", " ", text.lower())
    # In the order of the text, so that the first word's instruments come first.
    found = dict.fromkeys(match[1] for match in _ANY.finditer(plain))
    return combine(*(WORDS[word] for word in found if word not in without))


def scaled(mood: Mood, factor: float) -> Mood:
    """The leanings alone, all of them times `factor`."""
    return Mood(**{name: factor * getattr(mood, name) for name in _LEANINGS})


def combine(*moods: Mood) -> Mood:
    """Add leanings, each held within -1..1, and line up preferences in order."""
    sums = {name: sum(getattr(mood, name) for mood in moods) for name in _LEANINGS}
    held = {name: max(-_LIMIT, min(_LIMIT, value)) for name, value in sums.items()}
    return Mood(
        **held,
        colour=next((mood.colour for mood in moods if mood.colour), ""),
        prefers=tuple(dict.fromkeys(name for mood in moods for name in mood.prefers)),
    )
