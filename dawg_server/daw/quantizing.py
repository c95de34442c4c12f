"""The grid that notes and clips are moved to: from each bar line on, straight or swung, as the metre has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dawg_server.daw.tempo_map import TempoMap

DIVISIONS = {  # beats
    "32nd": 1 / 8,
    "16th": 1 / 4,
    "8th": 1 / 2,
    "quarter": 1.0,
    "half": 2.0,
    "32ndTriplet": 1 / 12,
    "16thTriplet": 1 / 6,
    "8thTriplet": 1 / 3,
    "quarterTriplet": 2 / 3,
    "halfTriplet": 4 / 3,
}
SHORTEST = 1 / 32  # beats that are left of a note when both of its ends come to one line of a grid
_CLOSE = 1e-9  # beats; what rounding keeps from the middle between two lines is in the middle


@dataclass(frozen=True, slots=True)
class Grid:
    """`step`: beats between its lines; `swing`: the part of two steps that the first one takes, 0.5 is straight;
    `strength`: the part of the way to its line that something is moved."""

    tempo: TempoMap
    step: float
    swing: float = 0.5
    strength: float = 1.0

    def line(self, beat: float) -> float:
        """The nearest line; of two that are equally near the later one."""
        bar = math.floor(self.tempo.bar(beat) + _CLOSE)
        begin, end = self.tempo.beat_of_bar(bar), self.tempo.beat_of_bar(bar + 1)
        pair = math.floor((beat - begin) / (2 * self.step)) * 2
        lines = [begin + (pair + place) * self.step for place in (0, 2 * self.swing, 2)]
        # A bar that the step does not divide ends with a shorter one.
        lines = [line for line in lines if line < end - _CLOSE] + [end]
        return min(lines, key=lambda line: (round(abs(line - beat), 9), -line))

    def moved(self, beat: float) -> float:
        return beat + (self.line(beat) - beat) * self.strength

    def notes(self, notes: list[Mapping[str, Any]], origin: float, *, ends: bool) -> list[dict[str, Any]]:
        """Notes of material that begins at beat `origin` of the project; `ends`: where they end is moved as well."""
        return [self._note(note, origin, ends=ends) for note in notes]

    def _note(self, note: Mapping[str, Any], origin: float, *, ends: bool) -> dict[str, Any]:
        start = max(0.0, self.moved(origin + note["start"]) - origin)
        moved = {**note, "start": round(start, 9)}
        if ends:
            end = self.moved(origin + note["start"] + note["duration"]) - origin
            moved["duration"] = round(max(end - start, SHORTEST), 9)
        return moved
