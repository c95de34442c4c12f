"""The short-time Fourier transform of a stream and its inverse, in chunks of frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from dawg_server.audio import arrays

Spectra = npt.NDArray[np.complex64]
"""(channels, frames, bins)"""

_WINDOW_AT_48K = 4_096  # samples


def window_size(rate: int) -> int:
    """About 90 ms at any rate, a power of two."""
    size = _WINDOW_AT_48K
    while size * 48_000 < _WINDOW_AT_48K * rate:
        size *= 2
    while size * 48_000 >= 2 * _WINDOW_AT_48K * rate:
        size //= 2
    return size


class Transform:
    """Root-Hann windows of `size` samples, `hop` apart, for analysis and for synthesis: what is not altered comes back
    as it was."""

    def __init__(self, size: int, hop: int, channels: int) -> None:
        self.size, self.hop, self._channels = size, hop, channels
        self._window = np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)
        self._scale = np.float32(2 * hop / size)

    def forward(self, blocks: Iterable[arrays.Samples]) -> Iterator[Spectra]:
        """All frames of the stream; the first is half a hop short of being outside."""
        kept = np.zeros((self._channels, self.size - self.hop), np.float32)
        for block in blocks:
            kept = np.concatenate((kept, block.T), axis=1)
            if kept.shape[1] >= self.size:
                frames, kept = self._framed(kept)
                yield frames
        yield self._framed(np.concatenate((kept, np.zeros((self._channels, self.size), np.float32)), axis=1))[0]

    def _framed(self, samples: npt.NDArray[np.float32]) -> tuple[Spectra, npt.NDArray[np.float32]]:
        count = (samples.shape[1] - self.size) // self.hop + 1
        views = np.lib.stride_tricks.sliding_window_view(samples, self.size, axis=1)[:, : count * self.hop : self.hop]
        spectra = np.fft.rfft(views * self._window, axis=2).astype(np.complex64, copy=False)
        return spectra, samples[:, count * self.hop :].copy()

    def backward(self) -> Backward:
        return Backward(self.size, self.hop, self._channels, self._window * self._scale)


class Backward:
    """Overlap and add; the samples of chunk after chunk, as many as went into `forward` and a little silence."""

    def __init__(self, size: int, hop: int, channels: int, window: npt.NDArray[np.float32]) -> None:
        self._size, self._hop, self._window = size, hop, window
        self._open = np.zeros((channels, size - hop), np.float32)
        self._lead = size - hop  # samples before the stream's first

    def add(self, spectra: Spectra) -> arrays.Samples:
        frames = np.fft.irfft(spectra, self._size, axis=2).astype(np.float32, copy=False) * self._window
        channels, count = frames.shape[:2]
        total = np.zeros((channels, self._open.shape[1] + count * self._hop), np.float32)
        total[:, : self._open.shape[1]] = self._open
        for start in range(0, self._size, self._hop):  # one stretch of all frames at a time
            part = frames[:, :, start : start + self._hop].reshape(channels, -1)
            total[:, start : start + part.shape[1]] += part
        ready = count * self._hop
        self._open = total[:, ready:]
        dropped = min(self._lead, ready)
        self._lead -= dropped
        return np.ascontiguousarray(total[:, dropped:ready].T)
