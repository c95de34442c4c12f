"""Onsets folded onto one beat, and swing: how late the off-beats are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio.analysis import onsets, spectrum

STRAIGHT, TRIPLET = 1 / 2, 2 / 3  # place of the off-beat within its beat: ratio 1:1 and 2:1
LEAST_STRENGTH = 0.12  # strength of off-beats relative to beats; below it nobody plays them

BINS = 48  # per beat, so that halves, thirds, quarters and sixteenths each fall on a bin
LEAST_BEATS = 6

Array = NDArray[np.float64]


def amount(found: onsets.Onsets, beats: Array) -> float | None:
    """0 for even eighths, 1 for triplets or later (the beat-upbeat ratio of Friberg & Sundström 2002, 1:1 to 2:1).
    Where sixteenths are played, their swing counts. None when there are no off-beats to judge."""
    folded = profile(found, beats)
    if folded is None:
        return None
    beat = max(float(folded[0]), float(folded[1]), float(folded[-1]), 1e-6)
    place, strength = peak(folded, 0.42, 0.72)
    early, early_strength = peak(folded, 0.21, 0.36)
    late, late_strength = peak(folded, 0.71, 0.86)
    on_half = abs(place - STRAIGHT) < 0.03
    sixteenths = min(early_strength, late_strength) > LEAST_STRENGTH * beat and is_peak(folded, early)
    if on_half and sixteenths and is_peak(folded, late):
        inner = (2 * early + 2 * (late - STRAIGHT)) / 2
        return _scale(inner)
    if strength < LEAST_STRENGTH * beat or not is_peak(folded, place):
        return None
    return _scale(place)


def _scale(place: float) -> float:
    return round(float(np.clip((place - STRAIGHT) / (TRIPLET - STRAIGHT), 0, 1)), 3)


def profile(found: onsets.Onsets, beats: Array) -> Array | None:
    """Mean onset strength at each of BINS places of the beat, with the beat itself at bin 0; None for too few beats."""
    if len(beats) < LEAST_BEATS:
        return None
    places = (beats[:-1, None] + np.diff(beats)[:, None] * np.arange(BINS) / BINS) * spectrum.FRAME_RATE
    strength = np.interp(places.ravel(), np.arange(len(found.strength)), found.strength)
    return np.asarray(strength.reshape(places.shape).mean(axis=0))


def peak(folded: Array, low: float, high: float) -> tuple[float, float]:
    """The strongest place between two shares of the beat, and its strength; refined by a parabola."""
    first, last = int(np.ceil(low * BINS)), int(np.floor(high * BINS))
    index = first + int(np.argmax(folded[first : last + 1]))
    a, b, c = (float(folded[(index + i) % BINS]) for i in (-1, 0, 1))
    curve = a - 2 * b + c
    shift = min(0.5, max(-0.5, 0.5 * (a - c) / curve)) if curve < -1e-9 and b >= max(a, c) else 0.0
    return (index + shift) / BINS, b


def is_peak(folded: Array, place: float) -> bool:
    """Whether the strength stands out at that share of the beat from what lies a twelfth of a beat away."""
    index, away = round(place * BINS), BINS // 12
    near = max(folded[(index + i) % BINS] for i in (-1, 0, 1))
    return bool(near > 1.5 * max(folded[(index - away) % BINS], folded[(index + away) % BINS], 0.05))
