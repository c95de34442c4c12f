"""A pitch track of the most periodic sound: what a lone voice or instrument sings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dawg_server.audio.analysis import framing
from dawg_server.audio.analysis.framing import Floats

WINDOW = 512  # samples integrated, 46 ms at 11.025 kHz
HOP = 220  # 20 ms
LOW_HZ, HIGH_HZ = 70.0, 1_000.0
VOICED_DIP = 0.2  # cumulative mean normalised difference below which a frame is periodic


@dataclass(frozen=True)
class PitchFrames:
    """Per 20 ms: `frequency` in Hz (0 = not periodic), `periodicity` 0..1 and `rms`."""

    frequency: Floats
    periodicity: Floats
    rms: Floats
    step: float


class Tracker:
    """YIN without its last two refinements (de Cheveigné & Kawahara 2002, steps 1 to 5)."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._longest, self._shortest = int(rate / LOW_HZ) + 1, int(rate / HIGH_HZ)
        self._size = WINDOW + self._longest
        self._framer = framing.Framer(self._size, HOP)
        self._found: list[Floats] = []

    def push(self, mono: Floats) -> None:
        self._take(self._framer.push(mono))

    def finish(self) -> PitchFrames:
        self._take(self._framer.finish())
        table = np.concatenate(self._found) if self._found else np.zeros((0, 3), np.float32)
        return PitchFrames(table[:, 0], table[:, 1], table[:, 2], HOP / self._rate)

    def _take(self, frames: Floats) -> None:
        if not len(frames):
            return
        lags = self._longest
        size = 1 << (self._size - 1).bit_length()
        spectrum = np.fft.rfft(frames, size, axis=1)
        head = np.fft.rfft(frames[:, :WINDOW], size, axis=1)
        correlation = np.fft.irfft(np.conj(head) * spectrum, size, axis=1)[:, :lags]
        energy = np.concatenate((np.zeros((len(frames), 1)), np.cumsum(frames.astype(np.float64) ** 2, axis=1)), axis=1)
        moving = energy[:, WINDOW : WINDOW + lags] - energy[:, :lags]
        difference = np.maximum(moving[:, :1] + moving - 2 * correlation, 0)
        running = np.cumsum(difference[:, 1:], axis=1) / np.arange(1, lags)
        normal = np.ones_like(difference)
        normal[:, 1:] = difference[:, 1:] / (running + 1e-9)
        inner = normal[:, self._shortest : -1]
        dips = (inner < normal[:, self._shortest - 1 : -2]) & (inner <= normal[:, self._shortest + 1 :])
        # The first dip deep enough, else the deepest: the fundamental rather than one of its multiples.
        deepest = np.argmin(inner, axis=1)
        deep = dips & (inner < np.maximum(VOICED_DIP * 0.75, inner.min(axis=1) + 0.05)[:, None])
        first = np.where(deep.any(axis=1), np.argmax(deep, axis=1), deepest)
        rows, lag = np.arange(len(frames)), first + self._shortest
        a, b, c = normal[rows, lag - 1], normal[rows, lag], normal[rows, lag + 1]
        curve = a - 2 * b + c
        shift = np.where(curve > 1e-9, 0.5 * (a - c) / np.where(curve == 0, 1, curve), 0).clip(-0.5, 0.5)
        loud = moving[:, 0] / WINDOW > 1e-9
        voiced = (b < VOICED_DIP) & loud
        self._found.append(
            np.stack(
                (
                    np.where(voiced, self._rate / (lag + shift), 0),
                    np.where(loud, 1 - np.minimum(b, 1), 0),
                    np.sqrt(moving[:, 0] / WINDOW),
                ),
                axis=1,
            ).astype(np.float32)
        )
