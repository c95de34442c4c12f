"""The best of several takes, stretch by stretch (comping): chosen by what is measured, joined by crossfades.

Each stretch of a take is judged by how clearly it stands above its own noise, whether it clips, how steady its pitch is
where it has one, and how near its level is to what the takes have there in common. Silence is never better than sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dawg_server.audio import arrays
from dawg_server.audio.mixing import render
from dawg_server.audio.mixing.arrangement import Arrangement, Track
from dawg_server.audio.pitch import tracker

CROSSFADE = 0.02  # seconds
_FRAME = 0.02  # seconds of one level
_SILENT_DB = -60.0
_CLIPPED = 0.995  # of full scale; two samples in a row there are a clip
_WORST_CLIP = 6.0  # points
_STEADY_CENTS = 60.0  # of wavering between frames that cost one point
_STAY = 0.3  # points by which another take has to be better: jumping about has a price

Report = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Quality:
    """`level` in dBFS while it sounds, `clarity` in dB of sound above noise, `clipped` a share of the samples,
    `wavering` in cents between frames of 10 ms (None without a pitch)."""

    level: float
    clarity: float
    clipped: float
    wavering: float | None

    @property
    def silent(self) -> bool:
        return self.level < _SILENT_DB


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
    judged: list[list[Quality]] = []
    for number, take in enumerate(takes):
        judged.append(_judge(project, take, end, seconds))
        report((number + 1) / len(takes))
    chosen: list[Segment] = []
    for index in range(math.ceil(end / seconds - 1e-9)):
        there = {take.id: qualities[index] for take, qualities in zip(takes, judged, strict=True)}
        best = _best(there, chosen[-1].track_id if chosen else None)
        if best is not None:
            start = index * seconds
            scores = _scores(there)
            chosen.append(Segment(start, min(seconds, end - start), best, scores, there[best]))
    return _joined(chosen)


def _judge(project: Arrangement, take: Track, end: float, seconds: float) -> list[Quality]:
    """One quality per stretch; the take is played once."""
    size = round(seconds * project.rate)
    frames = round(end * project.rate)
    found: list[Quality] = []
    waiting = np.zeros((0, 2), np.float32)
    for block in render.track_blocks(project, take, 0, frames):
        waiting = np.concatenate((waiting, block))
        while len(waiting) >= size:
            found.append(measure(waiting[:size], project.rate))
            waiting = waiting[size:]
    if len(waiting):
        found.append(measure(waiting, project.rate))
    return found


def measure(samples: arrays.Samples, rate: int) -> Quality:
    """`samples`: float32 `(frames, 2)`, a stretch of some seconds."""
    step = max(1, round(_FRAME * rate))
    whole = max(1, len(samples) // step)
    padded = np.zeros((whole * step, 2), np.float32)
    padded[: min(len(samples), whole * step)] = samples[: whole * step]
    power = np.square(padded).reshape(whole, -1).mean(axis=1, dtype=np.float64)
    levels = 10 * np.log10(power + 1e-12)
    sounding = levels[levels > max(_SILENT_DB, float(levels.max()) - 25)]
    if not len(sounding):
        return Quality(-120.0, 0.0, 0.0, None)
    level = float(10 * np.log10(np.mean(10 ** (sounding / 10))))
    high = np.abs(samples).max(axis=1) >= _CLIPPED
    clipped = float((high[1:] & high[:-1]).mean()) if len(high) > 1 else 0.0
    noise = max(-90.0, float(np.percentile(levels, 5)))
    return Quality(level, min(60.0, level - noise), clipped, _wavering(samples, rate))


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
                            "clippedShare": part.quality.clipped,
                            "waveringCents": None if part.quality.wavering is None else round(part.quality.wavering, 1),
                        },
                    }
                    for part in parts[index]
                ],
            }
        )
    return told
