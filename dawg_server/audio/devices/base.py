"""What every device is: a stream of stereo sound in, as many frames out, at most a known latency later.

    device = Equaliser(Setup(rate, parameters))
    heard = device.process(block, values)

Blocks may have any length; together they give the same samples whatever their lengths are, but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dawg_server.audio import arrays
from dawg_server.audio.filters import Value

Values = Mapping[str, Any]
"""The parameters at each frame of a block: numbers that stay, or float64 arrays `(frames,)`; choices and flags."""


@dataclass(frozen=True)
class Setup:
    """`parameters`: as they begin. `moved`: the names of those that envelopes move. `beat_seconds`: the length of a
    beat at times in seconds, of which it gets an array."""

    rate: int
    parameters: Mapping[str, Any]
    moved: frozenset[str] = frozenset()
    beat_seconds: Callable[[arrays.Doubles], arrays.Doubles] = lambda times: np.full(len(times), 0.5)


class Device:
    """`latency`: frames by which what comes out is later than what goes in, always the same."""

    latency: int = 0
    listens: ClassVar[bool] = False

    def __init__(self, setup: Setup) -> None:
        self.rate, self.setup = setup.rate, setup

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        """`block`: float32 `(frames, 2)`, not changed; `side`: as many frames of the track that it listens to."""
        raise NotImplementedError


class Held:
    """A fixed delay of whole frames."""

    def __init__(self, frames: int) -> None:
        self._kept = np.zeros((frames, 2), np.float32)

    def process(self, block: arrays.Samples) -> arrays.Samples:
        if not len(self._kept):
            return block
        known = np.concatenate((self._kept, block))
        self._kept = known[len(block) :]
        return known[: len(block)]


class Line:
    """The last frames of a stream, to be read at any distance up to `longest` frames."""

    def __init__(self, longest: int) -> None:
        self._longest = longest + 2
        self._kept = np.zeros((self._longest, 2), np.float32)

    def open(self, frames: int) -> arrays.Samples:
        """What was before, and room for as many frames, which begin at `begin`."""
        self._kept = np.concatenate((self._kept[-self._longest :], np.zeros((frames, 2), np.float32)))
        return self._kept

    @property
    def begin(self) -> int:
        return self._longest


def pairs(block: arrays.Samples) -> npt.NDArray[np.complex64]:
    """Each frame as one number, left and right its parts: numpy is several times faster on these than on two columns
    that share a factor."""
    return np.ascontiguousarray(block).reshape(-1).view(np.complex64)


def sides(numbers: npt.NDArray[np.complex64]) -> arrays.Samples:
    """Back from `pairs`."""
    return numbers.view(np.float32).reshape(-1, 2)


def read(line: arrays.Samples, positions: Value, count: int) -> arrays.Samples:
    """A stream between its frames, in straight lines: from `positions` on if that is a number, else at each of them."""
    if isinstance(positions, np.ndarray):
        return sides(between(pairs(line), positions))
    first = int(np.floor(positions))
    rest = np.float32(positions - first)
    plain: arrays.Samples = line[first : first + count]
    return plain if not rest else plain + (line[first + 1 : first + 1 + count] - plain) * rest


def between(lane: npt.NDArray[Any], positions: arrays.Doubles) -> npt.NDArray[Any]:
    """The values of one lane at positions that need not be whole."""
    whole = positions.astype(np.intp)
    share = (positions - whole).astype(np.float32)
    low: npt.NDArray[Any] = lane.take(whole)
    whole += 1
    high = lane.take(whole, mode="clip")
    high -= low
    high *= share
    low += high
    return low


def scaled(block: arrays.Samples, value: Value) -> arrays.Samples:
    """Each frame times a number, or times one of its own."""
    if isinstance(value, np.ndarray):
        return sides(pairs(block) * value.astype(np.float32))
    scaled: arrays.Samples = block * np.float32(value)
    return scaled


def gain(decibels: Value) -> Value:
    if isinstance(decibels, np.ndarray):
        amplitudes: arrays.Doubles = np.exp(decibels * (np.log(10) / 20))
        return amplitudes
    return float(10 ** (decibels / 20))


def mixed(dry: arrays.Samples, wet: arrays.Samples, mix: Value) -> arrays.Samples:
    """`dry (1 - mix) + wet mix`."""
    if not isinstance(mix, np.ndarray) and mix in (0, 1):
        return wet if mix else dry
    both: arrays.Samples = dry + scaled(wet - dry, mix)
    return both
