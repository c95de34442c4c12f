"""Sections over the asked duration: whole bars and one last chord that rings out, or the whole bars of a loop."""

from __future__ import annotations

import dataclasses

from dawg_server.music import bar_grid, score

RING_SECONDS = 1.5  # the least time that the last chord gets, up to a bar
EPSILON_BEATS = 1e-6

ENERGY = {
    "intro": 0.42,
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
    bar_grid.ENDING: 0.7,
}

# From the shortest to the longest; the first is one section for a miniature.
FORMS = {
    "song": (
        "chorus",
        "verse chorus",
        "intro verse chorus",
        "intro verse chorus outro",
        "intro verse chorus verse chorus",
        "intro verse chorus verse bridge chorus",
        "intro verse chorus verse chorus bridge chorus outro",
        "intro verse prechorus chorus verse prechorus chorus bridge chorus chorus outro",
    ),
    "beat": (
        "hook",
        "intro hook",
        "intro hook verse",
        "intro hook verse hook",
        "intro verse hook verse hook",
        "intro hook verse hook bridge hook",
        "intro hook verse hook verse hook bridge hook outro",
    ),
    "club": (
        "drop",
        "build drop",
        "intro build drop",
        "intro build drop outro",
        "intro build drop breakdown drop",
        "intro build drop breakdown build drop",
        "intro groove build drop breakdown build drop outro",
        "intro groove build drop groove breakdown build drop drop outro",
    ),
    "floor": (
        "drop",
        "groove drop",
        "intro groove drop",
        "intro groove drop outro",
        "intro groove breakdown drop outro",
        "intro groove drop breakdown groove drop outro",
        "intro groove drop breakdown groove drop groove breakdown drop outro",
    ),
    "jazz": (
        "head",
        "head solo",
        "head solo head",
        "intro head solo head",
        "intro head solo solo head",
        "intro head solo solo solo head outro",
    ),
}

# A loop comes back to where it began: it has the same energy at both ends.
LOOP_BARS = (17, 49)  # from so many on, a loop has three and five sections
LOOPS = {
    "song": ("chorus", "chorus verse chorus", "chorus verse chorus bridge chorus"),
    "beat": ("hook", "hook verse hook", "hook verse hook bridge hook"),
    "club": ("drop", "drop groove drop", "drop groove drop breakdown drop"),
    "floor": ("drop", "drop groove drop", "drop groove drop breakdown drop"),
    "jazz": ("head", "head solo head", "head solo head solo head"),
}

_LEAST_BARS = {"intro": 2, "build": 2, "outro": 2, "prechorus": 2}
_FIXED = frozenset({"intro", "build", "outro", "prechorus"})  # grow by doubling only
_CALM = frozenset({"bridge", "breakdown"})
_ROOMY_BARS = 24  # pieces longer than this give every section at least twice its least bars


def arrange(form: str, beats: float, beats_per_bar: float, bpm: float, energy: float) -> tuple[score.ScoreSection, ...]:
    """Sections that fill `beats` exactly: whole bars, and a last section "ending" of what is left.

    `energy` -1..1 lifts or lowers every section.
    """
    ring = min(RING_SECONDS * bpm / 60, beats_per_bar, beats / 2)
    bars = max(1, int((beats - ring) / beats_per_bar + EPSILON_BEATS))
    if bars * beats_per_bar > beats - EPSILON_BEATS:
        return (score.ScoreSection(bar_grid.ENDING, 0.0, beats, ENERGY[bar_grid.ENDING]),)
    sections = []
    start = 0.0
    for name, length in divide(form, bars):
        sections.append(score.ScoreSection(name, start, length * beats_per_bar, _energy(name, energy)))
        start += length * beats_per_bar
    return (*sections, score.ScoreSection(bar_grid.ENDING, start, beats - start, _energy(bar_grid.ENDING, energy)))


def arrange_loop(form: str, bars: int, beats_per_bar: float, energy: float) -> tuple[score.ScoreSection, ...]:
    """Sections of exactly `bars` bars, without an ending."""
    names = LOOPS[form][sum(bars >= least for least in LOOP_BARS)].split()
    sections = []
    start = 0.0
    for name, length in _lengths(names, bars):
        sections.append(score.ScoreSection(name, start, length * beats_per_bar, _energy(name, energy)))
        start += length * beats_per_bar
    return tuple(sections)


def without_drop(sections: tuple[score.ScoreSection, ...], energy: float) -> tuple[score.ScoreSection, ...]:
    """The same sections, with a groove instead of what builds up to a drop and of the drop itself."""
    return tuple(
        dataclasses.replace(section, name="groove", energy=_energy("groove", energy))
        if section.name in ("build", "drop")
        else section
        for section in sections
    )


def divide(form: str, bars: int) -> list[tuple[str, int]]:
    """Section names and their bars: phrases of four bars wherever possible, spare bars in the opening."""
    sequences = [sequence.split() for sequence in FORMS[form]]
    room = bars if bars <= _ROOMY_BARS else bars // 2
    names = next((names for names in reversed(sequences) if _least(names) <= room), sequences[0])
    if _least(names) > bars:
        return [(names[0], bars)]
    return _lengths(names, bars)


def _lengths(names: list[str], bars: int) -> list[tuple[str, int]]:
    if len(names) == 1:
        return [(names[0], bars)]
    times = 1
    while times < 4 and _least(names) * times * 2 <= bars:
        times *= 2
    lengths = [_LEAST_BARS.get(name, 4) * times for name in names]
    spare = bars - sum(lengths)
    growing = [index for index, name in reversed(list(enumerate(names))) if name not in _FIXED | _CALM] or [0]
    turn = 0
    while spare >= 4:
        lengths[growing[turn % len(growing)]] += 4
        spare -= 4
        turn += 1
    # Spare bars lengthen the opening, but a short piece does not wait long for its beat.
    waiting = min(spare, max(0, max(4, lengths[0]) - lengths[0])) if names[0] in _FIXED and times == 1 else spare
    lengths[0] += waiting
    lengths[growing[0]] += spare - waiting
    return list(zip(names, lengths, strict=True))


def _least(names: list[str]) -> int:
    return sum(_LEAST_BARS.get(name, 4) for name in names)


def _energy(name: str, leaning: float) -> float:
    return round(max(0.1, min(1.0, ENERGY[name] + 0.12 * leaning)), 3)
