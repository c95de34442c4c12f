"""Loudness as broadcasters and streaming services measure it.

ITU-R BS.1770-5 (K-weighting, gating, channel weights), EBU R 128 and EBU Tech 3341 (momentary, short-term), and
EBU Tech 3342 (loudness range). The level of peaks lives in `truepeak`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from dawg_server.audio import arrays, filters

SILENCE = -math.inf  # LUFS
LOWEST_RATE = 4_000  # Hz; below it the K-weighting is not defined

_OFFSET = -0.691  # dB; makes a 997 Hz full-scale sine in one channel read -3.01 LUFS
_STEPS_PER_SECOND = 10  # one power value per 100 ms
_MOMENTARY_STEPS = 4  # 400 ms, which is also the gating block of the integrated loudness
_SHORT_TERM_STEPS = 30  # 3 s
_ABSOLUTE_GATE = -70.0  # LUFS
_RELATIVE_GATE = -10.0  # LU
_RANGE_GATE = -20.0  # LU
_RANGE_PERCENTILES = 10, 95

_SURROUND, _UNUSED = 1.41, 0.0
_WEIGHTS = {  # by the channel order of WAV and FLAC files
    4: (1.0, 1.0, _SURROUND, _SURROUND),
    5: (1.0, 1.0, 1.0, _SURROUND, _SURROUND),
    6: (1.0, 1.0, 1.0, _UNUSED, _SURROUND, _SURROUND),
    7: (1.0, 1.0, 1.0, _UNUSED, 1.0, _SURROUND, _SURROUND),
    8: (1.0, 1.0, 1.0, _UNUSED, 1.0, 1.0, _SURROUND, _SURROUND),
}


def k_weighting(rate: int) -> tuple[filters.Biquad, filters.Biquad]:
    """The shelf for the head and the high-pass of BS.1770-5, Annex 1, recomputed for `rate` by the bilinear transform.

    At 48 kHz they equal the tables of the recommendation.
    """
    if rate < LOWEST_RATE:
        raise ValueError(f"loudness needs a sample rate of at least {LOWEST_RATE} Hz, got {rate}")
    k = math.tan(math.pi * 1681.974450955533 / rate)
    q = 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    a0 = 1 + k / q + k * k
    shelf = filters.Biquad(
        (high + band * k / q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / q + k * k) / a0,
        2 * (k * k - 1) / a0,
        (1 - k / q + k * k) / a0,
    )
    k = math.tan(math.pi * 38.13547087602444 / rate)
    q = 0.5003270373238773
    a0 = 1 + k / q + k * k
    return shelf, filters.Biquad(1.0, -2.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0)


def gated(powers: arrays.Doubles) -> float:
    """LUFS of K-weighted powers, each of a block of 400 ms, summed over the channels: both gates of BS.1770-5."""
    audible = powers[powers > _power(_ABSOLUTE_GATE)]
    if not len(audible):
        return SILENCE
    gate = _power(_loudness(float(audible.mean())) + _RELATIVE_GATE)
    return _loudness(float(audible[audible > gate].mean()))


class LoudnessMeter:
    """Measures a stream that arrives in blocks of any size; every figure can be read at any time."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._channels = channels
        self._weights = np.array(_WEIGHTS.get(channels, (1.0,) * channels))
        self._filter = filters.Cascade(k_weighting(rate), channels)
        self._powers: list[float] = []  # mean weighted power of each finished step
        self._open_energy = 0.0  # of the step that has begun
        self._open_frames = 0
        self._frames = 0

    def add(self, block: npt.NDArray[Any]) -> None:
        """`block`: float `(frames, channels)`, or `(frames,)` for one channel."""
        block = arrays.as_frames(block, self._channels)
        portion = self._rate  # one second at a time keeps the working set small
        for start in range(0, len(block), portion):
            weighted = self._filter.process(block[start : start + portion].astype(np.float64))
            self._collect(np.square(weighted) @ self._weights)

    @property
    def integrated(self) -> float:
        """LUFS over the whole (BS.1770-5, Annex 1), `-inf` for silence.

        A sound shorter than one gating block of 400 ms is measured over its whole length, without gates.
        """
        if len(self._powers) < _MOMENTARY_STEPS:
            return self._of_short_sound()
        return gated(self._windows(_MOMENTARY_STEPS))

    @property
    def range(self) -> float:
        """Loudness range in LU (EBU Tech 3342); 0 for silence and for less than 3 s."""
        blocks = self._windows(_SHORT_TERM_STEPS)
        audible = blocks[blocks > _power(_ABSOLUTE_GATE)]
        if not len(audible):
            return 0.0
        gate = _power(_loudness(float(audible.mean())) + _RANGE_GATE)
        ordered = np.sort(audible[audible > gate])
        low, high = (ordered[math.floor((len(ordered) - 1) * rank / 100 + 0.5)] for rank in _RANGE_PERCENTILES)
        return _loudness(float(high)) - _loudness(float(low))

    @property
    def momentary_max(self) -> float:
        """The loudest 400 ms in LUFS."""
        return self._loudest(_MOMENTARY_STEPS)

    @property
    def short_term_max(self) -> float:
        """The loudest 3 s in LUFS."""
        return self._loudest(_SHORT_TERM_STEPS)

    def _collect(self, power: arrays.Doubles) -> None:
        position = 0
        while position < len(power):
            step = len(self._powers)
            length = self._border(step + 1) - self._border(step)
            taken = power[position : position + length - self._open_frames]
            self._open_energy += float(taken.sum())
            self._open_frames += len(taken)
            position += len(taken)
            if self._open_frames == length:
                self._powers.append(self._open_energy / length)
                self._open_energy, self._open_frames = 0.0, 0
        self._frames += len(power)

    def _border(self, step: int) -> int:
        return round(step * self._rate / _STEPS_PER_SECOND)

    def _windows(self, steps: int) -> arrays.Doubles:
        """Mean power of every window of so many steps, one per step."""
        if len(self._powers) < steps:
            return np.empty(0)
        windows: arrays.Doubles = np.lib.stride_tricks.sliding_window_view(self._powers, steps).mean(axis=1)
        return windows

    def _loudest(self, steps: int) -> float:
        windows = self._windows(steps)
        return _loudness(float(windows.max())) if len(windows) else self._of_short_sound()

    def _of_short_sound(self) -> float:
        if not self._frames:
            return SILENCE
        energy = self._open_energy
        for step, power in enumerate(self._powers):
            energy += power * (self._border(step + 1) - self._border(step))
        loudness = _loudness(energy / self._frames)
        return loudness if loudness > _ABSOLUTE_GATE else SILENCE


def _loudness(power: float) -> float:
    return _OFFSET + 10 * math.log10(power) if power > 0 else SILENCE


def _power(loudness: float) -> float:
    return float(10 ** ((loudness - _OFFSET) / 10))
