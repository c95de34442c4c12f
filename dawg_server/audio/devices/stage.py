"""A device of a chain at work, made from what a project says of it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

import numpy as np

from dawg_server.audio import arrays
from dawg_server.audio.devices.base import Device, Setup
from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.audio.mixing.arrangement import Insert
from dawg_server.audio.mixing.envelopes import Curve

BeatSeconds = Callable[[arrays.Doubles], arrays.Doubles]
"""The lengths of beats at times in seconds."""


class Stage:
    """`late`: frames by which the sound that comes to it is late. It begins to work that much later, so that what a
    device counts (steps, oscillators, the tempo) it counts from the beginning of the timeline."""

    def __init__(self, insert: Insert, curves: Mapping[str, Curve], rate: int, beat_seconds: BeatSeconds) -> None:
        kind = TYPES[insert.type]
        known = {name: value for name, value in insert.parameters.items() if name in kind.parameters}
        self.late = 0
        self._values = {**kind.defaults, **known}
        self._curves = {name: curve for name, curve in curves.items() if _movable(insert.type, name)}
        self._ranges = {name: kind.parameters[name].range for name in self._curves}
        setup = Setup(rate, self._values, frozenset(self._curves), beat_seconds)
        module, _, name = kind.realised.partition(":")
        self.device: Device = getattr(importlib.import_module(f"{__package__}.{module}"), name)(setup)

    def process(self, block: arrays.Samples, position: int, side: arrays.Samples | None) -> arrays.Samples:
        """`position`: the frame of the stream at which the block begins."""
        silent = min(len(block), max(0, self.late - position))
        if silent:
            rest = block[silent:]
            heard = self.process(rest, self.late, None if side is None else side[silent:]) if len(rest) else rest
            return np.concatenate((np.zeros((silent, 2), np.float32), heard))
        moved = {
            name: np.clip(curve.over(position - self.late, len(block)), *(self._ranges[name] or (None, None)))
            for name, curve in self._curves.items()
        }
        return self.device.process(block, {**self._values, **moved}, side)


def is_effect(insert: Insert) -> bool:
    """Whether sound goes through it; types that are not known any more are passed."""
    return insert.type in TYPES and TYPES[insert.type].kind == "effect"


def _movable(type: str, name: str) -> bool:
    parameter = TYPES[type].parameters.get(name)
    return parameter is not None and parameter.range is not None and not parameter.fixed
