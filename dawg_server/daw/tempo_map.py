"""Musical time: beats, seconds and bars of a project with tempo events and changes of the time signature.

A beat is a quarter note, counted from 0 at the beginning of the project; bars are counted from 0 as well. Before the
beginning (material that a clip's offset has cut off lies there) the tempo and the metre of the start go on.

Between two tempo events the tempo stays ("jump") or goes in a straight line over beats to the next one ("linear"). On a
line `b(x) = b + k * x`, with x in beats from the event and b in beats per minute, a beat takes 60 / b(x) seconds, so

    seconds(x) = 60 / k * ln(1 + k * x / b)        beats(t) = b / k * (exp(k * t / 60) - 1)

and with k = 0 they are 60 * x / b and b * t / 60. Behind the last event the tempo stays.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

TempoCurve = Literal["jump", "linear"]
_FLAT = 1e-12  # beats per minute and beat: a slope below it is none, its tempo differs by less than rounding does
_CLOSE = 1e-9  # of a bar: what lies nearer to a bar line is on it


@dataclass(frozen=True, slots=True)
class TempoChange:
    """From `beat` on `bpm` quarter notes a minute; `curve` is the way to the next change."""

    beat: float
    bpm: float
    curve: TempoCurve = "jump"


@dataclass(frozen=True, slots=True)
class MetreChange:
    """From the whole bar `bar` on bars of `signature`, such as 6/8."""

    bar: int
    signature: str

    @property
    def beats(self) -> float:
        return bar_length(self.signature)


def bar_length(signature: str) -> float:
    """Quarter notes in a bar: 6/8 has three."""
    count, unit = signature.split("/")
    return int(count) * 4 / int(unit)


class TempoMap:
    """Never changes, so one may be shared; it can be sent to other processes.

    `bpm` and `signature` are those at the start. Changes may come in any order; of several at the same place the last
    one counts, and one at the start replaces these.
    """

    def __init__(
        self,
        bpm: float,
        changes: Iterable[TempoChange] = (),
        signature: str = "4/4",
        metres: Iterable[MetreChange] = (),
    ) -> None:
        tempi = {0.0: TempoChange(0.0, bpm)} | {max(0.0, float(each.beat)): each for each in changes}
        self.changes: tuple[TempoChange, ...] = tuple(tempi[beat] for beat in sorted(tempi))
        self.metres: tuple[MetreChange, ...] = tuple(
            {
                0: MetreChange(0, signature),
                **{each.bar: each for each in sorted(metres, key=lambda each: each.bar)},
            }.values()
        )
        # A segment starts at _beats[i] and _seconds[i] with _bpms[i], and its tempo rises by _slopes[i] each beat.
        self._beats = [max(0.0, float(each.beat)) for each in self.changes]
        self._bpms = [float(each.bpm) for each in self.changes]
        self._slopes = [self._slope(number) for number in range(len(self._beats))]
        self._seconds = [0.0]
        for number, length in enumerate(b - a for a, b in zip(self._beats, self._beats[1:], strict=False)):
            self._seconds.append(self._seconds[-1] + _elapsed(length, self._bpms[number], self._slopes[number]))
        # A run of equal bars starts at bar _bars[i] and beat _lines[i].
        self._bars = [each.bar for each in self.metres]
        self._lines = [0.0]
        for one, following in zip(self.metres, self.metres[1:], strict=False):
            self._lines.append(self._lines[-1] + (following.bar - one.bar) * one.beats)

    def __reduce__(self) -> tuple[Any, ...]:
        return TempoMap, (self._bpms[0], self.changes, self.metres[0].signature, self.metres)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TempoMap) and (self.changes, self.metres) == (other.changes, other.metres)

    def __hash__(self) -> int:
        return hash((self.changes, self.metres))

    @property
    def is_constant(self) -> bool:
        """Whether the tempo never changes."""
        return len(set(self._bpms)) == 1

    # -- tempo ---------------------------------------------------------------------------------------------------------

    def seconds(self, beat: float) -> float:
        """When a beat is; of one before the beginning a negative number."""
        number = max(0, bisect.bisect_right(self._beats, beat) - 1)
        slope = self._slopes[number] if beat > 0 else 0.0
        return self._seconds[number] + _elapsed(beat - self._beats[number], self._bpms[number], slope)

    def beat(self, seconds: float) -> float:
        """The inverse of `seconds`."""
        number = max(0, bisect.bisect_right(self._seconds, seconds) - 1)
        slope = self._slopes[number] if seconds > 0 else 0.0
        return self._beats[number] + _travelled(seconds - self._seconds[number], self._bpms[number], slope)

    def bpm(self, beat: float) -> float:
        """The tempo at a beat; where it jumps, the new one."""
        number = max(0, bisect.bisect_right(self._beats, beat) - 1)
        return self._bpms[number] + self._slopes[number] * max(0.0, beat - self._beats[number])

    def seconds_of(self, beats: Floats) -> Floats:
        """`seconds` of many at once."""
        import numpy as np

        number, elapsed = self._located(beats, self._beats)
        bpm, slope = np.asarray(self._bpms)[number], np.where(beats > 0, np.asarray(self._slopes)[number], 0.0)
        flat = np.abs(slope) < _FLAT
        steep = np.where(flat, 1.0, slope)
        curved = 60.0 / steep * np.log1p(np.where(flat, 0.0, slope * elapsed / bpm))
        return np.asarray(np.asarray(self._seconds)[number] + np.where(flat, elapsed * 60.0 / bpm, curved))

    def bpm_of(self, beats: Floats) -> Floats:
        """`bpm` of many at once."""
        import numpy as np

        number, elapsed = self._located(beats, self._beats)
        return np.asarray(np.asarray(self._bpms)[number] + np.asarray(self._slopes)[number] * np.maximum(elapsed, 0.0))

    def beats_of(self, seconds: Floats) -> Floats:
        """`beat` of many at once."""
        import numpy as np

        number, elapsed = self._located(seconds, self._seconds)
        bpm, slope = np.asarray(self._bpms)[number], np.where(seconds > 0, np.asarray(self._slopes)[number], 0.0)
        flat = np.abs(slope) < _FLAT
        steep = np.where(flat, 1.0, slope)
        curved = bpm / steep * np.expm1(np.where(flat, 0.0, slope * elapsed / 60.0))
        return np.asarray(np.asarray(self._beats)[number] + np.where(flat, elapsed * bpm / 60.0, curved))

    # -- bars ----------------------------------------------------------------------------------------------------------

    def beat_of_bar(self, bar: float) -> float:
        """Where a bar begins; of 2.5 the middle of the third bar."""
        number = max(0, bisect.bisect_right(self._bars, bar) - 1)
        return self._lines[number] + (bar - self._bars[number]) * self.metres[number].beats

    def bar(self, beat: float) -> float:
        """The inverse of `beat_of_bar`."""
        number = self._metre(beat)
        return self._bars[number] + (beat - self._lines[number]) / self.metres[number].beats

    def position(self, beat: float) -> tuple[int, float]:
        """(bar, beats from its bar line); what rounding keeps from a bar line is on it."""
        number = self._metre(beat)
        length = self.metres[number].beats
        bars = (beat - self._lines[number]) / length
        whole = math.floor(bars + _CLOSE)
        return self._bars[number] + whole, max(0.0, (bars - whole) * length)

    def signature(self, beat: float) -> str:
        """The time signature at a beat."""
        return self.metres[self._metre(beat)].signature

    # -- inside --------------------------------------------------------------------------------------------------------

    def _metre(self, beat: float) -> int:
        return max(0, bisect.bisect_right(self._lines, beat + _CLOSE * self.metres[0].beats) - 1)

    def _slope(self, number: int) -> float:
        if self.changes[number].curve == "jump" or number + 1 == len(self.changes):
            return 0.0
        return (self._bpms[number + 1] - self._bpms[number]) / (self._beats[number + 1] - self._beats[number])

    @staticmethod
    def _located(places: Floats, starts: list[float]) -> tuple[Any, Floats]:
        """(the segment of each place, how far behind its start the place is)."""
        import numpy as np

        lines = np.asarray(starts)
        number = np.maximum(np.searchsorted(lines, places, side="right") - 1, 0)
        return number, places - lines[number]


def _elapsed(beats: float, bpm: float, slope: float) -> float:
    """Seconds that so many beats take from a place with this tempo."""
    if abs(slope) < _FLAT:
        return beats * 60.0 / bpm
    return 60.0 / slope * math.log1p(slope * beats / bpm)


def _travelled(seconds: float, bpm: float, slope: float) -> float:
    """Beats that pass in so many seconds."""
    if abs(slope) < _FLAT:
        return seconds * bpm / 60.0
    return bpm / slope * math.expm1(slope * seconds / 60.0)
