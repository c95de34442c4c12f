"""Sections over the asked duration: whole bars and one last chord that rings out, or the whole bars of a loop.

A section has 4, 8 or 16 bars, an intro or a turnaround 1, 2 or 4. A form of `styles/forms.json` is the order of its
sections; `chorus@28` joins in pieces of at least 28 bars.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from dawg_server.music import bar_grid, score
from dawg_server.music.styles import fields, reading

RING_SECONDS = 1.5  # the least time that the last chord gets, up to a bar
EPSILON_BEATS = 1e-6
INTRO, TURNAROUND = "intro", "turnaround"
UNIT_BARS, MOST_BARS = 4, 16

ENERGY = {
    INTRO: 0.42,
    "verse": 0.66,
    "prechorus": 0.74,
    "chorus": 0.92,
    "bridge": 0.58,
    "outro": 0.58,
    "hook": 0.92,
    "groove": 0.76,
    "build": 0.7,
    "drop": 1.0,
    "breakdown": 0.4,
    "head": 0.78,
    "solo": 0.88,
    TURNAROUND: 0.82,
    bar_grid.ENDING: 0.7,
}

# A loop comes back to where it began: it has the same energy at both ends.
LOOP_BARS = (17, 49)  # from so many on, a loop has three and five sections
_LOOPS = ("{0}", "{0} {1} {0}", "{0} {1} {0} {2} {0}")  # of the three sections that a family's loops have
_SLOW_TO_GROW = frozenset({INTRO, "build", "prechorus", "outro", "bridge", "breakdown"})
_SHORT = frozenset({INTRO, TURNAROUND})
_MOST = {INTRO: 4, TURNAROUND: 4, "build": 8, "prechorus": 8, "outro": 8}  # bars


@functools.cache
def _families() -> Mapping[str, Mapping[str, Any]]:
    return fields.load(reading.FORMS)


@functools.cache
def forms(family: str) -> Mapping[str, str]:
    """The forms of a family (song, beat, club, floor, jazz, blues, drift) by name. Raises `fields.StyleError`."""
    found: Mapping[str, str] = _families()[family]["forms"]
    for name, text in found.items():
        if strange := {token.partition("@")[0] for token in text.split()} - set(ENERGY):
            raise fields.StyleError(f"forms.json: {family} > {name} has {min(strange)!r}, which is no section.")
    return found


def arrange(
    family: str, form: str, beats: float, beats_per_bar: float, bpm: float, energy: float
) -> tuple[score.ScoreSection, ...]:
    """Sections that fill `beats` exactly: whole bars, and a last section "ending" of what is left.

    `energy` -1..1 lifts or lowers every section.
    """
    ring = min(RING_SECONDS * bpm / 60, beats_per_bar, beats / 2)
    bars = max(1, int((beats - ring) / beats_per_bar + EPSILON_BEATS))
    if bars * beats_per_bar > beats - EPSILON_BEATS:
        return (score.ScoreSection(bar_grid.ENDING, 0.0, beats, ENERGY[bar_grid.ENDING]),)
    sections = _sections(divide(family, form, bars), beats_per_bar, energy)
    start = bars * beats_per_bar
    return (*sections, score.ScoreSection(bar_grid.ENDING, start, beats - start, energy_of(bar_grid.ENDING, energy)))


def arrange_loop(family: str, bars: int, beats_per_bar: float, energy: float) -> tuple[score.ScoreSection, ...]:
    """Sections of exactly `bars` bars, without an ending."""
    names = _LOOPS[sum(bars >= least for least in LOOP_BARS)].format(*_families()[family]["loop"].split()).split()
    sections = _sections(_lengths(names, bars, loop=True), beats_per_bar, energy)
    return tuple(
        dataclasses.replace(each, energy=energy_of(names[0], energy)) if each.name == TURNAROUND else each
        for each in sections
    )


def without_drop(sections: tuple[score.ScoreSection, ...], energy: float) -> tuple[score.ScoreSection, ...]:
    """The same sections, with a groove instead of what builds up to a drop and of the drop itself."""
    return tuple(
        dataclasses.replace(section, name="groove", energy=energy_of("groove", energy))
        if section.name in ("build", "drop")
        else section
        for section in sections
    )


def divide(family: str, form: str, bars: int) -> list[tuple[str, int]]:
    """Section names and their bars, of a form as a piece of so many bars has it."""
    tokens = [token.partition("@") for token in forms(family)[form].split()]
    names = [name for name, _, least in tokens if bars >= int(least or 0)]
    return _lengths(names, bars, loop=False, carrying=_families()[family]["loop"].split()[:2])


def _lengths(names: Sequence[str], bars: int, *, loop: bool, carrying: Sequence[str] = ()) -> list[tuple[str, int]]:
    """What four does not divide opens the piece as an intro, or leads back or out of it as a turnaround. `carrying`:
    the sections of which a piece of four bars or more has one at least."""
    if bars < UNIT_BARS:
        return _odd(names, bars, loop)
    rest = bars % UNIT_BARS
    opening = [(INTRO, 2 if rest >= 2 else 1)] if rest and names[0] == INTRO else []
    left = rest - sum(length for _, length in opening)
    turn = [(TURNAROUND, 2)] if left >= 2 else [(TURNAROUND, 1)] if left else []
    if left == 3:
        opening = [(TURNAROUND if loop else INTRO, 1)]
    body = list(names[1:] if opening and names[0] == INTRO else names)
    return [*opening, *_whole(body, bars // UNIT_BARS, carrying), *turn]


def _odd(names: Sequence[str], bars: int, loop: bool) -> list[tuple[str, int]]:
    """One to three bars."""
    if bars == 3:
        return [(TURNAROUND if loop else INTRO, 1), (TURNAROUND, 2)]
    return [(TURNAROUND, bars)]


def _whole(names: list[str], units: int, carrying: Sequence[str]) -> list[tuple[str, int]]:
    """The sections over so many units of four bars."""
    names = _fitting(names, units)
    if carrying and not set(carrying) & set(names):
        names[-1] = carrying[0]
    while (lengths := _grown(names, units)) is None:
        main = [place for place, name in enumerate(names) if name not in _SHORT | _SLOW_TO_GROW]
        place = main[-1] if main else len(names) - 1
        names.insert(place, names[place])  # every section is too long to be doubled: one comes back once more
    return [(name, length * UNIT_BARS) for name, length in zip(names, lengths, strict=True)]


def _grown(names: Sequence[str], units: int) -> list[int] | None:
    """One, two or four units for each section, more for those that carry the piece; None where this does not add up."""
    lengths = [1] * len(names)
    spare = units - len(names)
    order = sorted(range(len(names)), key=lambda place: (names[place] in _SLOW_TO_GROW, -place))
    while spare:
        growing = [
            place
            for place in order
            if lengths[place] <= spare and lengths[place] * 2 * UNIT_BARS <= _MOST.get(names[place], MOST_BARS)
        ]
        if not growing:
            return None
        place = min(growing, key=lambda place: lengths[place] * (4 if names[place] in _SLOW_TO_GROW else 1))
        spare -= lengths[place]
        lengths[place] *= 2
    return lengths


def _fitting(names: list[str], units: int) -> list[str]:
    """As many sections as there are units for: the first ones go, then those that carry the piece are repeated."""
    names = list(names)
    while len(names) > units:
        slow = [place for place, name in enumerate(names) if name in _SLOW_TO_GROW]
        names.pop(slow[0] if slow else 0)
    body = [name for name in names if name not in (INTRO, "outro")] or names
    while len(names) * MOST_BARS < units * UNIT_BARS:
        end = len(names) - (names[-1] == "outro")
        names[end:end] = body[-2:]
    return names


def _sections(lengths: list[tuple[str, int]], beats_per_bar: float, energy: float) -> tuple[score.ScoreSection, ...]:
    sections = []
    start = 0.0
    for name, length in lengths:
        sections.append(score.ScoreSection(name, start, length * beats_per_bar, energy_of(name, energy)))
        start += length * beats_per_bar
    return tuple(sections)


def energy_of(name: str, leaning: float) -> float:
    """0.1..1 of a section by its name; `leaning` -1..1 lifts or lowers it."""
    return round(max(0.1, min(1.0, ENERGY[name] + 0.12 * leaning)), 3)
