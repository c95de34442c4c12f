"""The key of a piece from its pitch classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio.analysis import chroma

NAMES = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}
MIN_TONALITY = 0.25  # noise has 0.03, drums alone about 0.23
MIN_FIT = 0.62  # correlation of the best key
ENTROPY = (0.38, 0.99)  # of the pitch classes, 1 = all alike: fewer than three notes name no key, all twelve neither
OPENING = 1.6  # seconds; most music begins on its tonic chord
OPENING_WEIGHT, MINOR_BONUS = 0.15, 0.08  # chosen on the synthesised set

# Albrecht & Shanahan (2013), "The use of large corpora to train a new type of key-finding algorithm"; a
# profile of the Krumhansl-Temperley kind, from counted notes of 982 pieces.
_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
_TRIADS = (tuple(float(i in (0, 4, 7)) for i in range(12)), tuple(float(i in (0, 3, 7)) for i in range(12)))

Array = NDArray[np.float64]


@dataclass(frozen=True)
class KeyEstimate:
    """`name` as musicians write the tonic in that scale (Eb minor, F# minor, Db major); `confidence` 0..1."""

    name: str
    scale: str
    confidence: float


def estimate(measured: chroma.Chroma) -> KeyEstimate | None:
    """Correlates the mean chroma with the profile of each of the 24 keys (Krumhansl 1990, chapter 4), and lets the
    chord at the beginning decide between keys that share their notes. None for what has no pitch, or too few notes."""
    heard = measured.frames[measured.frames.sum(axis=1) > 0]
    if not len(heard) or measured.tonality < MIN_TONALITY:
        return None
    mean = heard.mean(axis=0)
    share = mean / mean.sum()
    entropy = float(-(share * np.log(share + 1e-12)).sum() / np.log(12))
    fit = _correlations(mean, (_MAJOR, _MINOR))
    if not ENTROPY[0] < entropy < ENTROPY[1] or fit.max() < MIN_FIT:
        return None
    opening = heard[: max(1, round(OPENING / measured.step))].mean(axis=0)
    score = fit + OPENING_WEIGHT * _correlations(opening, _TRIADS)
    score[12:] += MINOR_BONUS
    order = np.argsort(-score)
    best = int(order[0])
    scale = "major" if best < 12 else "minor"
    margin = float(score[best] - score[order[1]])
    confidence = np.clip((fit[best] - 0.4) / 0.5, 0, 1) * (1 - np.exp(-margin / 0.08)) ** 0.5
    return KeyEstimate(NAMES[scale][best % 12], scale, round(float(confidence), 3))


def _correlations(pitch_classes: Array, shapes: tuple[tuple[float, ...], ...]) -> Array:
    templates = np.array([np.roll(shape, tonic) for shape in shapes for tonic in range(12)])
    templates = templates - templates.mean(axis=1, keepdims=True)
    centred = pitch_classes - pitch_classes.mean()
    scale = np.linalg.norm(templates, axis=1) * max(float(np.linalg.norm(centred)), 1e-12)
    return np.asarray(templates @ centred / scale)


def spelt(tonic: str | None, scale: str | None) -> str | None:
    """The key as clients see it: `F` and `minor` are `Fm`."""
    return f"{tonic}m" if tonic and scale == "minor" else tonic
