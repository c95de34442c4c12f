"""A look-ahead limiter on the true peak: nothing leaves it above the ceiling, also between the samples.

The gain that each frame needs is held over the look-ahead window (a sliding minimum), let go exponentially in
decibels, and smoothed by two moving averages that together fill the window. Every average is taken over values that
already satisfy the frame in question, so the smoothed gain does too: no overshoot and no clipping. All of this happens
once per few frames, whose greatest need counts; in between the gain goes straight from one value to the next, both of
which satisfy them.
All channels share one gain, which keeps the stereo image in place.
"""

from __future__ import annotations

import math

import numpy as np

from dawg_server.audio import arrays, truepeak

_FACTOR = 8  # oversampling of the detector; four-fold would miss up to 0.5 dB of a tone near half the sample rate
STEP = 4  # frames per value of gain
_CHUNK = 16_384  # frames worked on at once, whatever the caller's blocks: the result never depends on them
_MARGIN_DB = 0.05  # for what lies between the detector's points
_INAUDIBLE_DB = 1e-3  # a smaller reduction ends, so that quiet passages return to exactly 0 dB


class Limiter:
    """Streaming; what comes out is as long as what went in: `process` holds frames back and `flush` returns them.

    Below the ceiling the samples come out bit by bit as they went in.
    """

    _waiting: arrays.Samples
    _delayed: arrays.Samples
    _last_gap: arrays.Samples
    _last_gain: float
    _needs: arrays.Doubles
    _smoothed: tuple[arrays.Doubles, arrays.Doubles]

    def __init__(
        self,
        rate: int,
        channels: int,
        ceiling_db: float = -1.0,
        lookahead_ms: float = 4.0,
        release_ms: float = 120.0,
        chunk: int = _CHUNK,
    ) -> None:
        """`ceiling_db` in dBTP; `release_ms` is the time in which a reduction falls to 37 % of its decibels; each
        call works on whole chunks of `chunk` frames, a multiple of `STEP`."""
        self._chunk = chunk
        self._channels = channels
        self._ceiling = 10 ** ((ceiling_db - _MARGIN_DB) / 20)
        self._half = max(4, round(rate * lookahead_ms / 2000 / STEP))  # steps
        self._reach = 2 * self._half - 1  # steps; both averages of `half` values together, and one to come from
        self._decay = -1000 * STEP / (release_ms * rate)  # natural logarithm of the factor per step
        self._delay = truepeak.HALF + self._reach * STEP  # frames held back
        self._interpolator = truepeak.Interpolator(_FACTOR)
        self._reset()

    def process(self, block: arrays.Samples) -> arrays.Samples:
        """`block`: float32 `(frames, channels)` of any length; returns what is ready, possibly nothing."""
        self._waiting = np.concatenate((self._waiting, arrays.as_frames(block, self._channels)))
        ready = len(self._waiting) // self._chunk * self._chunk
        chunks, self._waiting = self._waiting[:ready], self._waiting[ready:].copy()
        return self._joined([self._limit(chunks[start : start + _CHUNK]) for start in range(0, ready, _CHUNK)])

    @property
    def latency(self) -> int:
        """Frames that `process` holds back, besides those of an incomplete chunk."""
        return self._delay

    def flush(self) -> arrays.Samples:
        """The frames held back; afterwards the limiter is as new."""
        rest = len(self._waiting) + self._delay
        ending = np.zeros((-(-rest // STEP) * STEP, self._channels), np.float32)
        ending[: len(self._waiting)] = self._waiting
        due = rest - self._lead
        last = self._joined([self._limit(ending)])[:due]
        self._reset()
        return last

    def _reset(self) -> None:
        self._waiting = np.zeros((0, self._channels), np.float32)
        self._delayed = np.zeros((max(self._delay, 2 * truepeak.HALF - 1), self._channels), np.float32)
        self._lead = self._delay  # frames of silence still to be dropped: they only filled the delay
        self._last_gap = np.zeros(1, np.float32)
        self._last_gain = 1.0
        self._needs = np.zeros(self._reach)  # dB, the last values before the sliding maximum
        self._reduction = 0.0  # dB, the last value of the release
        self._smoothed = np.zeros(self._half - 1), np.zeros(self._half - 1)  # dB, before each average

    def _joined(self, parts: list[arrays.Samples]) -> arrays.Samples:
        ready = np.concatenate([np.zeros((0, self._channels), np.float32), *parts])
        dropped = min(self._lead, len(ready))
        self._lead -= dropped
        return ready[dropped:]

    def _limit(self, fresh: arrays.Samples) -> arrays.Samples:
        if not len(fresh):
            return fresh
        known = np.concatenate((self._delayed, fresh))
        self._delayed = known[len(fresh) :]
        needs = np.concatenate((self._needs, self._needed(known[-len(fresh) - 2 * truepeak.HALF + 1 :])))
        self._needs = needs[-self._reach :]
        leaving = known[-len(fresh) - self._delay :][: len(fresh)]
        quiet = self._last_gain == 1 and not self._reduction
        if quiet and not (needs.any() or self._smoothed[0].any() or self._smoothed[1].any()):
            return leaving
        reduction = released(sliding_maximum(needs, self._reach + 1), self._decay, self._reduction)
        reduction[reduction < _INAUDIBLE_DB] = 0.0
        self._reduction = float(reduction[-1])
        first, second = self._smoothed
        once = _moving_average(np.concatenate((first, reduction)), self._half)
        twice = _moving_average(np.concatenate((second, once)), self._half)
        self._smoothed = _last(first, reduction), _last(second, once)
        gains = np.concatenate(([self._last_gain], np.exp(twice * (-math.log(10) / 20))))
        self._last_gain = float(gains[-1])
        ramps = gains[:-1, np.newaxis] + np.diff(gains)[:, np.newaxis] * (np.arange(STEP) / STEP)
        limited: arrays.Samples = leaving * ramps.reshape(-1, 1).astype(np.float32)
        return limited

    def _needed(self, known: arrays.Samples) -> arrays.Doubles:
        """Decibels over the ceiling around the frames of each step, for those whose neighbourhood is complete."""
        count = len(known) - 2 * truepeak.HALF + 1
        heights = np.maximum.reduce([np.abs(lane) for lane in known.T])
        if float(heights.max()) * self._interpolator.highest_gain <= self._ceiling:
            self._last_gap = np.zeros(1, np.float32)
            return np.zeros(count // STEP)
        gaps = np.maximum.reduce([self._interpolator.gaps(np.ascontiguousarray(lane)) for lane in known.T])
        before = np.concatenate((self._last_gap, gaps[:-1]))
        self._last_gap = gaps[-1:]
        middle = truepeak.HALF - 1
        heights = np.maximum(np.maximum(before, gaps), heights[middle : middle + count])
        highest = np.maximum.reduce([heights[frame::STEP] for frame in range(STEP)])
        over = highest > self._ceiling
        needed = np.zeros(len(highest))
        needed[over] = 20 * np.log10(highest[over] / self._ceiling)
        return needed


def released(held: arrays.Doubles, decay: float, before: float = 0.0) -> arrays.Doubles:
    """`r[n] = max(held[n], r[n - 1] * exp(decay))`, which is a running maximum once written in logarithms."""
    with np.errstate(divide="ignore"):  # the logarithm of no reduction is -inf, which is meant
        levels = np.log(np.concatenate(([before], held)))
    fall = decay * np.arange(len(levels))
    found: arrays.Doubles = np.exp(np.maximum.accumulate(levels - fall) + fall)[1:]
    return found


def sliding_maximum(values: arrays.Doubles, width: int) -> arrays.Doubles:
    """The maximum of each window of `width` values (van Herk, 1992): three passes, whatever the width."""
    count = len(values) - width + 1
    rows = -(-len(values) // width)
    padded = np.zeros(rows * width)
    padded[: len(values)] = values
    table = padded.reshape(rows, width)
    forward = np.maximum.accumulate(table, axis=1).reshape(-1)
    backward = np.maximum.accumulate(table[:, ::-1], axis=1)[:, ::-1].reshape(-1)
    highest: arrays.Doubles = np.maximum(backward[:count], forward[width - 1 : width - 1 + count])
    return highest


def _moving_average(values: arrays.Doubles, width: int) -> arrays.Doubles:
    total = np.cumsum(np.concatenate(([0.0], values)))
    averages: arrays.Doubles = (total[width:] - total[:-width]) / width
    return averages


def _last(history: arrays.Doubles, fresh: arrays.Doubles) -> arrays.Doubles:
    """The newest values, as many as `history` holds."""
    return np.concatenate((history, fresh))[len(fresh) :]
