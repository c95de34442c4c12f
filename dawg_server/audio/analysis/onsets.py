"""Where something begins: novelty of the spectrum over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dawg_server.audio.analysis import spectrum
from dawg_server.audio.analysis.framing import Floats

COMPRESSION = 300.0  # of magnitudes relative to the loudest band
LAG = 2  # short frames between the two spectra compared
LOW_BANDS = 6  # mel bands up to about 300 Hz, where kick and bass are
AUDIBLE = 0.8  # strength of a peak that counts as an onset
LOCAL_MEAN = 0.4  # seconds on each side


@dataclass(frozen=True)
class Onsets:
    """`strength`: novelty per short frame over all bands, local mean removed, unit standard deviation; `low` the same
    for kick and bass only; `level`: mean novelty before scaling, which tells a groove from the shimmer of a drone."""

    strength: Floats
    low: Floats
    level: float

    @property
    def per_second(self) -> float:
        """How many onsets are played."""
        s = self.strength
        peaks = (s[1:-1] > s[:-2]) & (s[1:-1] >= s[2:]) & (s[1:-1] > AUDIBLE)
        return float(peaks.sum()) / max(len(s) / spectrum.FRAME_RATE, 1e-3)


def detect(spectra: spectrum.Spectra) -> Onsets:
    """SuperFlux (Böck & Widmer 2013): log-mel flux against the loudest neighbour band of an earlier frame, so that
    vibrato is no onset; summed over bands."""
    loudest = float(np.percentile(spectra.mel, 99.5)) if spectra.mel.size else 0.0
    if loudest <= 0:
        nothing = np.zeros(len(spectra.mel), np.float32)
        return Onsets(nothing, nothing, 0.0)
    logarithm = np.log1p(COMPRESSION / loudest * spectra.mel)
    padded = np.pad(logarithm, ((0, 0), (1, 1)), mode="edge")
    neighbourhood = np.maximum(np.maximum(padded[:, :-2], padded[:, 2:]), logarithm)
    rise = np.zeros_like(logarithm)
    rise[LAG:] = np.maximum(logarithm[LAG:] - neighbourhood[:-LAG], 0)
    flux = rise.mean(axis=1)
    return Onsets(_normalise(flux), _normalise(rise[:, :LOW_BANDS].mean(axis=1)), float(flux.mean()))


def _normalise(flux: Floats) -> Floats:
    reach = int(LOCAL_MEAN * spectrum.FRAME_RATE)
    padded = np.pad(flux, reach, mode="edge")
    total = np.concatenate(([0.0], np.cumsum(padded, dtype=np.float64)))
    mean = (total[2 * reach + 1 :] - total[: -2 * reach - 1]) / (2 * reach + 1)
    peaks = np.maximum(flux - mean, 0)
    deviation = float(peaks.std())
    return (peaks / deviation if deviation > 1e-6 else peaks * 0).astype(np.float32)
