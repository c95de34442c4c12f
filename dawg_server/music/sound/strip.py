"""The linear half of a channel strip, streaming: equaliser, mono lows and room in one pass through the spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio import loudness
from dawg_server.music.sound import filters
from dawg_server.music.sound.filters import Band
from dawg_server.music.sound.tone import Samples

MONO_BELOW = 120.0  # Hz: lows without width survive clubs, telephones and vinyl


class Strip:
    """Filters blocks of equal length by overlap-add; what rings on reaches into the next blocks."""

    def __init__(self, rate: int, block: int, bands: tuple[Band, ...], impulse: Samples | None = None) -> None:
        """`impulse`: (frames, 2), the room's answer left and right to what is sent to it."""
        ring = max(filters.RING, 0 if impulse is None else len(impulse))
        self._block = block
        self._size = filters.fast_length(block + ring)
        self._middle = filters.response(bands, self._size, rate)
        self._side = self._middle * filters.response((Band("highpass", MONO_BELOW),), self._size, rate)
        self._room = None if impulse is None else np.fft.rfft(impulse.astype(np.float32), self._size, axis=0)
        if self._room is not None:
            self._room *= self._middle[:, None]
        self._weight = _k_power(self._size, rate)
        self._carried = np.zeros((self._size - block, 2), np.float32)
        self._quiet = True

    def process(self, dry: Samples, wet: Samples | None, silent: bool) -> tuple[Samples, float]:
        """The block (frames, 2), and its K-weighted mean square summed over the channels (BS.1770-5, Annex 1)."""
        if silent:
            return self._ring_out()
        sides = np.fft.rfft(dry, self._size, axis=0)
        middle = (sides[:, 0] + sides[:, 1]) * self._middle
        side = (sides[:, 0] - sides[:, 1]) * self._side
        sides[:, 0], sides[:, 1] = middle + side, middle - side
        sides *= np.float32(0.5)
        if self._room is not None and wet is not None:
            sides += np.fft.rfft(wet, self._size)[:, None] * self._room
        power = self._power(sides[:, 0]) + self._power(sides[:, 1])
        out: Samples = np.fft.irfft(sides, self._size, axis=0)
        out[: len(self._carried)] += self._carried
        self._carried = out[self._block :].copy()
        self._quiet = False
        return out[: self._block], power

    def _power(self, spectrum: NDArray[np.complexfloating[Any, Any]]) -> float:
        energy = spectrum.real**2
        energy += spectrum.imag**2
        energy *= self._weight
        return float(energy.sum()) / self._block

    def _ring_out(self) -> tuple[Samples, float]:
        out = np.zeros((self._block, 2), np.float32)
        if not self._quiet:
            length = min(self._block, len(self._carried))
            out[:length] = self._carried[:length]
            rest = np.zeros_like(self._carried)
            rest[: len(self._carried) - length] = self._carried[length:]
            self._carried = rest
            self._quiet = not rest.any()
        return out, 0.0


def _k_power(size: int, rate: int) -> Samples:
    """Weights that turn a squared spectrum into K-weighted energy (Parseval)."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    power = np.full(z.size, 2.0 / size)
    for section in loudness.k_weighting(rate):
        above = section.b0 + z * (section.b1 + z * section.b2)
        power *= np.abs(above / (1 + z * (section.a1 + z * section.a2))) ** 2
    return power.astype(np.float32)
