"""Equalisers and filters, applied through the spectrum: exact responses of the usual biquads, no loop over samples."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio.filters import Band
from dawg_server.music.sound.tone import Samples

Response = NDArray[np.complex64]

RING = 4096  # frames of padding in which a filter may ring out


def fast_length(frames: int) -> int:
    """The next length whose only prime factors are 2, 3 and 5."""
    best = 1 << max(0, frames - 1).bit_length()
    for fives in (1, 5, 25):
        for threes in (1, 3, 9):
            odd = fives * threes
            size = odd << max(0, -(-frames // odd) - 1).bit_length()
            best = min(best, size)
    return best


def _usual_length(frames: int) -> int:
    """Of few lengths, so that the responses of the same filter are known already for most sounds."""
    power = 1 << max(0, frames - 1).bit_length()
    return 3 * power // 4 if frames <= 3 * power // 4 else power


def shape(samples: Samples, rate: int, *bands: Band) -> Samples:
    """Filters a whole sound, (frames,) or (frames, channels)."""
    return next(bank(samples, rate, bands))


def bank(samples: Samples, rate: int, *filters: tuple[Band, ...]) -> Iterator[Samples]:
    """The sound through each of some filters, for one transform of it."""
    size = _usual_length(len(samples) + RING)
    spectrum = np.fft.rfft(samples, size, axis=0)
    for bands in filters:
        gain = response(bands, size, rate)
        yield np.fft.irfft(spectrum * (gain if samples.ndim == 1 else gain[:, None]), size, axis=0)[: len(samples)]


@lru_cache(maxsize=24)
def response(bands: tuple[Band, ...], size: int, rate: int) -> Response:
    """The bands' product at the bins of a real transform of `size` points."""
    z = unit_circle(size)
    above, below = np.ones_like(z), np.ones_like(z)
    for band in bands:
        section = band.section(rate)
        above *= section.b0 + z * (section.b1 + z * section.b2)
        below *= 1 + z * (section.a1 + z * section.a2)
    out: Response = (above / below).astype(np.complex64)
    return out


@lru_cache(maxsize=4)
def unit_circle(size: int) -> NDArray[np.complex128]:
    """One sample of delay at the bins of a real transform of `size` points."""
    circle: NDArray[np.complex128] = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    return circle
