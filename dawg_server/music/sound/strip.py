"""The linear half of a channel strip, streaming: equaliser, mono lows and room in one pass through the spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio import loudness
from dawg_server.audio.filters import Band
from dawg_server.music.sound import filters
from dawg_server.music.sound.tone import Samples

MONO_BELOW = 120.0  # Hz: lows without width survive clubs, telephones and vinyl


class ChannelStrip:
    """Filters blocks of equal length by overlap-add; what rings on reaches into the next blocks."""

    def __init__(self, rate: int, block: int, bands: tuple[Band, ...], impulse: Samples | None = None) -> None:
        """`impulse`: (frames, 2), the room's answer left and right to what is sent to it."""
        ring = max(filters.RING, 0 if impulse is None else len(impulse))
        self._block = block
        self._size = filters.fast_length(block + ring)
        self._middle = filters.response(bands, self._size, rate) * np.float32(0.5)  # of the sum of both channels
        self._side = self._middle * filters.response((Band("high pass", MONO_BELOW),), self._size, rate)
        self._room = None
        if impulse is not None:
            answers = (np.fft.rfft(impulse[:, channel].astype(np.float32), self._size) for channel in (0, 1))
            self._room = [answer * (self._middle * np.float32(2)) for answer in answers]
        self._weight = _k_power(self._size, rate)
        self._carried = np.zeros((self._size - block, 2), np.float32)
        self._quiet = True

    def process(self, dry: Samples, wet: Samples | None, silent: bool) -> tuple[Samples, float]:
        """The block (frames, 2), and its K-weighted mean square summed over the channels (BS.1770-5, Annex 1)."""
        if silent:
            return self._ring_out()
        if np.array_equal(dry[:, 0], dry[:, 1]) and (self._room is None or wet is None):
            out, power = self._mono(dry[:, 0])
        else:
            out, power = self._stereo(dry, wet)
        out[: len(self._carried)] += self._carried
        self._carried = out[self._block :].copy()
        self._quiet = False
        return out[: self._block], power

    def _mono(self, dry: Samples) -> tuple[Samples, float]:
        spectrum = np.fft.rfft(dry, self._size)
        spectrum *= self._middle
        spectrum *= np.float32(2)
        return np.repeat(np.fft.irfft(spectrum, self._size)[:, None], 2, axis=1), 2 * self._power(spectrum)

    def _stereo(self, dry: Samples, wet: Samples | None) -> tuple[Samples, float]:
        left, right = (np.fft.rfft(dry[:, channel], self._size) for channel in (0, 1))
        middle, side = left + right, left - right
        middle *= self._middle
        side *= self._side
        np.add(middle, side, out=left)
        np.subtract(middle, side, out=right)
        if self._room is not None and wet is not None:
            sent = np.fft.rfft(wet, self._size)
            left += sent * self._room[0]
            right += sent * self._room[1]
        out = np.empty((self._size, 2), np.float32)
        for channel, spectrum in enumerate((left, right)):
            out[:, channel] = np.fft.irfft(spectrum, self._size)
        return out, self._power(left) + self._power(right)

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
    z = filters.unit_circle(size)
    power = np.full(z.size, 2.0 / size)
    for section in loudness.k_weighting(rate):
        above = section.b0 + z * (section.b1 + z * section.b2)
        power *= np.abs(above / (1 + z * (section.a1 + z * section.a2))) ** 2
    return power.astype(np.float32)
