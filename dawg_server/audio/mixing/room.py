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
        self._spectrum = np.fft.rfft(impulse.T.astype(np.float32), self._size)
        self._ringing: arrays.Samples = np.zeros((2, self._size - frames), np.float32)

    def process(self, block: arrays.Samples) -> arrays.Samples:
        if not (block.any() or self._ringing.any()):
            return np.zeros(block.shape, np.float32)
        spectrum = np.fft.rfft(block.T, self._size) * self._spectrum
        wet: arrays.Samples = np.fft.irfft(spectrum, self._size).astype(np.float32, copy=False)
        wet[:, : self._ringing.shape[1]] += self._ringing
        self._ringing = wet[:, self._frames :]
        ready: arrays.Samples = np.ascontiguousarray(wet[:, : self._frames].T)
        return ready
