"""Finds the gain whose limited result has the loudness asked for.

The loudness after a limiter cannot be computed, so it is measured and the gain corrected until it fits. Of a long
recording a third is tried; what that promises is checked on the whole, which is tried itself if need be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dawg_server.audio import arrays, codecs, encoder, limiter, loudness, truepeak
from dawg_server.audio.mastering import chain

CEILING = -1.0  # dBTP
_AIM = -1.1  # dBTP; meters differ by as much
GOOD = 0.2  # LU at which the search ends
_ATTEMPTS = 6
_STRETCH = 3.0  # seconds
_SHARE = 1 / 3  # of the stretches, which are tried
_GOLDEN = (math.sqrt(5) - 1) / 2  # whose multiples fall in step with no music that repeats
_HONEST = 0.1  # LU by which the whole may miss its loudness more than the stretches did
_LONG = 48.0  # seconds; what is shorter is tried as a whole
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
    _Stage(-math.inf, 120.0),
    _Stage(5.0, 60.0),
    _Stage(7.5, 60.0, 5.0),
    _Stage(11.0, 40.0, 3.0),
    _Stage(16.0, 25.0, 1.5),
    _Stage(22.0, 25.0, 0.5),
)


class Level:
    """`source` yields the same stereo blocks each time it is called; `wanted` in LUFS."""

    def __init__(self, source: Source, rate: int, wanted: float) -> None:
        self._source, self._rate, self._wanted = source, rate, wanted
        self._gain, self._stage, self._ceiling = 0.0, _STAGES[0], _AIM
        self._begin = self._gain, self._stage
        self._promised: float | None = None  # LUFS, as the stretches tell; None when the whole has been tried

    def search(self, report: Callable[[float], None]) -> None:
        """By secants on (gain, loudness)."""
        meter, peak = loudness.LoudnessMeter(self._rate, 2), truepeak.TruePeakMeter(self._rate, 2)
        seconds = 0.0
        for block in self._source():
            meter.add(block)
            peak.add(block)
            seconds += len(block) / self._rate
        self._gain = self._wanted - meter.integrated
        over = peak.peak + self._gain - self._ceiling
        self._stage = [stage for stage in _STAGES if over > stage.over_db][-1]
        if over <= 0:
            return
        self._gain += _USUAL_LOSS * over
        self._begin = self._gain, self._stage
        if seconds >= _LONG:
            part = self._measured(self._stretches())
            if math.isfinite(part):
                self._try(self._stretches, meter.integrated - part, report)
                return
        self._try(self._source, 0.0, report)

    def _try(self, source: Source, offset: float, report: Callable[[float], None]) -> None:
        """`offset` LU lie between the loudness of this source and that of the whole."""
        self._gain, self._stage = self._begin
        tried: tuple[float, float] | None = None
        found, best = (self._gain, self._stage), math.inf
        for attempt in range(_ATTEMPTS):
            reached = self._measured(self._limited(source())) + offset
            report((attempt + 1) / _ATTEMPTS)
            miss = self._wanted - reached
            if abs(miss) < best:
                found, best = (self._gain, self._stage), abs(miss)
                self._promised = None if source is self._source else reached
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
        """Checks what the stretches have promised; when it does not hold, tries the whole and writes again."""
        meter = loudness.LoudnessMeter(self._rate, 2)
        with codecs.Writer(target, format, self._rate, 2) as writer:
            for block in self._limited(self._source()):
                writer.write(block)
                if self._promised is not None:
                    meter.add(block)
        if self._promised is None:
            return
        allowed = max(GOOD, abs(self._promised - self._wanted) + _HONEST)
        if abs(meter.integrated - self._wanted) > allowed:
            self._try(self._source, 0.0, lambda done: None)
            self.write(target, format)

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

    def _stretches(self) -> Iterator[arrays.Samples]:
        """A third of the sound, spread over all of it."""
        at = 0.0
        for block in self._source():
            if is_tried(at):
                yield block
            at += len(block) / self._rate

    def _limited(self, source: Iterator[arrays.Samples]) -> Iterator[arrays.Samples]:
        stage = limiter.Limiter(self._rate, 2, self._ceiling, release_ms=self._stage.release_ms)
        for block in self._driven(source):
            yield stage.process(block)
        yield stage.flush()

    def _driven(self, source: Iterator[arrays.Samples]) -> Iterator[arrays.Samples]:
        factor = np.float32(10 ** (self._gain / 20))
        louder = (block * factor for block in source)
        if math.isinf(self._stage.clip_db):
            return louder
        return chain.rounded(louder, self._rate, 10 ** ((self._ceiling + self._stage.clip_db) / 20))

    def _measured(self, blocks: Iterator[arrays.Samples]) -> float:
        meter = loudness.LoudnessMeter(self._rate, 2)
        for block in blocks:
            meter.add(block)
        return meter.integrated


def is_tried(second: float) -> bool:
    """Whether the stretch of a long recording in which this second lies is one that is tried."""
    return (int(second / _STRETCH) * _GOLDEN) % 1 < _SHARE
