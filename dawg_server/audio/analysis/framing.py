"""From blocks of audio to overlapping frames at a fixed rate, without ever holding the whole signal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Resampler:
    """Streams mono audio from one sample rate to another; passes it through when they are equal."""

    def __init__(self, rate: int, target: int) -> None:
        self._stream = None
        if rate != target:
            import soxr  # type: ignore[import-untyped]  # only worker processes pay for it

            self._stream = soxr.ResampleStream(rate, target, 1, dtype="float32", quality="MQ")

    def push(self, mono: Floats, last: bool = False) -> Floats:
        if self._stream is None:
            return mono
        return np.asarray(self._stream.resample_chunk(mono, last), dtype=np.float32)


class Framer:
    """Cuts a stream into frames of `size` samples, `hop` apart, frame i centred on sample i * hop."""

    def __init__(self, size: int, hop: int) -> None:
        self._size, self._hop = size, hop
        self._kept: Floats = np.zeros(size // 2, np.float32)

    def push(self, mono: Floats) -> Floats:
        """The frames that are complete now, (frames, size), as a read-only view."""
        self._kept = np.concatenate((self._kept, mono))
        count = max(0, (len(self._kept) - self._size) // self._hop + 1)
        if count == 0:
            return np.zeros((0, self._size), np.float32)
        whole = self._kept[: (count - 1) * self._hop + self._size]
        self._kept = self._kept[count * self._hop :]
        return np.lib.stride_tricks.sliding_window_view(whole, self._size)[:: self._hop]

    def finish(self) -> Floats:
        """The last frames, filled up with silence."""
        return self.push(np.zeros(self._size // 2, np.float32))
