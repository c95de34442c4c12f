"""Which part each spot of the spectrogram belongs to.

- Drums: hits are upright lines in the spectrogram, notes are level ones, so a median along frequency keeps the ones and
  a median along time the others (D. FitzGerald, "Harmonic/percussive separation using median filtering", DAFx 2010). In
  the bass, where a drum rings at one pitch, it is what rises above the median over a whole second.
- Bass: the level lines of the lowest octaves.
- Vocals: what both channels share alike in the range of the voice (panning similarity after C. Avendano and J.-M. Jot,
  "A frequency-domain approach to multichannel upmix", JAES 52, 2004), unless it stands still as accompaniments do. With
  one channel, only its movement tells a voice (after D. FitzGerald and M. Gainza, "Single channel vocal separation
  using median filtering and factorisation techniques", ISAST Transactions 4, 2010).
- Other: the rest.

The masks are soft (Wiener) and add up to one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dawg_server.audio.separation.spectra import Spectra

Mask = npt.NDArray[np.float32]
"""(frames, bins), 0..1"""

_SHORT, _LONG = 0.4, 0.95  # seconds of the two medians along time
_ACROSS_HZ = 180.0  # of the median along frequency
_DEEP_HZ = (110.0, 220.0)  # where the long median takes over for drums
_BASS_HZ = (150.0, 300.0)
_VOICE_HZ = (120.0, 200.0, 8_000.0, 11_000.0)
_UNLIKE = 0.6  # similarity of the channels from which on something begins to be in the middle
_TINY = np.float32(1e-12)


class Masks:
    """For frames of one transform. `wide`: whether the channels differ enough to tell where something is."""

    def __init__(self, rate: int, size: int, hop: int, wide: bool) -> None:
        hertz = np.fft.rfftfreq(size, 1 / rate).astype(np.float32)
        self._short, self._long = (_odd(seconds * rate / hop) for seconds in (_SHORT, _LONG))
        self._across = _odd(_ACROSS_HZ * size / rate)
        self._deep = _falling(hertz, *_DEEP_HZ)
        self._bass = _falling(hertz, *_BASS_HZ)
        self._voice = (1 - _falling(hertz, *_VOICE_HZ[:2])) * _falling(hertz, *_VOICE_HZ[2:])
        self._wide = wide

    @property
    def reach(self) -> int:
        """Frames needed on either side."""
        return self._long // 2

    def of(self, spectra: Spectra, heights: Mask) -> dict[str, Mask]:
        """`heights`: magnitudes with `reach` more frames on either side of `spectra`."""
        count = spectra.shape[1]
        here = heights[self.reach : self.reach + count]
        inner = self.reach - self._short // 2
        level = _median(heights[inner : inner + count + self._short - 1], self._short, 0)
        standing = _median(heights, self._long, 0)
        upright = _median(np.pad(here, ((0, 0), (self._across // 2,) * 2), mode="reflect"), self._across, 1)
        hits = _share(upright, level)
        struck = np.maximum(hits, _share(np.maximum(here - standing, 0), standing))
        drums = self._deep * struck + (1 - self._deep) * hits
        left = 1 - drums
        bass = left * self._bass
        if self._wide:
            moving = _share(here, standing)
            middle = np.square(_middle(spectra))
        else:
            moving, middle = _share(np.maximum(here - standing, 0), standing), np.ones_like(here)
        vocals = left * (1 - self._bass) * self._voice * moving * middle
        return {"drums": drums, "bass": bass, "vocals": vocals}


def heights(spectra: Spectra) -> Mask:
    """Magnitudes of all channels together."""
    power: Mask = (np.square(spectra.real) + np.square(spectra.imag)).sum(axis=0)
    return np.sqrt(power)


def _middle(spectra: Spectra) -> Mask:
    left, right = spectra
    shared: Mask = 2 * (left.real * right.real + left.imag * right.imag)
    power: Mask = np.square(np.abs(left)) + np.square(np.abs(right))
    alike = _smoothed(shared) / (_smoothed(power) + _TINY)
    result: Mask = np.clip((alike - _UNLIKE) / (1 - _UNLIKE), 0, 1)
    return result


def _smoothed(values: Mask) -> Mask:
    """The mean of three by three neighbours."""
    for axis in (0, 1):
        width = [(0, 0), (0, 0)]
        width[axis] = (1, 1)
        padded: Mask = np.pad(values, width, mode="edge")
        lines = values.shape[axis]
        first, second, third = (np.take(padded, range(shift, shift + lines), axis=axis) for shift in range(3))
        values = np.add(first + second, third, dtype=np.float32) * np.float32(1 / 3)
    return values


def _share(one: Mask, other: Mask) -> Mask:
    power = np.square(one)
    share: Mask = np.divide(power, power + np.square(other) + _TINY, dtype=np.float32)
    return share


def _median(values: Mask, width: int, axis: int) -> Mask:
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=axis)
    median: Mask = np.partition(windows, width // 2, axis=-1)[..., width // 2]
    return median


def _falling(hertz: Mask, full: float, none: float) -> Mask:
    falling: Mask = np.clip((none - hertz) / (none - full), 0, 1).astype(np.float32)
    return falling


def _odd(value: float) -> int:
    return max(3, 2 * round((value - 1) / 2) + 1)
