"""Guitar amplifiers: one for a whole part, because strings that sound together distort together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dawg_server.audio import filters
from dawg_server.audio.filters import Band
from dawg_server.music.sound.tone import Samples

PICKUP = (Band("high pass", 110), Band("bell", 900, 3.0, 0.8), Band("low pass", 6500))
SPEAKER = (
    Band("high pass", 85),
    Band("bell", 130, 2.0, 1.0),
    Band("bell", 520, -2.5, 0.8),
    Band("bell", 2300, 4.5, 0.9),
    Band("low pass", 4700),
    Band("low pass", 5200),
)
BIAS = 0.12  # of the valve, which makes even harmonics

Amplifier = Callable[[Samples], Samples]
"""Takes adjoining blocks of a part, (frames,), and gives as many frames."""


def amplifier(rate: int, gain: float) -> Amplifier:
    before = filters.Cascade([band.section(rate) for band in PICKUP], 1)
    after = filters.Cascade([band.section(rate) for band in SPEAKER], 1)
    quiet = True

    def process(block: Samples) -> Samples:
        nonlocal quiet
        if quiet and not block.any():
            return block
        driven = before.process(block[:, None])
        driven *= np.float32(gain)
        driven += np.float32(BIAS)
        np.tanh(driven, out=driven)
        driven -= np.float32(np.tanh(BIAS))
        out: Samples = after.process(driven)[:, 0]
        quiet = not block.any()
        return out

    return process


def crunch(rate: int) -> Amplifier:
    return amplifier(rate, 18.0)


def lead(rate: int) -> Amplifier:
    return amplifier(rate, 26.0)
