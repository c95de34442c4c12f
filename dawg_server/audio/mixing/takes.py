"""The best of several takes, stretch by stretch (comping): chosen by what is measured, joined by crossfades.

Silence and noise alone are never better than sound: what the better take of a stretch lacks comes from another.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dawg_server.audio import arrays
from dawg_server.audio.mixing import take_quality
from dawg_server.audio.mixing.arrangement import Arrangement
from dawg_server.audio.mixing.take_quality import Judged, Quality

CROSSFADE = 0.02  # seconds
_STAY = 0.3  # points by which another take has to be better: jumping about has a price
# What a joint away from the stretch's own edge costs, in points
_ASIDE = 0.2  # a second in which not the take chosen for the stretch plays, beside what that is worse
_JOINT = 0.02
_CUT = 0.04  # leaving or entering a take while it sounds: joints are rather in rests
_BREAK = 1.0  # leaving a take when it breaks off, or entering it just then: there is nothing to crossfade with
_LOST = 1000.0  # a frame in which another take sounds and this one does not: more than any joint

Report = Callable[[float], None]


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
    heard: list[list[take_quality.Heard]] = []
    for number, take in enumerate(takes):
        heard.append(take_quality.listen(project, take, end, seconds))
        report((number + 1) / len(takes))
    if end <= 0:
        return []
    judged = take_quality.judge(heard)
    counts = [len(part.levels) for part in heard[0]]
    frame = take_quality.frame_size(project.rate) / project.rate
    path = _path(judged, counts, frame)
    chosen: list[Segment] = []
    first = 0
    for index, count in enumerate(counts):
        there = {take.id: each.qualities[index] for take, each in zip(takes, judged, strict=True)}
        start = index * seconds
        length = min(seconds, end - start)
        if length > 0 and not all(quality.silent for quality in there.values()):
            scores = take_quality.scores(there)
            here = path[first : first + count]
            cuts = [0, *(place for place in range(1, count) if here[place] != here[place - 1]), count]
            for begin, stop in itertools.pairwise(cuts):
                until = length if stop == count else stop * frame
                best = takes[here[begin]].id
                chosen.append(Segment(start + begin * frame, until - begin * frame, best, scores, there[best]))
        first += count
    return _joined(chosen)


def _path(judged: Sequence[Judged], counts: Sequence[int], frame: float) -> list[int]:
    """The take to play in each frame of `frame` seconds, by its place in `judged`: of all ways from the first frame to
    the last, the one that costs the fewest points (Viterbi). `counts` are frames of each stretch."""
    parts: list[arrays.Doubles] = []
    before: int | None = None
    for index, count in enumerate(counts):
        scores = [-math.inf if each is None else each for each in _stretch_scores(judged, index)]
        best = int(np.argmax(scores))
        if max(scores) == -math.inf:
            cost = np.zeros(len(judged))
        else:
            before = best if before is None or scores[best] - scores[before] >= _STAY else before
            worse = np.maximum(0.0, scores[before] - np.maximum(scores, take_quality.WORST))
            cost = worse / count + np.where(np.arange(len(judged)) == before, 0.0, _ASIDE * frame)
        parts.append(np.tile(cost, (count, 1)))
    active = np.transpose([each.active for each in judged]).astype(float)
    holes = np.transpose([each.holes for each in judged]).astype(float)
    within = _CUT * active[:-1] * active[1:]
    leaving = _JOINT + within + _BREAK * active[:-1] * holes[1:]
    entering = within + _BREAK * holes[:-1] * active[1:]
    return _cheapest(np.concatenate(parts) + _LOST * holes, leaving, entering)


def _stretch_scores(judged: Sequence[Judged], index: int) -> list[float | None]:
    there = {str(number): each.qualities[index] for number, each in enumerate(judged)}
    return list(take_quality.scores(there).values())


def _cheapest(costs: arrays.Doubles, leaving: arrays.Doubles, entering: arrays.Doubles) -> list[int]:
    """`costs` by frame and take; `leaving` and `entering` a take between one frame and the next."""
    total = costs[0]
    stay = np.arange(costs.shape[1])
    origins = []
    for leave, enter, cost in zip(leaving, entering, costs[1:], strict=True):
        source = int(np.argmin(total + leave))
        moved = total[source] + leave[source] + enter
        origins.append(np.where(moved < total, source, stay))
        total = np.minimum(moved, total) + cost
    path = [int(np.argmin(total))]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return path[::-1]


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
