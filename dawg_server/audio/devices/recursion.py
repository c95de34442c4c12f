"""Biquads whose coefficients change from frame to frame, without a loop over frames.

Direct form I, as Web Audio's BiquadFilterNode has it: the part without memory of its own is a weighted sum; the rest,
`y[n] = w[n] - a1[n] y[n-1] - a2[n] y[n-2]`, is solved in stretches side by side, each from silence, together with the
two answers to what could have been before it, of which the right sum is added once it is known.
"""

from __future__ import annotations

import math

import numpy as np

from dawg_server.audio import arrays
from dawg_server.audio.filters import Biquad, Value, design

_SHORTEST = 8  # frames in a stretch


class VaryingBiquad:
    """One of `filters.KINDS` over a stereo stream, with frequency (Hz), gain (dB) and Q at each frame."""

    def __init__(self, kind: str, rate: int) -> None:
        self._kind, self._rate = kind, rate
        self._before: arrays.Doubles = np.zeros((2, 2))  # lanes; the last two frames that came in
        self._after: arrays.Doubles = np.zeros((2, 2))  # and those that went out

    def process(self, block: arrays.Samples, frequency: Value, gain_db: Value, q: Value) -> arrays.Samples:
        return self.through(block, design(self._kind, self._rate, frequency, gain_db, q))

    def through(self, block: arrays.Samples, now: Biquad, poles: Poles | None = None) -> arrays.Samples:
        """`now`: its coefficients, numbers or one for each frame; `poles` are theirs, if somebody has them already."""
        if not len(block):
            return block
        known = np.concatenate((self._before, block.T.astype(np.float64)), axis=1)
        weighed = now.b0 * known[:, 2:]
        weighed += now.b1 * known[:, 1:-1]
        weighed += now.b2 * known[:, :-2]
        found = (poles or Poles(now.a1, now.a2, len(block))).resonated(weighed, self._after)
        self._before = known[:, -2:]
        self._after = np.concatenate((self._after, found), axis=1)[:, -2:]
        out: arrays.Samples = np.ascontiguousarray(found.T, dtype=np.float32)
        return out


class Poles:
    """The part with memory, `y[n] = w[n] - a1[n] y[n-1] - a2[n] y[n-2]`, for so many frames; for several streams."""

    def __init__(self, a1: Value, a2: Value, frames: int) -> None:
        self._frames = frames
        self._size = max(_SHORTEST, math.isqrt(frames))
        self._rows = -(-frames // self._size)
        self._factors = np.stack((self._laid(a2), self._laid(a1)), axis=1)[:, :, None]
        self._answers: arrays.Doubles | None = None  # to y[-1] = 1, and to y[-2] = 1; found with the first stream

    def resonated(self, weighed: arrays.Doubles, before: arrays.Doubles) -> arrays.Doubles:
        """y of each lane of `weighed` (2, frames); `before`: y[-2] and y[-1] of each lane."""
        lanes = [self._laid(lane) for lane in weighed]
        if self._answers is None:
            silence = np.zeros((self._size, self._rows))
            states = np.array([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]])
            both = self._run(np.stack((*lanes, silence, silence), axis=1), states)
            out, self._answers = both[:, :2], both[:, 2:]
        else:
            out = self._run(np.stack(lanes, axis=1), np.zeros((2, 2)))
        ends = out[-2:].transpose(1, 2, 0).tolist()
        answers = self._answers[-2:].transpose(2, 1, 0).tolist()
        for lane in range(2):
            earlier, last = before[lane].tolist()
            known = []  # what was before each stretch: y[-2], y[-1]
            for (own_earlier, own_last), (by_last, by_earlier) in zip(ends[lane], answers, strict=True):
                known.append((earlier, last))
                earlier, last = (
                    own_earlier + by_last[0] * last + by_earlier[0] * earlier,
                    own_last + by_last[1] * last + by_earlier[1] * earlier,
                )
            states = np.array(known)
            out[:, lane] += self._answers[:, 0] * states[:, 1]
            out[:, lane] += self._answers[:, 1] * states[:, 0]
        return out.transpose(1, 2, 0).reshape(2, -1)[:, : self._frames]

    def _run(self, weighed: arrays.Doubles, before: arrays.Doubles) -> arrays.Doubles:
        """`weighed`: (size, lanes, rows), which it becomes. `before`: (y[-2], y[-1]; lanes), the same for all rows."""
        out = np.empty((self._size + 2, *weighed.shape[1:]))
        out[:2] = before[:, :, None]
        out[2:] = weighed
        product = np.empty((2, *weighed.shape[1:]))
        for n in range(self._size):
            np.multiply(out[n : n + 2], self._factors[n], out=product)
            now = out[n + 2]
            now -= product[0]
            now -= product[1]
        return out[2:]

    def _laid(self, values: Value) -> arrays.Doubles:
        """(size, rows): time goes down, stretches lie side by side."""
        padded = np.zeros(self._rows * self._size)
        padded[: self._frames] = values
        return np.ascontiguousarray(padded.reshape(self._rows, self._size).T)
