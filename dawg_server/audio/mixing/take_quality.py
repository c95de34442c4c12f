"""How good each stretch of each of several takes is, and where a take lacks sound that another has.

Each stretch of a take is judged by how much of what other takes play there is missing, how clearly it stands above its
noise, whether it clips, how steady its pitch is where it has one, and how near its level is to what the takes have
there in common.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio import arrays
from dawg_server.audio.mixing import render
from dawg_server.audio.mixing.arrangement import Arrangement, Track
from dawg_server.audio.pitch import tracker

_SILENT_DB = -60.0
_FRAME = 0.02  # seconds of one level
_DIGITAL_SILENCE_DB = -90.0
_ACTIVE_DB = 6.0  # above the noise: a quieter frame has nothing but noise in it
_RANGE_DB = 35.0  # below a take's loudest frames, what else sounds there is not its performance
_REACH = 8  # frames (0.16 s) by which takes may come early or late
_NOISE_WINDOW = 2048  # frames of one spectrum
_NOISE_BAND = (200.0, 16_000.0)  # Hz
_NOISE_QUANTILE = 25  # percent of the bins: partials of a voice or an instrument fill few, noise fills all
_NOISE_MEAN = -math.log(1 - _NOISE_QUANTILE / 100)  # that quantile of white noise's spectrum, as a share of its mean
_CLIPPED = 0.995  # of full scale; two samples in a row there are a clip
_WORST_CLIP = 6.0  # points
_STEADY_CENTS = 25.0  # of wavering between frames that cost one point
_MISSING = 12.0  # points for missing all that the others play: twice what any clarity is worth
_MISSED = 0.03  # a smaller share is a matter of phrasing
WORST = -2.0 - _MISSING  # points of a take that is silent


@dataclass(frozen=True, slots=True)
class Quality:
    """`level` in dBFS while it sounds, `clarity` in dB of sound above noise, `missing` the share of what the takes play
    there that this one does not, `clipped` a share of the samples, `wavering` in cents between frames of 10 ms (None
    without a pitch)."""

    level: float
    clarity: float
    missing: float
    clipped: float
    wavering: float | None

    @property
    def silent(self) -> bool:
        return self.level < _SILENT_DB


@dataclass(frozen=True, slots=True)
class Heard:
    """A stretch of one take by itself: `levels` in dBFS of frames of 20 ms, which of them are partly `empty` (digitally
    silent), `noise` in dBFS, the rest as above."""

    levels: arrays.Doubles
    empty: NDArray[np.bool_]
    noise: float
    clipped: float
    wavering: float | None


@dataclass(frozen=True, slots=True)
class Judged:
    """One take beside the others: a quality for each stretch, and by frame of 20 ms where it is `active` (more sounds
    than noise) and where it has a `hole`: it lacks what another take has."""

    qualities: list[Quality]
    active: NDArray[np.bool_]
    holes: NDArray[np.bool_]


def frame_size(rate: int) -> int:
    """Samples of one level."""
    return max(1, round(_FRAME * rate))


def listen(project: Arrangement, take: Track, end: float, seconds: float) -> list[Heard]:
    """Every stretch; the take is played once."""
    size = round(seconds * project.rate)
    frames = round(end * project.rate)
    found: list[Heard] = []
    waiting = np.zeros((0, 2), np.float32)
    for block in render.track_blocks(project, take, 0, frames):
        waiting = np.concatenate((waiting, block))
        while len(waiting) >= size:
            found.append(_measure(waiting[:size], project.rate))
            waiting = waiting[size:]
    if len(waiting):
        found.append(_measure(waiting, project.rate))
    return found


def _measure(samples: arrays.Samples, rate: int) -> Heard:
    """`samples`: float32 `(frames, 2)`, a stretch of some seconds."""
    step = frame_size(rate)
    whole = max(1, round(len(samples) / step))
    padded = np.zeros((whole * step, 2), np.float32)
    padded[: min(len(samples), whole * step)] = samples[: whole * step]
    power = np.square(padded).reshape(whole, -1).mean(axis=1, dtype=np.float64)
    levels = 10 * np.log10(power + 1e-12)
    high = np.abs(samples).max(axis=1) >= _CLIPPED
    clipped = float((high[1:] & high[:-1]).mean()) if len(high) > 1 else 0.0
    sounds = levels.max() > _SILENT_DB
    return Heard(
        levels,
        _empty(padded, whole),
        _noise_under(samples, rate),
        clipped,
        _wavering(samples, rate) if sounds else None,
    )


def _empty(padded: arrays.Samples, whole: int) -> NDArray[np.bool_]:
    """Frames of which a quarter or more is digitally silent."""
    peaks = np.abs(padded).max(axis=1).reshape(whole, -1)
    parts = [part.max(axis=1) for part in np.array_split(peaks, 4, axis=1) if part.shape[1]]
    return np.asarray(np.min(parts, axis=0) < 10 ** (_DIGITAL_SILENCE_DB / 20))


def _noise_under(samples: arrays.Samples, rate: int) -> float:
    """dBFS of the noise under sustained sound, between its partials; infinite where there is none or no time for it."""
    count = len(samples) // _NOISE_WINDOW
    if not count:
        return math.inf
    mono = samples[: count * _NOISE_WINDOW].mean(axis=1).reshape(count, _NOISE_WINDOW)
    mono = mono[np.abs(mono).max(axis=1) > 10 ** (_DIGITAL_SILENCE_DB / 20)]
    if not len(mono):
        return math.inf
    window = np.hanning(_NOISE_WINDOW).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(mono * window, axis=1))) / np.square(window).sum()
    bins = np.fft.rfftfreq(_NOISE_WINDOW, 1 / rate)
    power = power[:, (bins >= _NOISE_BAND[0]) & (bins < min(_NOISE_BAND[1], 0.45 * rate))]
    density = np.percentile(power, _NOISE_QUANTILE, axis=1) / _NOISE_MEAN
    return float(10 * np.log10(np.median(density) + 1e-12))


def judge(heard: Sequence[Sequence[Heard]]) -> list[Judged]:
    """Each take beside the others. Its noise in a stretch is never below that of the whole take, and the silence in
    which it misses what others play is no measure of either."""
    active = [_active(take) for take in heard]
    judged: list[Judged] = []
    for take, sounding, holes in zip(heard, active, _holes(heard, active), strict=True):
        missing = holes & ~_near(sounding)  # a shorter rest is phrasing: it is filled, but costs no points
        telling = ~_around(missing, sounding)
        floor = _noise(np.concatenate([part.levels for part in take])[telling], min(part.noise for part in take))
        qualities, first = [], 0
        for part in take:
            here = slice(first, first + len(part.levels))
            played = np.any([each[here] for each in active], axis=0)
            share = float(missing[here].sum() / max(1, played.sum()))
            noise = max(floor, _noise(part.levels[telling[here]], part.noise))
            qualities.append(_quality(part, sounding[here], noise, share))
            first = here.stop
        judged.append(Judged(qualities, sounding, holes))
    return judged


def _holes(heard: Sequence[Sequence[Heard]], active: Sequence[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """By take, the frames in which it lacks sound. Where it is digitally silent nothing has been recorded: any other
    take's sound is lacking. Where it pauses, a third of the takes that play by then and go on have to sound, for one
    may cough; and rests that they have in common may begin and end a little sooner or later."""
    anything = np.any(active, axis=0)
    present = [np.logical_or.accumulate(one) & np.logical_or.accumulate(one[::-1])[::-1] for one in active]
    played = np.sum(active, axis=0) >= np.maximum(1.0, np.sum(present, axis=0) / 3)
    resting = _near(~played)
    found = []
    for take, sounding in zip(heard, active, strict=True):
        empty = np.concatenate([part.empty for part in take])
        broken = empty & sounding & ~_between(sounding)
        lacking = (anything & empty) | (played & ~(resting & _near(sounding)))
        found.append(_lasting((~sounding | broken) & lacking))
    return found


def _near(frames: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(np.convolve(frames, np.ones(2 * _REACH + 1))[_REACH : _REACH + len(frames)] > 0)


def _between(frames: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Frames after one and before one."""
    padded = np.pad(frames, 1)
    return padded[:-2] & padded[2:]


def _lasting(frames: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without frames that stand alone: what is shorter than 60 ms is no hole."""
    padded = np.pad(frames, 1)
    return frames & (padded[:-2] | padded[2:])


def _active(take: Sequence[Heard]) -> NDArray[np.bool_]:
    """Frames in which more sounds than noise."""
    levels = np.concatenate([part.levels for part in take])
    least = max(_SILENT_DB, float(np.percentile(levels, 98)) - _RANGE_DB)
    floor = _noise(levels[levels > _DIGITAL_SILENCE_DB], min(part.noise for part in take))
    return np.concatenate(
        [
            part.levels
            > max(least, _ACTIVE_DB + max(floor, _noise(part.levels[part.levels > _DIGITAL_SILENCE_DB], part.noise)))
            for part in take
        ]
    )


def _noise(levels: arrays.Doubles, under: float) -> float:
    """dBFS of noise: what is heard in pauses, or under a sound that has none."""
    pauses = float(np.percentile(levels, 5)) if levels.size else math.inf
    noise = min(pauses, under)
    return max(_DIGITAL_SILENCE_DB, noise) if math.isfinite(noise) else _DIGITAL_SILENCE_DB


def _around(missing: NDArray[np.bool_], sounding: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The whole of each pause of a take in which it misses something."""
    pause = np.cumsum(sounding)
    return ~sounding & np.isin(pause, np.unique(pause[missing]))


def _quality(part: Heard, active: NDArray[np.bool_], noise: float, missing: float) -> Quality:
    sounding = part.levels[active] if active.any() else part.levels[part.levels > _SILENT_DB]
    if not len(sounding):
        return Quality(-120.0, 0.0, missing, 0.0, None)
    level = float(10 * np.log10(np.mean(10 ** (sounding / 10))))
    return Quality(level, min(60.0, max(0.0, level - noise)), missing, part.clipped, part.wavering)


def _wavering(samples: arrays.Samples, rate: int) -> float | None:
    import soxr  # type: ignore[import-untyped]

    mono = soxr.resample(samples.mean(axis=1), rate, tracker.RATE).astype(np.float32)
    pitch = tracker.follow([mono[:, None]]).pitch
    steps = np.abs(np.diff(pitch))
    steps = steps[~np.isnan(steps)]
    return float(100 * np.sqrt(np.mean(np.square(steps)))) if len(steps) > 20 else None


def scores(there: Mapping[str, Quality]) -> dict[str, float | None]:
    usual = np.median([quality.level for quality in there.values() if not quality.silent] or [0.0])
    found: dict[str, float | None] = {}
    for take, quality in there.items():
        if quality.silent:
            found[take] = None
            continue
        score = quality.clarity / 10
        score -= 2.0 + _MISSING * quality.missing if quality.missing > _MISSED else 0.0
        score -= min(_WORST_CLIP, 2.0 + 2000 * quality.clipped) if quality.clipped else 0.0
        score -= (quality.wavering or 0.0) / _STEADY_CENTS
        score -= abs(quality.level - float(usual)) / 6
        found[take] = round(score, 3)
    return found
