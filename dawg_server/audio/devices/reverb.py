"""The reverb: convolution with a room that is made from noise."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from dawg_server.audio import arrays, filters
from dawg_server.audio.devices.base import Device, Setup, Values, mixed

PARTITION = 16_384  # frames
SEEDS = (1, 2)  # of the noise left and right
SPLIT = 3_000.0  # Hz; `damping` is about what lies above


def noise(seed: int, count: int) -> arrays.Doubles:
    """-1..1 by mulberry32 (T. Ettinger, 2017, public domain), one 32-bit number for each frame."""
    state = (seed + 0x6D2B79F5 * np.arange(1, count + 1, dtype=np.uint64)) & 0xFFFFFFFF
    state = state.astype(np.uint32)
    mixed = (state ^ (state >> np.uint32(15))) * (state | np.uint32(1))
    mixed ^= mixed + (mixed ^ (mixed >> np.uint32(7))) * (mixed | np.uint32(61))
    found: arrays.Doubles = (mixed ^ (mixed >> np.uint32(14))) / 2147483648.0 - 1.0
    return found


@functools.lru_cache(maxsize=4)
def impulse(rate: int, decay: float, damping: float) -> arrays.Samples:
    """The room alone, float32 `(frames, 2)`: as long as `decay`."""
    count = max(2, round(decay * rate))
    time = np.arange(count) / rate
    white = np.stack([noise(seed, count) for seed in SEEDS], axis=1)
    dark = filters.Cascade([filters.low_pass(rate, SPLIT)], 2).process(white)
    fall = np.log(1000.0) / decay
    room = dark * np.exp(-fall * time)[:, None]
    room += (white - dark) * np.exp(-fall / (1 - 0.9 * damping) * time)[:, None]
    found: arrays.Samples = (room / np.sqrt(np.square(room).sum(axis=0))).astype(np.float32)
    return found


class Reverb(Device):
    """Convolution, as Web Audio's ConvolverNode with `normalize: false`, with this room, for the sides c = 0, 1 apart:

        w = mulberry32 noise with the seed c + 1, 2 n / 2^32 - 1 for each 32-bit number n; round(decay rate) frames
        dark = lowpass(w) at 3000 Hz with q 0.7071, from silence
        h[n] = dark[n] e^(-a t) + (w[n] - dark[n]) e^(-a t / (1 - 0.9 damping)),  t = n / rate, a = ln(1000) / decay
        h /= sqrt(sum of h^2)

    `preDelay` moves it by whole frames (rounded). What comes out goes through a highpass at `lowCut` and a lowpass at
    `highCut`, q 0.7071 each, then through `width` as in the stereo width. `mix` blends: `in (1 - mix) + wet mix`.
    J. Moorer, "About this reverberation business", Computer Music Journal 3 (1979), for noise as a room.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        values = setup.parameters
        room = impulse(setup.rate, float(values["decay"]), float(values["damping"]))
        late = round(values["preDelay"] / 1000 * setup.rate)
        self._room = Convolver(np.concatenate((np.zeros((late, 2), np.float32), room)))
        self._tone = filters.Cascade(
            [
                filters.high_pass(setup.rate, values["lowCut"]),
                filters.design("low pass", setup.rate, values["highCut"], 0, filters.BUTTERWORTH_Q),
            ],
            2,
        )

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        wet = self._tone.process(self._room.process(block))
        width = values["width"]
        if isinstance(width, np.ndarray) or width != 1:
            middle, sides = (wet[:, 0] + wet[:, 1]) / 2, (wet[:, 0] - wet[:, 1]) * (np.float32(0.5) * width)
            wet = np.stack((middle + sides, middle - sides), axis=1).astype(np.float32)
        return mixed(block, wet, values["mix"])


class Convolver:
    """A stereo stream through a stereo impulse response, in partitions of one size (overlap and save; W. Gardner,
    "Efficient convolution without input-output delay", JAES 43, 1995, section 1)."""

    def __init__(self, response: arrays.Samples) -> None:
        count = -(-len(response) // PARTITION)
        padded = np.zeros((count * PARTITION, 2), np.float32)
        padded[: len(response)] = response
        parts = padded.reshape(count, PARTITION, 2).transpose(0, 2, 1)
        self._responses = np.fft.rfft(parts, 2 * PARTITION)  # (partitions, sides, bins)
        self._spectra = np.zeros_like(self._responses)  # of complete partitions, the newest first
        self._older = np.zeros_like(self._responses[0])  # what they add to the open partition
        self._open = np.zeros((2, 2 * PARTITION), np.float32)  # the partition before, and the open one
        self._filled = 0
        self._ringing = 0  # complete partitions that still sound

    def process(self, block: arrays.Samples) -> arrays.Samples:
        out = np.empty_like(block)
        done = 0
        while done < len(block):
            count = min(PARTITION - self._filled, len(block) - done)
            out[done : done + count] = self._part(block[done : done + count])
            done += count
        return out

    def _part(self, fresh: arrays.Samples) -> arrays.Samples:
        begin = PARTITION + self._filled
        end = begin + len(fresh)
        self._open[:, begin:end] = fresh.T
        self._filled += len(fresh)
        if not self._ringing and not self._open.any():
            heard: npt.NDArray[Any] = np.zeros((2, len(fresh)), np.float32)
            spectrum = None
        else:
            spectrum = np.fft.rfft(self._open)
            heard = np.fft.irfft(spectrum * self._responses[0] + self._older)[:, begin:end]
        if self._filled == PARTITION:
            self._turn(spectrum)
        ready: arrays.Samples = np.ascontiguousarray(heard.T, dtype=np.float32)
        return ready

    def _turn(self, spectrum: npt.NDArray[Any] | None) -> None:
        self._spectra = np.roll(self._spectra, 1, axis=0)
        self._spectra[0] = 0 if spectrum is None else spectrum
        self._ringing = len(self._spectra) if spectrum is not None else max(0, self._ringing - 1)
        self._older = np.zeros_like(self._older)
        for number in range(1, len(self._responses)):
            self._older += self._spectra[number - 1] * self._responses[number]
        self._open[:, :PARTITION] = self._open[:, PARTITION:]
        self._open[:, PARTITION:] = 0
        self._filled = 0
