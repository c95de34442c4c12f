"""The pitch shift."""

from __future__ import annotations

import numpy as np

from dawg_server.audio import arrays
from dawg_server.audio.devices.base import Device, Held, Line, Setup, Values, between, mixed, pairs, sides


class PitchShift(Device):
    """Two readers of one delay line, half a window apart, each of which sweeps through the window and is faded out
    where it jumps back (the "rotating heads" of tape machines; J. Dattorro, "Effect design, part 2", JAES 45, 1997).

        W = round(window rate / 1000) frames, made even; p begins at 1/2
        every frame: d1 = p W, d2 = ((p + 1/2) mod 1) W
                     wet = sin^2(pi p) line[t - d1] + cos^2(pi p) line[t - d2]
                     p = (p + (1 - 2^(semitones / 12)) / W) mod 1

    The heads make the tone that they shift repeat their motion, so a steady tone of f Hz comes out as a line spectrum
    f + 2 k r with r = |2^(semitones / 12) - 1| 1000 / window: its strongest line lies within r Hz of the shifted pitch.
    A longer window comes nearer.

    Read in straight lines between samples. Latency: W / 2 frames, and at 0 semitones the input comes out unchanged.
    `mix` blends with the input, as late: `in (1 - mix) + wet mix`.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.latency = round(setup.parameters["window"] / 1000 * setup.rate) // 2
        self._window = 2 * self.latency
        self._line, self._dry, self._phase = Line(self._window), Held(self.latency), 0.5

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        frames = len(block)
        if not frames:
            return block
        line, begin = self._line.open(frames), self._line.begin
        line[begin:] = block
        steps = (1 - np.exp2(np.asarray(values["semitones"]) / 12)) / self._window
        steps = np.broadcast_to(steps, frames)
        phases = (self._phase + np.cumsum(steps) - steps) % 1.0
        self._phase = float((phases[-1] + steps[-1]) % 1.0)
        here = np.arange(begin, begin + frames)
        first = np.square(np.sin(np.pi * phases)).astype(np.float32)
        kept = pairs(line)
        one = between(kept, here - phases * self._window)
        wet = between(kept, here - (phases + 0.5) % 1.0 * self._window)
        wet += (one - wet) * first
        return mixed(self._dry.process(block), sides(wet), values["mix"])
