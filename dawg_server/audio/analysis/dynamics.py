"""Levels: peak, clipping, dynamic range, noise floor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio.analysis import spectrum
from dawg_server.audio.analysis.framing import Floats

SAME = 3.1e-5  # samples closer than one 16-bit step are at the same height
STEEP = 20  # a clipped wave arrives at its flat top at least so many steps faster than it moves there
LEAST_HEIGHT = 0.05  # flat tops below this are silence and quantisation
TOP = 0.97  # of the highest peak; flat tops lower than that are part of the sound
LEAST_TOPS = 2
RANGE_WINDOW = 40  # short frames: 0.4 s, the momentary window of EBU R 128
RANGE_GATE = 40.0  # dB below the loudest moment that still count as music
FLOOR_LIMIT = -120.0  # dBFS


class PeakMeter:
    """Watches samples at their own rate, before any mixing or resampling could hide a clipped one."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._tops: list[NDArray[np.float32]] = []
        self._last: Floats | None = None

    def add(self, block: Floats) -> None:
        """`block`: float32, (frames, channels)."""
        if not len(block):
            return
        self.peak = max(self.peak, float(np.abs(block).max()))
        joined = block if self._last is None else np.concatenate((self._last, block))
        self._last = joined[-64:]
        for channel in range(joined.shape[1]):
            self._tops.append(_flat_tops(joined[:, channel]))

    @property
    def clipping(self) -> bool:
        """Whether several waves end in a flat top at the highest level (three or more samples at one height)."""
        heights = np.concatenate(self._tops) if self._tops else np.zeros(0, np.float32)
        return int((heights >= TOP * self.peak).sum()) >= LEAST_TOPS


def _flat_tops(samples: Floats) -> NDArray[np.float32]:
    step = np.diff(samples)
    flat = (np.abs(step) <= SAME) & (np.abs(samples[1:]) >= LEAST_HEIGHT)
    edges = np.diff(np.concatenate(([False], flat, [False])).astype(np.int8))
    first, after = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    inside = (first > 0) & (after < len(step)) & (after - first >= 2)
    first, after = first[inside], after[inside]
    sign = np.sign(samples[first])
    steep = (step[first - 1] * sign > STEEP * SAME) & (step[after] * sign < -STEEP * SAME)
    return np.abs(samples[first[steep]])


def dynamic_range(spectra: spectrum.Spectra) -> float | None:
    """dB between the 95th and 10th percentile of the momentary level, as EBU Tech 3342 does for loudness range, with
    silence gated out; None for less than a second of sound."""
    power = spectra.rms.astype(float) ** 2
    if len(power) < 100 or not spectra.audible.any():
        return None
    total = np.concatenate(([0.0], np.cumsum(power)))
    levels = 10 * np.log10((total[RANGE_WINDOW:] - total[:-RANGE_WINDOW]) / RANGE_WINDOW + 1e-15)
    heard = levels[levels > max(float(levels.max()) - RANGE_GATE, -70.0)]
    return round(float(np.percentile(heard, 95) - np.percentile(heard, 10)), 2) if len(heard) else None


def noise_floor(spectra: spectrum.Spectra) -> float | None:
    """Level in dBFS of the quietest twentieth of the recording; None for silence."""
    inner = spectra.rms[3:-3]  # the outermost frames are filled up with zeros
    if len(inner) < 20 or not spectra.audible.any():
        return None
    return round(max(FLOOR_LIMIT, 20 * float(np.log10(np.percentile(inner, 5) + 1e-9))), 2)
