"""A beat request, resolved: what the genre decides when the caller did not, and what is odd about it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from dawg_server import errors
from dawg_server.music import genres

SEEDS = 2**31
LONGEST = 300.0  # seconds
WHOLE_BARS = 0.02  # seconds by which a duration may miss whole bars that are meant
ENDING_FROM = 24.0  # seconds; a piece of whole bars that is shorter is a loop, unless an ending is asked for


class Length(NamedTuple):
    """`bars` is None for a duration that is not whole bars; `duration` in seconds; without an `ending` it is a loop."""

    bars: int | None
    duration: float
    ending: bool


def length(
    bpm: float, duration: float, bars: int | None = None, ending: bool | None = None, beats_per_bar: float = 4.0
) -> Length:
    """What is made of `bars`, or of a `duration` where there are none. Raises `ValidationError` beyond 300 s."""
    bar = beats_per_bar * 60.0 / bpm
    whole = max(1, round(duration / bar))
    if bars is None and (ending is False or abs(whole * bar - duration) <= WHOLE_BARS):
        ending = duration >= ENDING_FROM if ending is None else ending
        bars = whole if whole * bar <= LONGEST else whole - 1
    if bars is None:
        return Length(None, duration, True)
    if bars * bar > LONGEST + 1e-6:
        most = int(LONGEST / bar + 1e-9)
        raise errors.ValidationError(
            f"{bars} bars at {bpm:g} bpm are {bars * bar:.0f} seconds; up to {LONGEST:g} are made. "
            f"Ask for up to {most} bars, or for a faster tempo.",
            details={"bars": f"has to be at most {most} at this tempo"},
        )
    return Length(bars, min(bars * bar, LONGEST), bool(ending))


def resolve(body: Mapping[str, Any]) -> dict[str, Any]:
    """The job's input. A seed is drawn here when none was given, so that a repeated attempt makes the same music."""
    genre = genres.find(body["genre"])
    if genre is None:
        raise LookupError(body["genre"])
    bpm = round(float(body["bpm"] or genre.default_bpm), 2)
    beats_per_bar = float(body.get("beats_per_bar") or 4.0)
    asked = length(bpm, float(body["duration"]), body["bars"], body["ending"], beats_per_bar)
    return {
        "genre": genre.name,
        "prompt": body["prompt"] or "",
        "bpm": bpm,
        "key": body["key"],
        "mood": body["mood"] or genre.moods[0],
        "duration": asked.duration,
        "bars": asked.bars,
        "ending": asked.ending,
        "beatsPerBar": beats_per_bar,
        "provider": body["provider"],
        "seed": secrets.randbelow(SEEDS) if body["seed"] is None else body["seed"],
        "projectId": body["project_id"],
        "addToProject": body["add_to_project"],
        "startTime": float(body["start_time"]),
    }


def for_provider(request: dict[str, Any], provider: str) -> dict[str, Any]:
    """The request, with a note where whoever makes it cannot count bars."""
    if provider == "embedded" or request["bars"] is None:
        return request
    sentence = f"{provider} makes about {request['duration']:g} s and does not keep to {request['bars']} bars."
    return {**request, "notes": [f"{sentence} The embedded engine does."]}


def warnings(request: Mapping[str, Any]) -> list[str]:
    """Sentences about a request that is done as asked, but that its maker may not have meant."""
    genre = genres.find(request["genre"])
    if genre is None or genre.bpm_range[0] <= request["bpm"] <= genre.bpm_range[1]:
        return []
    low, high = genre.bpm_range
    return [
        f"{request['bpm']:g} bpm is outside of what is usual for {genre.name} ({low} to {high} bpm); made as asked."
    ]


def deviations(request: Mapping[str, Any], facts: Mapping[str, Any], measured: Mapping[str, Any]) -> list[str]:
    """Sentences about what was measured and is not what was asked: over 1 s of length, over 3 % of tempo."""
    found = []
    if abs(facts["duration"] - request["duration"]) > 1.0:
        found.append(f"{request['duration']:g} s were asked for, {facts['duration']:.1f} s were made.")
    if measured.get("bpm") and abs(measured["bpm"] / request["bpm"] - 1) > 0.03:
        found.append(f"{request['bpm']:g} bpm were asked for, {measured['bpm']:g} bpm were measured.")
    return found
