"""Spectral peaks of long frames: which partials sound, exact enough to hear how an instrument is tuned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dawg_server.audio.analysis import framing
from dawg_server.audio.analysis.framing import Floats

WINDOW = 8_192  # samples; 1.35 Hz a bin at 11.025 kHz, so that neighbours in the bass stay apart
HOP = 2_048
KEPT = 40  # loudest peaks of each frame
LOW_HZ, HIGH_HZ = 40.0, 4_000.0


@dataclass(frozen=True)
class Peaks:
    """`frequency` (Hz) and `magnitude` (linear, 1 = full-scale sine), both (frames, KEPT), loudest first; 0 where a
    frame has fewer. `total`: power of each frame between LOW_HZ and HIGH_HZ; `step`: seconds between frames."""

    frequency: Floats
    magnitude: Floats
    total: Floats
    step: float


class Collector:
    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._framer = framing.Framer(WINDOW, HOP)
        self._window = (np.hanning(WINDOW + 1)[:-1] / (WINDOW / 4)).astype(np.float32)
        self._first, self._last = (int(hertz / rate * WINDOW) for hertz in (LOW_HZ, HIGH_HZ))
        self._found: list[tuple[Floats, Floats, Floats]] = []

    def push(self, mono: Floats) -> None:
        self._take(self._framer.push(mono))

    def finish(self) -> Peaks:
        self._take(self._framer.finish())
        frequency, magnitude, total = (
            [np.concatenate(part) for part in zip(*self._found, strict=True)]
            if self._found
            else [np.zeros((0, KEPT), np.float32), np.zeros((0, KEPT), np.float32), np.zeros(0, np.float32)]
        )
        return Peaks(frequency, magnitude, total, HOP / self._rate)

    def _take(self, frames: Floats) -> None:
        if not len(frames):
            return
        spectrum = np.abs(np.fft.rfft(frames * self._window, axis=1))[:, self._first : self._last]
        left, middle, right = spectrum[:, :-2], spectrum[:, 1:-1], spectrum[:, 2:]
        height = np.where((middle > left) & (middle >= right), middle, np.float32(0))
        order = np.argsort(-height, axis=1)[:, :KEPT]

        def at(values: Floats) -> Floats:
            return np.asarray(np.log(np.take_along_axis(values, order, axis=1) + np.float32(1e-12)))

        # Parabola through the logarithms of three bins (Smith & Serra 1987, PARSHL).
        a, b, c = at(left), at(middle), at(right)
        curve = a - 2 * b + c
        shift = np.where(np.abs(curve) > 1e-9, 0.5 * (a - c) / np.where(curve == 0, 1, curve), 0).clip(-0.5, 0.5)
        kept = np.take_along_axis(height, order, axis=1)
        frequency = (order + 1 + self._first + shift) * (self._rate / WINDOW)
        self._found.append(
            (
                np.where(kept > 0, frequency, 0).astype(np.float32),
                kept.astype(np.float32),
                (spectrum**2).sum(axis=1).astype(np.float32),
            )
        )
