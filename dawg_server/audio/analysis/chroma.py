"""Pitch classes: how much of C, C#, … B sounds, however the instruments are tuned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio.analysis import peaks

LOW_HZ, HIGH_HZ = 55.0, 2_000.0
FLOOR = 0.01  # peaks 40 dB below the loudest of their frame do not count
SILENT = 0.003  # frames 50 dB below the loudest of the recording do not count
WIDTH = 0.3  # semitones: standard deviation of the weight around a pitch

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Chroma:
    """`frames`: (frames, 12) from C to B; `cents`: how far the tuning is above A = 440 Hz, -50..50; `tonality`: share
    0..1 of the energy that lies in the ten loudest partials of each frame; `step`: seconds between frames."""

    frames: Array
    cents: float
    tonality: float
    step: float


def measure(found: peaks.Peaks) -> Chroma:
    """Harmonic pitch class profile from spectral peaks (Gómez 2006, chapter 3), without its harmonic weighting."""
    cents = tuning(found)
    inside = (found.frequency > LOW_HZ) & (found.frequency < HIGH_HZ)
    magnitude = np.where(inside, found.magnitude, 0)
    loudest = magnitude.max(axis=1, keepdims=True, initial=0)
    overall = float(loudest.max(initial=0))
    heard = (magnitude > loudest * FLOOR) & (loudest > max(overall * SILENT, 1e-6))
    # The square root keeps one loud instrument from drowning the others.
    weight = np.where(heard, np.sqrt(magnitude / np.maximum(loudest, 1e-9)), 0)
    pitch = 12 * np.log2(np.where(heard, found.frequency, 440.0) / 440.0) - cents / 100 + 9
    nearest = np.round(pitch)
    weight = weight * np.exp(-0.5 * ((pitch - nearest) / WIDTH) ** 2)
    frames = np.zeros((len(pitch), 12))
    rows = np.broadcast_to(np.arange(len(pitch))[:, None], pitch.shape)
    np.add.at(frames, (rows, nearest.astype(int) % 12), weight)
    # A partial of a Hann window spreads 1.5 times its squared peak over its bins.
    loud = 1.5 * float((found.magnitude[:, :10] ** 2).sum())
    return Chroma(frames, cents, min(1.0, loud / max(float(found.total.sum()), 1e-12)), found.step)


def tuning(found: peaks.Peaks) -> float:
    """Cents above A = 440 Hz: the circular mean of how far each partial is from its semitone (Dressler & Streich
    2007)."""
    inside = (found.frequency > 80) & (found.frequency < 2_500)
    semitones = 12 * np.log2(found.frequency[inside].astype(float) / 440.0)
    vector = (found.magnitude[inside] * np.exp(2j * np.pi * semitones)).sum()
    return float(np.angle(vector) / (2 * np.pi) * 100) if abs(vector) > 0 else 0.0
