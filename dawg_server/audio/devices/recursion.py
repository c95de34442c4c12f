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

    def through(self, block: arrays.Samples, now: Biquad) -> arrays.Samples:
        """`now`: its coefficients, numbers or one for each frame."""
        if not len(block):
            return block
        known = np.concatenate((self._before, block.T.astype(np.float64)), axis=1)
        weighed = now.b0 * known[:, 2:] + now.b1 * known[:, 1:-1] + now.b2 * known[:, :-2]
        found = resonated(weighed, now.a1, now.a2, self._after)
        self._before = known[:, -2:]
        self._after = np.concatenate((self._after, found), axis=1)[:, -2:]
        out: arrays.Samples = np.ascontiguousarray(found.T, dtype=np.float32)
        return out


def resonated(weighed: arrays.Doubles, a1: Value, a2: Value, before: arrays.Doubles) -> arrays.Doubles:
    """`y[n] = w[n] - a1[n] y[n-1] - a2[n] y[n-2]` for each lane of `weighed` (2, frames); `before`: y[-2] and y[-1]."""
    frames = weighed.shape[1]
    size = max(_SHORTEST, math.isqrt(frames))
    rows = -(-frames // size)

    def laid(values: Value) -> arrays.Doubles:
        """(size, rows): time goes down, stretches lie side by side."""
        padded = np.zeros(rows * size)
        padded[:frames] = values
        return np.ascontiguousarray(padded.reshape(rows, size).T)

    poles = np.stack((laid(a2), laid(a1)), axis=1)[:, :, None]
    out = np.zeros((size + 2, 4, rows))  # two lanes, and the answers to (0, 1) and (1, 0) before the stretch
    out[2:, 0], out[2:, 1] = laid(weighed[0]), laid(weighed[1])
    out[1, 2] = out[0, 3] = 1.0
    product = np.empty((2, 4, rows))
    for n in range(size):
        np.multiply(out[n : n + 2], poles[n], out=product)
        now = out[n + 2]
        now -= product[0]
        now -= product[1]
    ends = out[-2:].transpose(2, 1, 0).tolist()
    known = np.empty((2, rows, 2))  # what was before each stretch, by lane: y[-2], y[-1]
    for lane in range(2):
        earlier, last = before[lane].tolist()
        for row, end in enumerate(ends):
            known[lane, row] = earlier, last
            by_last, by_earlier = end[2], end[3]
            earlier, last = (
                end[lane][0] + by_last[0] * last + by_earlier[0] * earlier,
                end[lane][1] + by_last[1] * last + by_earlier[1] * earlier,
            )
    answers = out[2:, 2], out[2:, 3]
    found = [out[2:, lane] + answers[0] * known[lane, :, 1] + answers[1] * known[lane, :, 0] for lane in range(2)]
    return np.stack([lane.T.reshape(-1)[:frames] for lane in found])
