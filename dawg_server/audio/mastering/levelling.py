"""Finds the gain whose limited result has the loudness asked for.

The loudness after a limiter cannot be computed, so it is measured and the gain corrected until it fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dawg_server.audio import arrays, codecs, encoder, limiter, loudness, truepeak
from dawg_server.audio.mastering import clipper

CEILING = -1.0  # dBTP (contract, section 4.8)
_AIM = -1.1  # dBTP; meters differ by as much
GOOD = 0.2  # LU at which the search ends
_ATTEMPTS = 6
_MOST_GAIN = 70.0  # dB
_USUAL_LOSS, _USUAL_SLOPE = 0.4, 0.6  # LU lost per dB of peaks above the ceiling; LU won per dB of gain there
_LIFELESS = 0.3  # LU per dB: where more gain brings that little, the next stage is needed

Source = Callable[[], Iterator[arrays.Samples]]


@dataclass(frozen=True, slots=True)
class _Stage:
    """How hard loudness is pursued: from `over_db` on (peaks above the ceiling), a faster release and a soft clipper
    `clip_db` above the ceiling, which rounds the peaks that would duck everything else."""

    over_db: float
    release_ms: float
    clip_db: float = math.inf


_STAGES = (
    _Stage(-math.inf, 120.0), _Stage(5.0, 60.0), _Stage(7.5, 60.0, 5.0), _Stage(11.0, 40.0, 3.0),
    _Stage(16.0, 25.0, 1.5), _Stage(22.0, 25.0, 0.5),
)  # fmt: skip


class Level:
    """`source` yields the same stereo blocks each time it is called; `wanted` in LUFS."""

    def __init__(self, source: Source, rate: int, wanted: float) -> None:
        self._source, self._rate, self._wanted = source, rate, wanted
        self._gain, self._stage, self._ceiling = 0.0, _STAGES[0], _AIM

    def search(self, report: Callable[[float], None]) -> None:
        """By secants on (gain, loudness), one pass over the sound each."""
        meter, peak = loudness.LoudnessMeter(self._rate, 2), truepeak.TruePeakMeter(self._rate, 2)
        for block in self._source():
            meter.add(block)
            peak.add(block)
        self._gain = self._wanted - meter.integrated
        over = peak.peak + self._gain - self._ceiling
        self._stage = [stage for stage in _STAGES if over > stage.over_db][-1]
        if over <= 0:
            return
        self._gain += _USUAL_LOSS * over
        tried: tuple[float, float] | None = None
        found, best = (self._gain, self._stage), math.inf
        for attempt in range(_ATTEMPTS):
            reached = self._limited_loudness()
            report((attempt + 1) / _ATTEMPTS)
            miss = self._wanted - reached
            if abs(miss) < best:
                found, best = (self._gain, self._stage), abs(miss)
            if best < GOOD:
                break
            slope = (reached - tried[1]) / (self._gain - tried[0]) if tried else 1.0
            if miss > 0 and slope < _LIFELESS and self._stage is not _STAGES[-1]:
                self._stage, tried = _STAGES[_STAGES.index(self._stage) + 1], None
                continue
            step = miss / min(1.2, max(_LIFELESS, slope if tried else _USUAL_SLOPE))
            tried = self._gain, reached
            if self._gain >= _MOST_GAIN and step > 0:
                break
            self._gain = min(_MOST_GAIN, self._gain + step)
        self._gain, self._stage = found

    def write(self, target: str, format: encoder.WriteFormat) -> None:
        with codecs.Writer(target, format, self._rate, 2) as writer:
            for block in self._limited():
                writer.write(block)

    def lower(self, true_peak: float) -> None:
        """Makes room for what a lossy format has added: `true_peak` is that of the file that was written."""
        self._ceiling -= true_peak - CEILING + 0.05

    def describe(self) -> dict[str, Any]:
        clip = None if math.isinf(self._stage.clip_db) else self._stage.clip_db
        return {
            "gain": round(self._gain, 2),
            "softClipper": None if clip is None else {"aboveCeiling": clip},
            "limiter": {"ceiling": round(self._ceiling, 2), "releaseMs": self._stage.release_ms},
        }

    def _limited(self) -> Iterator[arrays.Samples]:
        stage = limiter.Limiter(self._rate, 2, self._ceiling, release_ms=self._stage.release_ms)
        for block in self._driven():
            yield stage.process(block)
        yield stage.flush()

    def _driven(self) -> Iterator[arrays.Samples]:
        factor = np.float32(10 ** (self._gain / 20))
        louder = (block * factor for block in self._source())
        if math.isinf(self._stage.clip_db):
            return louder
        return clipper.rounded(louder, self._rate, 10 ** ((self._ceiling + self._stage.clip_db) / 20))

    def _limited_loudness(self) -> float:
        meter = loudness.LoudnessMeter(self._rate, 2)
        for block in self._limited():
            meter.add(block)
        return meter.integrated
