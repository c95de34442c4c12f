"""Swing: how late the off-beats are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio.analysis import onsets, pulse

STRAIGHT, TRIPLET = 1 / 2, 2 / 3  # place of the off-beat within its beat: ratio 1:1 and 2:1
LEAST = 0.12  # strength of off-beats relative to beats; below it nobody plays them


def amount(found: onsets.Onsets, beats: NDArray[np.float64]) -> float | None:
    """0 for even eighths, 1 for triplets or later (the beat-upbeat ratio of Friberg & Sundström 2002, 1:1 to 2:1).
    Where sixteenths are played, their swing counts. None when there are no off-beats to judge."""
    folded = pulse.profile(found, beats)
    if folded is None:
        return None
    beat = max(float(folded[0]), float(folded[1]), float(folded[-1]), 1e-6)
    place, strength = pulse.peak(folded, 0.42, 0.72)
    early, early_strength = pulse.peak(folded, 0.21, 0.36)
    late, late_strength = pulse.peak(folded, 0.71, 0.86)
    on_half = abs(place - STRAIGHT) < 0.03
    sixteenths = min(early_strength, late_strength) > LEAST * beat and pulse.is_peak(folded, early)
    if on_half and sixteenths and pulse.is_peak(folded, late):
        inner = (2 * early + 2 * (late - STRAIGHT)) / 2
        return _scale(inner)
    if strength < LEAST * beat or not pulse.is_peak(folded, place):
        return None
    return _scale(place)


def _scale(place: float) -> float:
    return round(float(np.clip((place - STRAIGHT) / (TRIPLET - STRAIGHT), 0, 1)), 3)
