"""Time signature: after how many beats the music resembles itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio.analysis import onsets, spectrum, swing

LEAST_BEATS = 13
LEAST_MARGIN = 0.06  # correlation by which the better grouping must win
LEAST_LIKENESS = 0.1  # correlation of beats one bar apart


def signature(spectra: spectrum.Spectra, found: onsets.Onsets, beats: NDArray[np.float64]) -> tuple[int, int] | None:
    """(numerator, denominator), or None when no grouping of beats stands out.

    Beats one bar apart sound alike (beat similarity after Gainza 2009): the spectra at the beats are compared at
    distances of two to seven beats. Beats that divide into three make 6/8 of two."""
    if len(beats) < LEAST_BEATS:
        return None
    likeness = _likeness(_at_beats(spectra, found, beats))
    four = (likeness[4] + 0.5 * likeness[2] + 0.5 * likeness[8]) / 2
    three = (likeness[3] + likeness[6]) / 2
    five, seven = likeness[5], likeness[7]
    groups = {4: four, 3: three, 5: five - 0.2, 7: seven - 0.2}
    order = sorted(groups, key=lambda beats_per_bar: -groups[beats_per_bar])
    best = order[0]
    if groups[best] < LEAST_LIKENESS or groups[best] - groups[order[1]] < LEAST_MARGIN:
        return None
    if best == 4 and _compound(found, beats):
        return (6, 8) if likeness[2] > 0.9 * likeness[4] else (12, 8)
    return best, 4


def _at_beats(spectra: spectrum.Spectra, found: onsets.Onsets, beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """One row per beat: its log spectrum over the first third of the beat, and its onsets, kick and bass apart."""
    logarithm = np.log1p(300 / max(float(spectra.mel.max()), 1e-9) * spectra.mel)
    frames = (beats * spectrum.FRAME_RATE).round().astype(int)
    length = max(2, int(np.median(np.diff(frames)) / 3))
    rows = []
    for frame in frames:
        first, last = max(frame - 2, 0), frame + length
        near = slice(max(frame - 4, 0), frame + 5)
        if last > len(logarithm):
            break
        rows.append(
            np.concatenate(
                (
                    logarithm[first:last].mean(axis=0),
                    2 * found.low[near].max(keepdims=True),
                    2 * found.strength[near].max(keepdims=True),
                )
            )
        )
    table = np.array(rows)
    return np.asarray((table - table.mean(axis=0)) / (table.std(axis=0) + 0.3 * table.std() + 1e-9))


def _likeness(table: NDArray[np.float64]) -> dict[int, float]:
    unit = table / (np.linalg.norm(table, axis=1, keepdims=True) + 1e-9)
    return {
        distance: float((unit[distance:] * unit[:-distance]).sum(axis=1).mean()) if distance < len(unit) - 2 else 0.0
        for distance in range(2, 9)
    }


def _compound(found: onsets.Onsets, beats: NDArray[np.float64]) -> bool:
    """Both thirds of the beat are played and its half is not; swing leaves out the first third."""
    folded = swing.profile(found, beats)
    if folded is None:
        return False
    return swing.is_peak(folded, 1 / 3) and swing.is_peak(folded, 2 / 3) and not swing.is_peak(folded, 1 / 2)
