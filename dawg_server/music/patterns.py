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


@functools.lru_cache(maxsize=4096)
def read(pattern: str, bar_number: int, metre: tuple[int, ...] = (0, 1, 2, 3)) -> tuple[Stroke, ...]:
    """The events of the pattern's bar for that bar number (patterns repeat), in the given metre."""
    bars = [bar.replace(" ", "") for bar in pattern.split("|")]
    written = bars[bar_number % len(bars)]
    per_beat = len(written) // BEATS_WRITTEN
    if per_beat * BEATS_WRITTEN != len(written) or not per_beat:
        raise ValueError(f"A bar of {pattern!r} does not divide into four beats.")
    symbols = "".join(written[beat * per_beat : (beat + 1) * per_beat] for beat in metre)
    step = 1 / per_beat
    events = []
    for index, symbol in enumerate(symbols):
        if symbol in ".-":
            continue
        held = len(symbols[index + 1 :]) - len(symbols[index + 1 :].lstrip("-"))
        events.append(Stroke(index * step, (1 + held) * step, step, symbol))
    return tuple(events)


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
