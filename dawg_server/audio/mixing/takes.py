"""The best of several takes, stretch by stretch (comping): chosen by what is measured, joined by crossfades.

Each stretch of a take is judged by how much of what other takes play there is missing, how clearly it stands above its
noise, whether it clips, how steady its pitch is where it has one, and how near its level is to what the takes have
there in common. Silence and noise alone are never better than sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dawg_server.audio import arrays
from dawg_server.audio.mixing import render
from dawg_server.audio.mixing.arrangement import Arrangement, Track
from dawg_server.audio.pitch import tracker

CROSSFADE = 0.02  # seconds
_FRAME = 0.02  # seconds of one level
_SILENT_DB = -60.0
_DIGITAL_SILENCE_DB = -90.0
_ACTIVE_DB = 6.0  # above the noise: a quieter frame has nothing but noise in it
_RANGE_DB = 35.0  # below a take's loudest frames, what else sounds there is not its performance
_REACH = 8  # frames by which takes may come early or late (0.16 s)
_NOISE_WINDOW = 2048  # frames of one spectrum
_NOISE_BAND = (200.0, 16_000.0)  # Hz
_NOISE_QUANTILE = 25  # percent of the bins: partials of a voice or an instrument fill few, noise fills all
_NOISE_MEAN = -math.log(1 - _NOISE_QUANTILE / 100)  # that quantile of white noise's spectrum, as a share of its mean
_CLIPPED = 0.995  # of full scale; two samples in a row there are a clip
_WORST_CLIP = 6.0  # points
_STEADY_CENTS = 25.0  # of wavering between frames that cost one point
_MISSING = 12.0  # points for missing all that the others play: twice what any clarity is worth
_MISSED = 0.03  # a smaller share is a matter of phrasing
_STAY = 0.3  # points by which another take has to be better: jumping about has a price

Report = Callable[[float], None]


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
class _Heard:
    """A stretch of one take by itself: `levels` in dBFS of frames of 20 ms, `noise` in dBFS, the rest as above."""

    levels: arrays.Doubles
    noise: float
    clipped: float
    wavering: float | None


@dataclass(frozen=True, slots=True)
class Segment:
    """From `start` on, `duration` seconds of the take `track_id`; `scores` of all takes, None for silence."""

    start: float
    duration: float
    track_id: str
    scores: dict[str, float | None]
    quality: Quality


def compare(
    project: Arrangement, track_ids: Sequence[str], seconds: float, report: Report = lambda fraction: None
) -> list[dict[str, Any]]:
    """The stretches in order, one after another; where no take sounds there is none. Each is `{trackId, start,
    duration, fadeIn, fadeOut, scores, measured}`: stretches of different takes reach into each other by `CROSSFADE`, so
    that fading in what begins while the other fades out joins them."""
    takes = [track for track in project.tracks if track.id in track_ids]
    end = max((clip.end for take in takes for clip in take.clips), default=0.0)
    heard: list[list[_Heard]] = []
    for number, take in enumerate(takes):
        heard.append(_listen(project, take, end, seconds))
        report((number + 1) / len(takes))
    judged = _judge(heard)
    chosen: list[Segment] = []
    for index in range(math.ceil(end / seconds - 1e-9)):
        there = {take.id: qualities[index] for take, qualities in zip(takes, judged, strict=True)}
        best = _best(there, chosen[-1].track_id if chosen else None)
        if best is not None:
            start = index * seconds
            scores = _scores(there)
            chosen.append(Segment(start, min(seconds, end - start), best, scores, there[best]))
    return _joined(chosen)


def _listen(project: Arrangement, take: Track, end: float, seconds: float) -> list[_Heard]:
    """Every stretch; the take is played once."""
    size = round(seconds * project.rate)
    frames = round(end * project.rate)
    found: list[_Heard] = []
    waiting = np.zeros((0, 2), np.float32)
    for block in render.track_blocks(project, take, 0, frames):
        waiting = np.concatenate((waiting, block))
        while len(waiting) >= size:
            found.append(_measure(waiting[:size], project.rate))
            waiting = waiting[size:]
    if len(waiting):
        found.append(_measure(waiting, project.rate))
    return found


def _measure(samples: arrays.Samples, rate: int) -> _Heard:
    """`samples`: float32 `(frames, 2)`, a stretch of some seconds."""
    step = max(1, round(_FRAME * rate))
    whole = max(1, len(samples) // step)
    padded = np.zeros((whole * step, 2), np.float32)
    padded[: min(len(samples), whole * step)] = samples[: whole * step]
    power = np.square(padded).reshape(whole, -1).mean(axis=1, dtype=np.float64)
    levels = 10 * np.log10(power + 1e-12)
    high = np.abs(samples).max(axis=1) >= _CLIPPED
    clipped = float((high[1:] & high[:-1]).mean()) if len(high) > 1 else 0.0
    sounds = levels.max() > _SILENT_DB
    return _Heard(levels, _noise_under(samples, rate), clipped, _wavering(samples, rate) if sounds else None)


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


def _judge(heard: Sequence[Sequence[_Heard]]) -> list[list[Quality]]:
    """Each take beside the others. Its noise in a stretch is never below that of the whole take, and the silence in
    which it misses what others play is no measure of either."""
    active = [_active(take) for take in heard]
    wanted = np.sum(active, axis=0) >= max(1.0, len(heard) / 3)
    judged: list[list[Quality]] = []
    for take, sounding in zip(heard, active, strict=True):
        near = np.convolve(sounding, np.ones(2 * _REACH + 1), mode="same") > 0
        missing = wanted & ~near
        telling = ~_around(missing, sounding)
        floor = _noise(np.concatenate([part.levels for part in take])[telling], min(part.noise for part in take))
        qualities, first = [], 0
        for part in take:
            here = slice(first, first + len(part.levels))
            share = float(missing[here].sum() / max(1, wanted[here].sum()))
            noise = max(floor, _noise(part.levels[telling[here]], part.noise))
            qualities.append(_quality(part, sounding[here], noise, share))
            first = here.stop
        judged.append(qualities)
    return judged


def _active(take: Sequence[_Heard]) -> NDArray[np.bool_]:
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


def _quality(part: _Heard, active: NDArray[np.bool_], noise: float, missing: float) -> Quality:
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


def _scores(there: dict[str, Quality]) -> dict[str, float | None]:
    usual = np.median([quality.level for quality in there.values() if not quality.silent] or [0.0])
    scores: dict[str, float | None] = {}
    for take, quality in there.items():
        if quality.silent:
            scores[take] = None
            continue
        score = quality.clarity / 10
        score -= 2.0 + _MISSING * quality.missing if quality.missing > _MISSED else 0.0
        score -= min(_WORST_CLIP, 2.0 + 2000 * quality.clipped) if quality.clipped else 0.0
        score -= (quality.wavering or 0.0) / _STEADY_CENTS
        score -= abs(quality.level - float(usual)) / 6
        scores[take] = round(score, 3)
    return scores


def _best(there: dict[str, Quality], before: str | None) -> str | None:
    scores = {take: score for take, score in _scores(there).items() if score is not None}
    if not scores:
        return None
    best = max(scores, key=lambda take: scores[take])
    if before in scores and scores[best] - scores[before] < _STAY:
        return before
    return best


def _joined(chosen: Sequence[Segment]) -> list[dict[str, Any]]:
    """Neighbours of the same take become one; those of different takes overlap."""
    merged: list[Segment] = []
    parts: list[list[Segment]] = []
    for segment in chosen:
        last = merged[-1] if merged else None
        if last and last.track_id == segment.track_id and abs(last.start + last.duration - segment.start) < 1e-6:
            length = segment.start + segment.duration - last.start
            merged[-1] = Segment(last.start, length, last.track_id, last.scores, last.quality)
            parts[-1].append(segment)
        else:
            merged.append(segment)
            parts.append([segment])
    told = []
    for index, segment in enumerate(merged):
        before = index > 0 and abs(merged[index - 1].start + merged[index - 1].duration - segment.start) < 1e-6
        after = index + 1 < len(merged) and abs(segment.start + segment.duration - merged[index + 1].start) < 1e-6
        lead, tail = (CROSSFADE / 2 if before else 0.0), (CROSSFADE / 2 if after else 0.0)
        told.append(
            {
                "trackId": segment.track_id,
                "start": segment.start - lead,
                "duration": segment.duration + lead + tail,
                "fadeIn": 2 * lead,
                "fadeOut": 2 * tail,
                "segments": [
                    {
                        "start": part.start,
                        "duration": part.duration,
                        "scores": part.scores,
                        "measured": {
                            "level": round(part.quality.level, 1),
                            "clarity": round(part.quality.clarity, 1),
                            "missingShare": round(part.quality.missing, 3),
                            "clippedShare": part.quality.clipped,
                            "waveringCents": None if part.quality.wavering is None else round(part.quality.wavering, 1),
                        },
                    }
                    for part in parts[index]
                ],
            }
        )
    return told
