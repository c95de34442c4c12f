"""What is drawn for a piece from its genre's file: groove, bass pattern, progressions, kit, line-up and form.

The five that a listener tells pieces apart by are drawn together, as a word of a Reed-Solomon code over a prime field:
the digits of the seed are a polynomial, its values at five places the choices. Two different polynomials of degree two
agree at two places at most, so that two seeds that differ modulo the field's cube share two of the five at most. The
field is the largest that the genre's file has enough entries for; where there are more, the mood weighs them.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dawg_server.music import arrangement, moods, style

_FIELDS = (13, 11, 7, 5, 3, 2)
_SCATTER = 48_271  # a prime, so that neighbouring seeds get distant words, and all seeds of a cycle different ones
_SAME_PROGRESSION = 0.4  # chance that a piece has one for all of its sections
_AFFINITY = 3.0  # how much likelier a line-up is for each instrument that the mood prefers
_Option = TypeVar("_Option")


@dataclass(frozen=True, slots=True)
class Face:
    """`progressions`: of the loud sections, and of the others."""

    groove: style.Groove
    bass: style.BassPattern
    progressions: tuple[str, str]
    lineup: style.LineUp
    form: str
    kit: str

    def drawn(self) -> tuple[tuple[str, str], ...]:
        """Names for a report."""
        return (
            ("groove", self.groove.name),
            ("bass", self.bass.name),
            ("progression", self.progressions[0]),
            ("verseProgression", self.progressions[1]),
            ("lineUp", self.lineup.name),
            ("form", self.form),
            ("kit", self.kit),
        )


def draw(
    style: style.GenreStyle,
    *,
    minor: bool,
    mood: moods.Mood,
    seed: int,
    rng: random.Random,
    decided: bool = False,
    refused: Collection[str] = (),
) -> Face:
    """`decided`: somebody asked for the mood, and its instruments go before variety; `refused` are instruments."""
    forms = tuple(arrangement.forms(style.forms))
    progressions = style.progressions(minor)
    lineups = _without(style.lineups, refused)
    decks: tuple[Sequence[object], ...] = (style.grooves, style.bass.patterns, progressions, lineups, forms)
    size = next(size for size in _FIELDS if all(len(deck) >= size for deck in decks) or size == 2)
    groove, bass, progression, lineup, form = _word(seed * _SCATTER + zlib.crc32(style.genre.encode()), size)
    if decided:
        fitting = sorted(lineups, key=lambda each: -_affinity(each, mood))
        lineups = tuple(fitting[: max(2, len(fitting) // 3)])
    bright = (mood.valence + 1) / 2 * (len(progressions) - 1)
    chosen = _among(progressions, progression, size, rng, lambda text: _nearness(progressions.index(text), bright))
    return Face(
        groove=_among(style.grooves, groove, size, rng),
        bass=_among(style.bass.patterns, bass, size, rng),
        progressions=(chosen, _other(progressions, chosen, rng)),
        lineup=_among(lineups, lineup, size, rng, lambda each: 1 + _AFFINITY * _affinity(each, mood)),
        form=_among(forms, form, size, rng),
        kit=rng.choice(style.kits),
    )


def _word(number: int, size: int) -> tuple[int, ...]:
    digits = (number % size, number // size % size, number // size**2 % size)
    return tuple(sum(digit * place**power for power, digit in enumerate(digits)) % size for place in range(5))


def _among(
    options: Sequence[_Option],
    place: int,
    size: int,
    rng: random.Random,
    weight: Callable[[_Option], float] = lambda _: 1.0,
) -> _Option:
    """One of every so many options, which no other place can have."""
    members = options[place % len(options) :: size] if len(options) > size else [options[place % len(options)]]
    return rng.choices(members, [weight(each) for each in members])[0]


def _nearness(place: int, wanted: float) -> float:
    return 1 / (1 + (place - wanted) ** 2)


def _other(progressions: Sequence[str], chosen: str, rng: random.Random) -> str:
    """For the calm sections: as dark or bright as the piece's own."""
    if rng.random() < _SAME_PROGRESSION:
        return chosen
    place = progressions.index(chosen)
    near = [text for text in progressions[max(0, place - 3) : place + 4] if text != chosen]
    return rng.choice(near or [chosen])


def _affinity(lineup: style.LineUp, mood: moods.Mood) -> float:
    return sum(1 / (1 + place) for place, name in enumerate(mood.prefers) if name in lineup.instruments.values())


def _without(lineups: Sequence[style.LineUp], refused: Collection[str]) -> tuple[style.LineUp, ...]:
    """Those that have none of the refused instruments; all of them where every one has some."""
    free = tuple(each for each in lineups if not set(each.instruments.values()) & set(refused))
    return free or tuple(lineups)
