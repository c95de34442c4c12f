"""What is measured of a recording before its tone and width are judged: spectrum, stereo and how level it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dawg_server.audio import arrays

# The middles of the bands in Hz, about an octave each.
BANDS = (40.0, 80.0, 160.0, 315.0, 630.0, 1_250.0, 2_500.0, 5_000.0, 10_000.0)
BASS_HZ = 120.0  # below it, bass belongs to the middle
_WINDOW = 8_192  # samples
_LEVEL_STEP = 50  # ms
_AUDIBLE_DB = -60.0


@dataclass(frozen=True, slots=True)
class Balance:
    """`bands`: dB of each of `BANDS`, their mean zero (all zero for silence); `side_db` is the sides' power relative to
    the middle's, `bass_side_db` the same below `BASS_HZ`; `busy_db` is a level that a quarter of the sound exceeds."""

    bands: tuple[float, ...]
    side_db: float
    bass_side_db: float
    busy_db: float


class BalanceMeter:
    """Collects a stream in blocks of any size, `(frames, 2)`."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._window = np.hanning(_WINDOW).astype(np.float32)
        self._middle = np.zeros(_WINDOW // 2 + 1)
        self._side = np.zeros(_WINDOW // 2 + 1)
        self._waiting = np.zeros((0, 2), np.float32)
        self._levels: list[arrays.Doubles] = []

    def add(self, block: arrays.Samples) -> None:
        known = np.concatenate((self._waiting, block))
        rows = len(known) // _WINDOW
        self._waiting = known[rows * _WINDOW :].copy()
        if not rows:
            return
        framed = known[: rows * _WINDOW].reshape(rows, _WINDOW, 2)
        left, right = framed[..., 0], framed[..., 1]
        for total, signal in ((self._middle, left + right), (self._side, left - right)):
            total += np.square(np.abs(np.fft.rfft(signal * (self._window / 2), axis=1))).sum(axis=0, dtype=np.float64)
        step = self._rate * _LEVEL_STEP // 1000
        count = rows * _WINDOW // step * step
        power = np.square(known[:count]).reshape(-1, step * 2).mean(axis=1, dtype=np.float64)
        self._levels.append(power)

    def result(self) -> Balance:
        hertz = np.fft.rfftfreq(_WINDOW, 1 / self._rate)
        total = self._middle + self._side
        levels = []
        for centre in BANDS:
            inside = (hertz >= centre / np.sqrt(2)) & (hertz < centre * np.sqrt(2))
            levels.append(float(total[inside].sum()))
        audible = np.array(levels)
        top = float(audible.max(initial=0.0))
        decibels = 10 * np.log10(np.maximum(audible, top * 10 ** (_AUDIBLE_DB / 10)) / top) if top > 0 else audible * 0
        bass = hertz < BASS_HZ
        return Balance(
            tuple(float(value) for value in decibels - decibels.mean()),
            _relation(self._side.sum(), self._middle.sum()),
            _relation(self._side[bass].sum(), self._middle[bass].sum()),
            self._busy(),
        )

    def _busy(self) -> float:
        powers = np.concatenate(self._levels) if self._levels else np.zeros(1)
        heard = powers[powers > powers.max(initial=0.0) * 10 ** (_AUDIBLE_DB / 10)]
        return float(10 * np.log10(np.percentile(heard, 75))) if len(heard) else -120.0


def _relation(part: float, whole: float) -> float:
    """dB, held within -60..60."""
    if part <= 0 or whole <= 0:
        return -60.0 if whole > 0 or part <= 0 else 60.0
    return float(np.clip(10 * np.log10(part / whole), -60.0, 60.0))
