"""What a player draws: true minima and maxima, measured once and kept small.

A file is summarised in 16,384 to 32,767 buckets of equally many frames (a power of two; shorter files keep every
frame), 16 bits for each extreme: at most 128 KiB, and less after compression. `part` groups whole buckets, so every
sample is counted in exactly one point, and no extreme is ever lost or averaged. For as little as 50 or as many as 8000
points the borders are off by half a bucket at most, which is less than a quarter of a point.

Only the builder needs numpy; `part` does without and takes 3 ms for 1000 points, 12 ms for 8000.
"""

from __future__ import annotations

import array
import functools
import itertools
import math
import struct
import sys
import zlib
from dataclasses import dataclass
from typing import Any

from dawg_server import errors

MIN_POINTS = 50
MAX_POINTS = 8000

_CAPACITY = 32_768  # buckets; when they are full, pairs are merged
_HEADER = struct.Struct("<4sQI")  # magic, frames, frames per bucket
_MAGIC = b"DWF1"
_FULL_SCALE = 32_768


class WaveformBuilder:
    """Reads a stream in blocks of any size; the result does not depend on them."""

    def __init__(self) -> None:
        import numpy as np

        self._lows = np.empty(_CAPACITY, np.float32)
        self._highs = np.empty(_CAPACITY, np.float32)
        self._filled = 0  # buckets
        self._bucket = 1  # frames
        self._open_frames = 0  # of the bucket that has begun
        self._open_low = self._open_high = 0.0
        self._frames = 0

    def add(self, block: Any) -> None:
        """`block`: float `(frames, channels)`; the extremes of all channels together are kept."""
        import numpy as np

        lanes = block.T
        lows, highs = functools.reduce(np.minimum, lanes), functools.reduce(np.maximum, lanes)
        self._frames += len(lows)
        while len(lows):
            room = (_CAPACITY - self._filled) * self._bucket - self._open_frames
            self._fill(lows[:room], highs[:room])
            lows, highs = lows[room:], highs[room:]
            if self._filled == _CAPACITY:
                self._merge()

    def to_bytes(self) -> bytes:
        """The pyramid that `part` reads."""
        import numpy as np

        count = self._filled + (1 if self._open_frames else 0)
        table = np.zeros((count, 2), np.float32)
        table[: self._filled, 0] = self._lows[: self._filled]
        table[: self._filled, 1] = self._highs[: self._filled]
        if self._open_frames:
            table[-1] = self._open_low, self._open_high
        steps = np.clip(np.rint(table * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2")
        return _HEADER.pack(_MAGIC, self._frames, self._bucket) + zlib.compress(steps.T.tobytes(), 6)

    def _fill(self, lows: Any, highs: Any) -> None:
        if self._open_frames:
            taken = min(self._bucket - self._open_frames, len(lows))
            self._open(lows[:taken], highs[:taken])
            lows, highs = lows[taken:], highs[taken:]
        whole = len(lows) // self._bucket
        end = self._filled + whole
        used = whole * self._bucket
        self._lows[self._filled : end] = lows[:used].reshape(whole, self._bucket).min(axis=1)
        self._highs[self._filled : end] = highs[:used].reshape(whole, self._bucket).max(axis=1)
        self._filled = end
        if len(lows) > used:
            self._open(lows[used:], highs[used:])

    def _open(self, lows: Any, highs: Any) -> None:
        low, high = float(lows.min()), float(highs.max())
        if self._open_frames:
            low, high = min(low, self._open_low), max(high, self._open_high)
        self._open_low, self._open_high = low, high
        self._open_frames += len(lows)
        if self._open_frames == self._bucket:
            self._lows[self._filled], self._highs[self._filled] = low, high
            self._filled += 1
            self._open_frames = 0

    def _merge(self) -> None:
        half = _CAPACITY // 2
        self._lows[:half] = self._lows.reshape(half, 2).min(axis=1)
        self._highs[:half] = self._highs.reshape(half, 2).max(axis=1)
        self._filled = half
        self._bucket *= 2


def frames(pyramid: bytes) -> int:
    """How many frames were measured: the exact length of the file at its own sample rate."""
    return _unpacked(pyramid)[0]


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """`peaks`: `[[min, max], ...]` over all channels, -1..1 to five digits, of the frames from `start` to before `end`,
    which lie at the borders of buckets."""

    peaks: list[list[float]]
    start: int
    end: int


def part(pyramid: bytes, points: int = 1000, start: float = 0.0, end: float = math.inf) -> DrawnPart:
    """At most `points` (50..8000) of the frames from `start` to `end`, and of what else is in their buckets.

    Fewer only when there are fewer buckets in it. Raises errors.ValidationError for another number of points, and for a
    part that has no frames.
    """
    if not MIN_POINTS <= points <= MAX_POINTS:
        raise errors.ValidationError(
            f"A waveform has {MIN_POINTS} to {MAX_POINTS} points.",
            details={"points": f"has to lie between {MIN_POINTS} and {MAX_POINTS}"},
        )
    total, bucket = _unpacked(pyramid)
    extremes = array.array("h", zlib.decompress(pyramid[_HEADER.size :]))
    if sys.byteorder == "big":
        extremes.byteswap()
    count = len(extremes) // 2
    lows, highs = extremes[:count], extremes[count:]
    if not 0 <= start < min(end, total or 1):
        raise errors.ValidationError("There is nothing between start and end.", details={"start": "has to come before"})
    first, last = int(start // bucket), min(math.ceil(min(end, total) / bucket), count)
    wanted = min(points, last - first)
    frames = min(last * bucket, total) - first * bucket
    borders = [min(first + round(point * frames / (wanted * bucket)), last) for point in range(wanted)] + [last]
    drawn = [
        [round(min(lows[low:high]) / _FULL_SCALE, 5), round(max(highs[low:high]) / _FULL_SCALE, 5)]
        for low, high in itertools.pairwise(borders)
    ]
    return DrawnPart(drawn, first * bucket, first * bucket + frames)


def _unpacked(pyramid: bytes) -> tuple[int, int]:
    magic, total, bucket = _HEADER.unpack_from(pyramid)
    if magic != _MAGIC:
        raise ValueError("these bytes are no waveform")
    return total, bucket
