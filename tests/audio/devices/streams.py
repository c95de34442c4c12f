"""Devices as streams: one type by name, its parameters, what moves, and a sound through it in blocks of any size."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dawg_server.audio.arrays import Samples
from dawg_server.audio.devices import catalogue
from dawg_server.audio.devices.base import Device, Setup

RATE = 44_100


def made(type: str, moved: Sequence[str] = (), **parameters: Any) -> Device:
    kind = catalogue.TYPES[type]
    module, _, name = kind.realised.partition(":")
    found = getattr(importlib.import_module(f"dawg_server.audio.devices.{module}"), name)
    return found(Setup(RATE, {**kind.defaults, **parameters}, frozenset(moved)))


def through(
    type: str,
    sound: Samples,
    *,
    sizes: Sequence[int] = (16_384,),
    moved: Mapping[str, np.ndarray] | None = None,
    side: Samples | None = None,
    **parameters: Any,
) -> Samples:
    device = made(type, tuple(moved or {}), **parameters)
    values = {**catalogue.TYPES[type].defaults, **parameters}
    out, position, turn = [], 0, 0
    while position < len(sound):
        part = slice(position, position + sizes[turn % len(sizes)])
        now = {name: each[part] for name, each in (moved or {}).items()}
        out.append(device.process(sound[part], {**values, **now}, None if side is None else side[part]))
        position, turn = part.stop, turn + 1
    return np.concatenate(out)


def decibels(difference: np.ndarray) -> float:
    """The highest absolute value, dBFS."""
    return float(20 * np.log10(np.abs(difference).max() + 1e-12))
