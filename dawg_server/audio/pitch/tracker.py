"""Follows the pitch of one voice through breath, noise, vibrato and glides.

M. Mauch, S. Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold distributions", ICASSP 2014:
each frame offers several periods with the probability that YIN (A. de Cheveigné, H. Kawahara, 2002) would choose them,
and the likeliest way through all frames is found by the Viterbi algorithm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dawg_server.audio import arrays, codecs, filters

RATE = 16_000  # Hz at which sound is looked at
HOP = 160  # frames, 10 ms
LOW_HZ, HIGH_HZ = 60.0, 1_400.0
_MUFFLED_HZ = 700.0
_WINDOW = 512  # samples that are compared with themselves a period later
_CANDIDATES = 5  # per frame
_THRESHOLDS = np.linspace(0.01, 1.0, 100)
_PRIOR = _THRESHOLDS * (1 - _THRESHOLDS) ** 17  # Beta(2, 18), whose mean is 0.1 as in the paper
_PRIOR /= _PRIOR.sum()
_UNLIKELY = 0.01  # share of the probability that the deepest dip keeps below every threshold
_SWITCH = 4.6  # natural logarithm of the odds against beginning or ending to sound in a frame
_PER_SEMITONE = 0.8  # the same for each semitone between two frames
_FARTHEST = 12.0  # semitones; every larger jump counts as one of these
_QUIET_DB = -45.0  # below the loudest frames, where nothing is sung


@dataclass(frozen=True, slots=True)
class PitchCurve:
    """Per 10 ms: `pitch` as a fractional MIDI number (NaN where nothing is sung), and `rms`."""

    pitch: arrays.Doubles
    rms: arrays.Doubles

    @property
    def voiced(self) -> np.ndarray:
        return ~np.isnan(self.pitch)


def of_file(path: str, *, offset: float = 0.0, seconds: float | None = None) -> PitchCurve:
    """Of the whole recording, or of `seconds` of it from `offset` seconds on."""
    blocks = codecs.read_blocks(path, rate=RATE, mono=True, max_seconds=None)
    return follow(codecs.excerpt(blocks, RATE, offset, seconds))


def follow(blocks: Iterable[arrays.Samples]) -> PitchCurve:
    """`blocks`: mono at `RATE`, `(frames, 1)`. The first value belongs to the first sample."""
    longest = int(RATE / LOW_HZ) + 2
    size = _WINDOW + longest
    kept = np.zeros(size // 2, np.float32)
    # Vibrato takes the high partials too far within one window.
    muffled = filters.Cascade([filters.low_pass(RATE, _MUFFLED_HZ, 0.5)], 1)
    parts = []
    for block in blocks:
        kept = np.concatenate((kept, muffled.process(block)[:, 0]))
        whole = (len(kept) - size) // HOP + 1
        if whole > 0:
            parts.append(_frames(kept, whole, size, longest))
            kept = kept[whole * HOP :]
    kept = np.concatenate((kept, np.zeros(size // 2 + HOP, np.float32)))
    whole = (len(kept) - size) // HOP + 1
    parts.append(_frames(kept, max(1, whole), size, longest))
    pitches, chances, rms = (np.concatenate([part[index] for part in parts]) for index in range(3))
    loud = float(np.percentile(rms, 95)) if len(rms) else 0.0
    chances[rms < max(1e-5, loud * 10 ** (_QUIET_DB / 20))] = 0
    return PitchCurve(_likeliest(pitches, chances), rms)


def _frames(
    samples: arrays.Samples, count: int, size: int, longest: int
) -> tuple[arrays.Doubles, arrays.Doubles, arrays.Doubles]:
    """For each frame the candidates' pitches and probabilities, (count, _CANDIDATES), and the rms."""
    padded = np.concatenate((samples, np.zeros(max(0, (count - 1) * HOP + size - len(samples)), np.float32)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: count * HOP : HOP].astype(np.float64)
    length = 1 << (size - 1).bit_length()
    spectrum = np.fft.rfft(frames, length, axis=1)
    head = np.fft.rfft(frames[:, :_WINDOW], length, axis=1)
    correlation = np.fft.irfft(np.conj(head) * spectrum, length, axis=1)[:, :longest]
    energy = np.concatenate((np.zeros((count, 1)), np.cumsum(np.square(frames), axis=1)), axis=1)
    moving = energy[:, _WINDOW : _WINDOW + longest] - energy[:, :longest]
    difference = np.maximum(moving[:, :1] + moving - 2 * correlation, 0)
    mean = np.cumsum(difference[:, 1:], axis=1) / np.arange(1, longest)
    normal = np.ones_like(difference)
    normal[:, 1:] = difference[:, 1:] / (mean + 1e-12)
    rms = np.sqrt(moving[:, 0] / _WINDOW)
    return (*_candidates(normal, max(2, int(RATE / HIGH_HZ))), rms)


def _candidates(normal: arrays.Doubles, shortest: int) -> tuple[arrays.Doubles, arrays.Doubles]:
    count = len(normal)
    pitches, chances = np.full((count, _CANDIDATES), np.nan), np.zeros((count, _CANDIDATES))
    inner = normal[:, shortest:-1]
    dips = (inner < normal[:, shortest - 1 : -2]) & (inner <= normal[:, shortest + 1 :]) & (inner < 1)
    cumulative = np.concatenate(([0.0], np.cumsum(_PRIOR)))
    for row in np.flatnonzero(dips.any(axis=1)):
        lags = np.flatnonzero(dips[row]) + shortest
        depths = normal[row, lags]
        # A threshold chooses the first dip below it: those between this dip's depth and the deepest one before.
        before = np.minimum.accumulate(np.concatenate(([1.0], depths[:-1])))
        edges = np.searchsorted(_THRESHOLDS, np.stack((depths, before)), side="right")
        chance = np.maximum(cumulative[edges[1]] - cumulative[edges[0]], 0.0)
        chance[np.argmin(depths)] += _UNLIKELY * cumulative[edges[0, np.argmin(depths)]]
        best = np.argsort(-chance)[:_CANDIDATES]
        a, b, c = normal[row, lags[best] - 1], depths[best], normal[row, lags[best] + 1]
        periods = lags[best] + 0.5 * (a - c) / np.maximum(a - 2 * b + c, 1e-12)
        pitches[row, : len(best)] = 69 + 12 * np.log2(RATE / periods / 440)
        chances[row, : len(best)] = chance[best]
    return pitches, chances


def _likeliest(pitches: arrays.Doubles, chances: arrays.Doubles) -> arrays.Doubles:
    """Viterbi over the candidates of each frame and silence (the last state)."""
    count = len(pitches)
    if not count:
        return np.zeros(0)
    silent = np.clip(1 - chances.sum(axis=1, keepdims=True), 1e-3, 1)
    logs = np.log(np.concatenate((np.maximum(chances, 1e-9), silent), axis=1))
    places = np.concatenate((np.nan_to_num(pitches, nan=-1e3), np.zeros((count, 1))), axis=1)
    steps = np.abs(places[1:, None, :-1] - places[:-1, :-1, None])
    back = np.zeros((count, _CANDIDATES + 1), np.int64)
    score = logs[0].copy()
    ways = np.empty((_CANDIDATES + 1, _CANDIDATES + 1))  # from row to column
    for frame in range(1, count):
        ways[:-1, :-1] = -_PER_SEMITONE * np.minimum(steps[frame - 1], _FARTHEST)
        ways[-1, :], ways[:, -1] = -_SWITCH, -_SWITCH
        ways[-1, -1] = 0.0
        total = score[:, None] + ways
        back[frame] = np.argmax(total, axis=0)
        score = total[back[frame], np.arange(_CANDIDATES + 1)] + logs[frame]
    state = int(np.argmax(score))
    chosen = np.full(count, np.nan)
    for frame in range(count - 1, -1, -1):
        if state < _CANDIDATES:
            chosen[frame] = pitches[frame, state]
        state = int(back[frame, state])
    return chosen
