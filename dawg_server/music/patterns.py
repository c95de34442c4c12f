"""One-line notation for rhythms, the way drum machines show them: `X... x... | X..x x...`.

Bars are divided by `|` and repeat; blanks only help the eye. A bar of n symbols divides four beats evenly, so 16 are
sixteenths and 12 are triplets. `.` is a rest and `-` holds the symbol before it; what other symbols mean is up to the
reader (drums, bass, chords and melody each have their own).
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from typing import NamedTuple

BEATS_WRITTEN = 4  # a written bar is in 4/4; other metres borrow its beats


class Stroke(NamedTuple):
    """One symbol: `offset` in beats from the bar's start, `beats` long, holds included, `step` beats per symbol."""

    offset: float
    beats: float
    step: float
    symbol: str


class Metre(NamedTuple):
    """Which beat of the written 4/4 bar each beat of a bar borrows; a `compound` beat is three eighths long."""

    borrowed: tuple[int, ...] = (0, 1, 2, 3)
    compound: bool = False

    @property
    def beat(self) -> float:
        """The length of a beat, in quarter notes."""
        return 1.5 if self.compound else 1.0


FOUR_FOUR = Metre()
_EIGHTHS = {1: (0,), 2: (0, 2), 3: (0, 1, 2), 4: (0, 1, 2, 2), 6: (0, 0, 1, 1, 2, 2)}  # of a compound beat, by symbol


@functools.lru_cache(maxsize=4096)
def read(pattern: str, bar_number: int, metre: Metre = FOUR_FOUR) -> tuple[Stroke, ...]:
    """The events of the pattern's bar for that bar number (patterns repeat), in the given metre.

    In compound metres a beat's symbols fall on its eighths: second and third of three, as a shuffle has them.
    """
    bars = [bar.replace(" ", "") for bar in pattern.split("|")]
    written = bars[bar_number % len(bars)]
    per_beat = len(written) // BEATS_WRITTEN
    if per_beat * BEATS_WRITTEN != len(written) or not per_beat:
        raise ValueError(f"A bar of {pattern!r} does not divide into four beats.")
    symbols = "".join(written[beat * per_beat : (beat + 1) * per_beat] for beat in metre.borrowed)
    step = 0.5 if metre.compound else 1 / per_beat
    events: list[Stroke] = []
    for index, symbol in enumerate(symbols):
        if symbol in ".-":
            continue
        held = len(symbols[index + 1 :]) - len(symbols[index + 1 :].lstrip("-"))
        start, end = _place(index, per_beat, metre), _place(index + 1 + held, per_beat, metre)
        if not events or start > events[-1].offset:
            events.append(Stroke(start, max(end - start, step), step, symbol))
    return tuple(events)


def _place(index: int, per_beat: int, metre: Metre) -> float:
    beat, symbol = divmod(index, per_beat)
    if not metre.compound:
        return index / per_beat
    eighths = _EIGHTHS.get(per_beat) or tuple(3 * each // per_beat for each in range(per_beat))
    return beat * 1.5 + eighths[symbol] * 0.5


def bars_in(pattern: str) -> int:
    """How many bars the pattern has before it repeats."""
    return pattern.count("|") + 1


def pick(options: Sequence[str], density: float, rng: random.Random) -> tuple[str, str]:
    """Two of the patterns, which go from sparse to busy: one for calm and one for loud sections.

    `density` -1..1 leans to either end.
    """
    place = (density + 1) / 2 * (len(options) - 1) + rng.uniform(-0.9, 0.9)
    nearest = sorted(range(len(options)), key=lambda index: (abs(index - place), index))[:2]
    return options[min(nearest)], options[max(nearest)]
