"""Tempo, how sure it is, how steady it is, and where the beats are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio.analysis import beats, onsets, spectrum

SLOWEST, FASTEST = 40.0, 230.0  # bpm
PREFERRED, SPREAD = 110.0, 0.8  # bpm and octaves: log-normal prior (Ellis 2007)
BEAT_SHARE = 12.0  # a beat counts in full when it correlates a twelfth as much as the bar
SPARSE, SPARSE_PENALTY = 1.6, 0.25  # onsets per beat; share of the score taken from tempos with one or none
LOUDEST_ONSET = 7.0  # standard deviations; louder ones, like the start of a file, count no more than that
SEGMENT = 1_024  # frames (10.24 s) of one local autocorrelation
MIN_SECONDS = 2.5  # less than that holds no four beats
MIN_NOVELTY = 0.002  # mean log-mel flux; below it there is only shimmer
MIN_CLARITY = 0.09  # mean autocorrelation at multiples of the beat; noise stays below
CHANCE = 100.0  # frames: what chance adds to it is this over the number of frames
CLEAR = 0.55  # the same for a plainly audible pulse

_GRID = np.exp(np.arange(np.log(SLOWEST), np.log(FASTEST), 0.003))  # bpm
_LAGS = 60.0 / _GRID * spectrum.FRAME_RATE  # frames
_PRIOR = np.exp(-0.5 * (np.log2(_GRID / PREFERRED) / SPREAD) ** 2)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tempo:
    """`bpm` to a tenth; `confidence` and `stability` 0..1; `beats`: times in seconds."""

    bpm: float
    confidence: float
    stability: float
    beats: Array


def estimate(found: onsets.Onsets) -> Tempo | None:
    """None where there is no pulse: silence, noise, a drone, or too little sound.

    The score of a tempo is the product of its autocorrelation at the multiples of a duple or triple bar, its Fourier
    tempogram (Peeters 2007: one has only sub-harmonics, the other only harmonics, so that the product keeps the beat),
    and the priors of tempo and of onsets per beat.
    """
    envelope = np.convolve(np.minimum(found.strength, LOUDEST_ONSET), _SMOOTH, "same")
    if len(envelope) < MIN_SECONDS * spectrum.FRAME_RATE or found.level < MIN_NOVELTY or not envelope.any():
        return None
    segments = _autocorrelations(envelope)
    clarity = _bars(segments.mean(axis=0))
    score = np.maximum(clarity, 0) * (0.3 + _fourier(envelope)) * _PRIOR * _density(found.per_second)
    best = int(np.argmax(score))
    # The fewer seconds, the higher chance correlation climbs.
    needed = MIN_CLARITY + CHANCE / len(envelope)
    if clarity[best] < needed:
        return None
    times = beats.track(found.strength, float(_LAGS[best])) / spectrum.FRAME_RATE
    if len(times) < 4:
        return None
    period = beats.period(times)
    bpm = 60.0 / period
    if abs(bpm / _GRID[best] - 1) > 0.012:  # the chain of beats was led astray by off-beats
        bpm = float(_GRID[best])
    return Tempo(
        bpm=round(bpm, 1),
        confidence=round(_confidence(score, clarity, best), 3),
        stability=round(_stability(segments, bpm, times), 3),
        beats=times,
    )


_SMOOTH = np.hanning(9)[1:-1] / np.hanning(9).sum()


def _autocorrelations(envelope: Array) -> Array:
    """One row per segment, each 1 at lag 0 when the segments are equally lively."""
    size = min(SEGMENT, len(envelope))
    rows = np.lib.stride_tricks.sliding_window_view(envelope, size)[:: size // 4]
    rows = rows - rows.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(rows, 2 * size, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)[:, :size] / np.maximum(1 - np.arange(size) / size, 0.25)
    energy = correlation[:, :1]
    return np.asarray(correlation / max(float(energy.mean()), 1e-9))


def _at(correlation: Array, multiple: float) -> Array:
    return np.asarray(np.interp(multiple * _LAGS, np.arange(len(correlation)), correlation, right=0.0))


def _bars(correlation: Array) -> Array:
    """How well the autocorrelation fits a bar of four or three beats, per tempo."""
    half, one = _at(correlation, 0.5), _at(correlation, 1)
    two, four = _at(correlation, 2), _at(correlation, 4)
    duple = (one + two + four + 0.3 * half) / 3.3
    # Bars alone make no beat: something must recur after one beat too, or the beat is twice as long.
    duple *= np.clip(BEAT_SHARE * one / np.maximum(np.maximum(two, four), 1e-3), 0.6, 1)
    triple = (one + 0.5 * _at(correlation, 3) + 0.3 * half) / 1.8
    return np.maximum(duple, 0.8 * triple)


def _fourier(envelope: Array) -> Array:
    size = max(16_384, 1 << (4 * len(envelope) - 1).bit_length())
    magnitude = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(envelope)), size))
    frequencies = np.fft.rfftfreq(size, 1 / spectrum.FRAME_RATE)
    magnitude /= magnitude[frequencies > 0.5].max()
    beat, half = (np.interp(_GRID / seconds, frequencies, magnitude) for seconds in (60, 30))
    return np.asarray(beat + 0.6 * half)


def _density(onsets_per_second: float) -> Array:
    """Music has more onsets than beats: with hardly one a beat, the beat is rather the slower one."""
    per_beat = onsets_per_second * 60 / _GRID
    return np.asarray(1 - SPARSE_PENALTY * np.clip((SPARSE - per_beat) / 0.6, 0, 1))


def _confidence(score: Array, clarity: Array, best: int) -> float:
    """High when the pulse is clear and neither its octaves nor any other tempo comes close."""
    pulse = min(1.0, float(clarity[best]) / CLEAR)
    ratio = np.abs(np.log2(_GRID / _GRID[best]))
    rival = float(score[ratio > 0.1].max()) / float(score[best])
    return float(np.clip(pulse * (1.25 - 0.75 * rival), 0, 1))


def _stability(segments: Array, bpm: float, times: Array) -> float:
    """1 for a machine: falls with the spread of the tempo between segments and of single beats."""
    lag = 60.0 / bpm * spectrum.FRAME_RATE
    local = []
    for row in segments:
        centre = 2 * lag if 2.2 * lag < len(row) else lag
        first, last = int(centre * 0.92), int(centre * 1.08) + 2
        around = row[first:last]
        if len(around) and around.max() > 0.05:
            local.append((first + int(np.argmax(around))) / centre)
    drift = float(np.std(local)) if local else 0.1
    intervals = np.diff(times)
    jitter = float(np.std(intervals) / np.mean(intervals))
    return float(np.clip(1 - 6 * drift - 3 * max(jitter - 0.01, 0), 0, 1))
