"""Equalisers and filters, applied through the spectrum: exact responses of the usual biquads, no loop over samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dawg_server.music.sound.tone import Samples

Response = NDArray[np.complex64]

RING = 4096  # frames of padding in which a filter may ring out


@dataclass(frozen=True, slots=True)
class Band:
    """One biquad: lowpass, highpass, bandpass, peak, lowshelf or highshelf; Hz, Q and dB."""

    kind: str
    frequency: float
    q: float = 0.7071
    gain_db: float = 0.0


def fast_length(frames: int) -> int:
    """The next length whose only prime factors are 2, 3 and 5."""
    best = 1 << max(0, frames - 1).bit_length()
    for fives in (1, 5, 25):
        for threes in (1, 3, 9):
            odd = fives * threes
            size = odd << max(0, -(-frames // odd) - 1).bit_length()
            best = min(best, size)
    return best


def shape(samples: Samples, rate: int, *bands: Band) -> Samples:
    """Filters a whole sound, (frames,) or (frames, channels)."""
    return next(bank(samples, rate, bands))


def bank(samples: Samples, rate: int, *filters: tuple[Band, ...]) -> Iterator[Samples]:
    """The sound through each of some filters, for one transform of it."""
    size = fast_length(len(samples) + RING)
    spectrum = np.fft.rfft(samples, size, axis=0)
    for bands in filters:
        gain = response(bands, size, rate)
        yield np.fft.irfft(spectrum * (gain if samples.ndim == 1 else gain[:, None]), size, axis=0)[: len(samples)]


@lru_cache(maxsize=64)
def response(bands: tuple[Band, ...], size: int, rate: int) -> Response:
    """The bands' product at the bins of a real transform of `size` points."""
    z = unit_circle(size)
    above, below = np.ones_like(z), np.ones_like(z)
    for band in bands:
        b, a = coefficients(band, rate)
        above *= b[0] + z * (b[1] + z * b[2])
        below *= a[0] + z * (a[1] + z * a[2])
    out: Response = (above / below).astype(np.complex64)
    return out


@lru_cache(maxsize=8)
def unit_circle(size: int) -> NDArray[np.complex128]:
    """One sample of delay at the bins of a real transform of `size` points."""
    circle: NDArray[np.complex128] = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    return circle


def coefficients(band: Band, rate: int) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Numerator and denominator: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"."""
    w = 2 * np.pi * min(band.frequency, 0.47 * rate) / rate
    cos, alpha = float(np.cos(w)), float(np.sin(w) / (2 * band.q))
    a = 10 ** (band.gain_db / 40)
    if band.kind == "lowpass":
        return ((1 - cos) / 2, 1 - cos, (1 - cos) / 2), (1 + alpha, -2 * cos, 1 - alpha)
    if band.kind == "highpass":
        return ((1 + cos) / 2, -(1 + cos), (1 + cos) / 2), (1 + alpha, -2 * cos, 1 - alpha)
    if band.kind == "bandpass":
        return (alpha, 0.0, -alpha), (1 + alpha, -2 * cos, 1 - alpha)
    if band.kind == "peak":
        return (1 + alpha * a, -2 * cos, 1 - alpha * a), (1 + alpha / a, -2 * cos, 1 - alpha / a)
    slope = 2 * a**0.5 * alpha
    sign = 1.0 if band.kind == "lowshelf" else -1.0
    cos *= sign
    plus, minus = a + 1, a - 1
    return (
        (a * (plus - minus * cos + slope), 2 * a * sign * (minus - plus * cos), a * (plus - minus * cos - slope)),
        (plus + minus * cos + slope, -2 * sign * (minus + plus * cos), plus + minus * cos - slope),
    )
