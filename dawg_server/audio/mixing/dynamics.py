"""A feed-forward compressor with a soft knee, working on a stream.

D. Giannoulis, M. Massberg, J. Reiss, "Digital dynamic range compressor design", JAES 60 (2012): the gain is computed in
decibels and smoothed by a branching peak detector. The level is taken per 64 frames, all channels together, so the
stereo image stays in place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dawg_server.audio import arrays, filters
from dawg_server.audio.filters import Value

STEP = 64  # frames per value of level and gain
_FLOOR_DB = -120.0


@dataclass(frozen=True, slots=True)
class CompressorSettings:
    """`threshold_db` in dBFS of the mean square, `knee_db` wide; times to 63 %. `ear_hz`: deaf below, so that a bass
    drum does not push everything down (0 = hears all)."""

    threshold_db: float
    ratio: float
    attack_ms: float = 20.0
    release_ms: float = 180.0
    knee_db: float = 6.0
    ear_hz: float = 0.0


class Compressor:
    """Frames come out as they went in, as many; blocks may have any length."""

    def __init__(self, rate: int, channels: int, settings: CompressorSettings) -> None:
        self._settings = settings
        self._attack = math.exp(-STEP / (settings.attack_ms / 1000 * rate))
        self._release = math.exp(-STEP / (settings.release_ms / 1000 * rate))
        self._ear = filters.Cascade([filters.high_pass(rate, settings.ear_hz)], channels) if settings.ear_hz else None
        self._reduction = 0.0  # dB, smoothed
        self._waiting = np.zeros((0, channels), np.float32)
        self._last_gain = 1.0
        self._total, self._count, self.deepest = 0.0, 0, 0.0

    @property
    def mean_reduction(self) -> float:
        """dB over everything so far."""
        return self._total / self._count if self._count else 0.0

    def process(self, block: arrays.Samples) -> arrays.Samples:
        """Returns what is complete; `flush` returns the rest."""
        self._waiting = np.concatenate((self._waiting, block))
        whole = len(self._waiting) // STEP * STEP
        ready, self._waiting = self._waiting[:whole], self._waiting[whole:].copy()
        return self._compress(ready)

    def flush(self) -> arrays.Samples:
        rest = len(self._waiting)
        filled = np.zeros((-(-rest // STEP) * STEP, self._waiting.shape[1]), np.float32)
        filled[:rest] = self._waiting
        self._waiting = self._waiting[:0]
        return self._compress(filled)[:rest]

    def _compress(self, block: arrays.Samples) -> arrays.Samples:
        if not len(block):
            return block
        heard = self._ear.process(block) if self._ear else block
        power = np.square(heard).reshape(-1, STEP * block.shape[1]).mean(axis=1, dtype=np.float64)
        level = 10 * np.log10(power + 10 ** (_FLOOR_DB / 10))
        reduction = self._smoothed(wanted(level, self._settings))
        gains = np.concatenate(([self._last_gain], np.exp(reduction * (-math.log(10) / 20))))
        self._last_gain = float(gains[-1])
        slope = np.arange(1, STEP + 1) / STEP
        ramps = (gains[:-1, None] + np.diff(gains)[:, None] * slope).reshape(-1, 1)
        compressed: arrays.Samples = block * ramps.astype(np.float32)
        return compressed

    def _smoothed(self, wanted: arrays.Doubles) -> arrays.Doubles:
        result = smoothed(wanted, self._attack, self._release, self._reduction)
        self._reduction = float(result[-1])
        self._total += float(result.sum())
        self._count += len(result)
        self.deepest = max(self.deepest, float(result.max()))
        return result


def smoothed(wanted: arrays.Doubles, attack: Value, release: Value, before: float = 0.0) -> arrays.Doubles:
    """Decibels of reduction that follow `wanted`: of their distance, these factors remain after each step."""
    now, found = before, []
    if isinstance(attack, np.ndarray) or isinstance(release, np.ndarray):
        factors = (np.broadcast_to(each, len(wanted)).tolist() for each in (attack, release))
        for value, rising, falling in zip(wanted.tolist(), *factors, strict=True):
            now = value + (now - value) * (rising if value > now else falling)
            found.append(now)
        return np.array(found)
    for value in wanted.tolist():
        now = value + (now - value) * (attack if value > now else release)
        found.append(now)
    return np.array(found)


def wanted(level_db: arrays.Doubles, settings: CompressorSettings) -> arrays.Doubles:
    """The static curve: decibels of reduction for each level."""
    return curve(level_db, settings.threshold_db, settings.ratio, settings.knee_db)


def curve(level_db: arrays.Doubles, threshold_db: Value, ratio: Value, knee_db: Value) -> arrays.Doubles:
    """Decibels of reduction for each level: none below the knee, a parabola in it, a straight line above."""
    over = level_db - threshold_db
    slope = 1 - 1 / ratio
    half = np.asarray(knee_db) / 2
    bent = slope * np.square(over + half) / np.maximum(4 * half, 1e-9)
    reduction: arrays.Doubles = np.where(over >= half, slope * over, np.where(over > -half, bent, 0.0))
    return reduction
