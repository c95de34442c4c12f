"""What is said about a job's request and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.music import genres

HALF_AND_DOUBLE = (1.0, 2.0, 0.5)  # counts of the same tempo
TEMPO_TOLERANCE = 0.03
LENGTH_TOLERANCE = 1.0  # seconds


def warnings(request: Mapping[str, Any]) -> list[str]:
    """Sentences about a request that is done as asked, but that its maker may not have meant."""
    genre = genres.BY_NAME.get(request["genre"])
    if genre is None or genre.bpm_range[0] <= request["bpm"] <= genre.bpm_range[1]:
        return []
    low, high = genre.bpm_range
    return [
        f"{request['bpm']:g} bpm is outside of what is usual for {genre.name} ({low} to {high} bpm); made as asked."
    ]


def beat_warnings(request: Mapping[str, Any], duration: float) -> list[str]:
    """Those, and a sentence about a length that is not what was asked for by more than a second."""
    found = warnings(request)
    if abs(duration - request["duration"]) > LENGTH_TOLERANCE:
        found.append(f"{request['duration']:g} s were asked for, {duration:.1f} s were made.")
    return found


def deviations(request: Mapping[str, Any], duration: float, bpm: float | None) -> list[str]:
    """Sentences about a take that is not as asked for: its length, its tempo (half and double time are the same)."""
    found = []
    asked = request.get("duration")
    if asked and abs(duration - asked) > LENGTH_TOLERANCE:
        found.append(f"{asked:g} s were asked for, {duration:.1f} s were made.")
    wanted = request.get("bpm")
    if wanted and bpm and all(abs(bpm * factor / wanted - 1) > TEMPO_TOLERANCE for factor in HALF_AND_DOUBLE):
        found.append(f"{wanted:g} bpm were asked for, {bpm:g} bpm were measured.")
    return found


def about(request: Mapping[str, Any], provider: str, found: list[str]) -> dict[str, Any]:
    """What the result of a provider says besides its takes."""
    asked = ("genre", "mood", "bpm", "key", "duration", "prompt", "lyrics", "instrumental", "seed")
    return {
        "genre": request.get("genre"),
        "mood": request.get("mood"),
        "provider": provider,
        "requested": {name: request[name] for name in asked if name in request},
        "warnings": [*(warnings(request) if request.get("genre") and request.get("bpm") else ()), *found],
    }
