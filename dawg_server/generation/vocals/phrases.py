"""Where a singer would breathe: the phrases of a melody, and how many syllables each of them holds.

A phrase ends where the time from one note's beginning to the next is long compared with its neighbours, be it a rest or
a held note (after the local boundary detection model: E. Cambouropoulos, ICMC 2001, here by its strongest cue alone).
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

BREATH = 0.35  # seconds of rest that part two phrases
LONGEST = 14  # notes; more than a line of a song can hold
SHORTEST = 3  # notes

Note = Mapping[str, Any]


def syllables(notes: Sequence[Note]) -> list[int]:
    """How many syllables each phrase wants, one for each note. `notes` as `melodyInfo` has them, in order."""
    return [len(phrase) for phrase in phrases(notes)]


def phrases(notes: Sequence[Note]) -> list[list[Note]]:
    """Every note in exactly one phrase, in order."""
    if not notes:
        return []
    breathed = _joined(_at_breaths(notes))
    return [part for phrase in breathed for part in _parted(phrase)]


def _at_breaths(notes: Sequence[Note]) -> list[list[Note]]:
    found = [[notes[0]]]
    for before, note in itertools.pairwise(notes):
        if note["start"] - (before["start"] + before["duration"]) >= BREATH:
            found.append([])
        found[-1].append(note)
    return found


def _joined(found: list[list[Note]]) -> list[list[Note]]:
    """Phrases that are too short to be a line go to the neighbour that is nearer in time."""
    while len(found) > 1:
        at = next((number for number, phrase in enumerate(found) if len(phrase) < SHORTEST), None)
        if at is None:
            break
        first = at > 0 and (at == len(found) - 1 or _gap(found[at - 1], found[at]) <= _gap(found[at], found[at + 1]))
        left = at - 1 if first else at
        found[left : left + 2] = [found[left] + found[left + 1]]
    return found


def _gap(phrase: list[Note], following: list[Note]) -> float:
    return float(following[0]["start"] - phrase[-1]["start"] - phrase[-1]["duration"])


def _parted(phrase: list[Note]) -> Iterator[list[Note]]:
    """A phrase that is too long for a line, cut after the note that is held longest, near the middle if in doubt."""
    if len(phrase) <= LONGEST:
        yield phrase
        return
    steps = [after["start"] - note["start"] for note, after in itertools.pairwise(phrase)]
    usual, middle = statistics.median(steps), len(phrase) / 2

    def weight(cut: int) -> float:
        return float(steps[cut - 1] / max(usual, 1e-6) - abs(cut - middle) / middle)

    cut = max(range(SHORTEST, len(phrase) - SHORTEST + 1), key=weight)
    yield from _parted(phrase[:cut])
    yield from _parted(phrase[cut:])
