"""The value of an envelope at every frame."""

from __future__ import annotations

import numpy as np

from dawg_server.audio.arrays import Doubles
from dawg_server.audio.filters import Value
from dawg_server.audio.mixing.arrangement import Envelope


class Curve:
    """Between two points the value goes as the `curve` of the first one says, u being the share of the time, in
    seconds, that has passed between them, and s the shape of it: `first + (second - first) s(u)`.

        linear  u
        hold    0
        smooth  (1 - cos(pi u)) / 2
        slow    u^2
        fast    1 - (1 - u)^2

    The first point's value counts before it, the last one's after it; of points at one time the last one counts from
    there on. Times are not rounded to frames.
    """

    def __init__(self, envelope: Envelope, rate: int) -> None:
        self._times = np.array([seconds * rate for seconds, _, _ in envelope.points])
        self._values = np.array([value for _, value, _ in envelope.points], np.float64)
        self._curves = [curve for _, _, curve in envelope.points]

    def over(self, start: int, frames: int) -> Value:
        """From frame `start` on: one number if it stays, else one for each frame."""
        first = int(np.searchsorted(self._times, start, "right")) - 1
        last = int(np.searchsorted(self._times, start + frames - 1, "right")) - 1
        if first == last and (first < 0 or self._stays(first)):
            return float(self._values[max(first, 0)])
        found = np.empty(frames)
        begin = start
        for segment in range(first, last + 1):
            ends = segment + 1 < len(self._times)
            end = min(start + frames, int(np.ceil(self._times[segment + 1]))) if ends else start + frames
            if end > begin:
                found[begin - start : end - start] = self._segment(segment, np.arange(begin, end))
                begin = end
        return found

    def _stays(self, segment: int) -> bool:
        following = segment + 1
        return (
            following == len(self._values)
            or self._curves[segment] == "hold"
            or self._values[segment] == self._values[following]
        )

    def _segment(self, segment: int, frames: np.ndarray) -> Value:
        if segment < 0 or self._stays(segment):
            return float(self._values[max(segment, 0)])
        begin, end = self._times[segment], self._times[segment + 1]
        passed: Doubles = (frames - begin) / (end - begin)
        from_, to = self._values[segment], self._values[segment + 1]
        shaped: Doubles = from_ + (to - from_) * _SHAPES[self._curves[segment]](passed)
        return shaped


_SHAPES = {
    "linear": lambda u: u,
    "smooth": lambda u: (1 - np.cos(np.pi * u)) / 2,
    "slow": lambda u: u * u,
    "fast": lambda u: 1 - (1 - u) * (1 - u),
}
