"""One room for a whole mix: convolution, block by block (overlap and add)."""

from __future__ import annotations

import numpy as np

from dawg_server.audio import arrays
from dawg_server.music.sound import space

_SECONDS = 1.1  # until the room is 60 dB down
_SEED = 29


class Room:
    """Blocks of `frames` frames, `(frames, 2)`; only the room comes out."""

    def __init__(self, rate: int, frames: int) -> None:
        self._frames = frames
        impulse = space.impulse(rate, _SEED, _SECONDS, 1.0)
        self._size = 1 << (frames + len(impulse) - 1).bit_length()
        self._spectrum = np.fft.rfft(impulse, self._size, axis=0)
        self._ringing = np.zeros((self._size - frames, 2))

    def process(self, block: arrays.Samples) -> arrays.Samples:
        wet = np.fft.irfft(np.fft.rfft(block, self._size, axis=0) * self._spectrum, self._size, axis=0)
        wet[: len(self._ringing)] += self._ringing
        self._ringing = wet[self._frames :]
        ready: arrays.Samples = wet[: self._frames].astype(np.float32)
        return ready
