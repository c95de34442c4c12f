"""A beat request, resolved: what the genre decides when the caller did not, and what is odd about it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from dawg_server.music import genres

SEEDS = 2**31


def resolve(body: Mapping[str, Any]) -> dict[str, Any]:
    """The job's input. A seed is drawn here when none was given, so that a repeated attempt makes the same music."""
    genre = genres.find(body["genre"])
    if genre is None:
        raise LookupError(body["genre"])
    bpm = round(float(body["bpm"] or genre.default_bpm), 2)
    return {
        "genre": genre.name,
        "prompt": body["prompt"] or "",
        "bpm": bpm,
        "key": body["key"],
        "mood": body["mood"] or genre.moods[0],
        "duration": float(body["duration"]),
        "provider": body["provider"],
        "seed": secrets.randbelow(SEEDS) if body["seed"] is None else body["seed"],
        "projectId": body["project_id"],
        "addToProject": body["add_to_project"],
        "startTime": float(body["start_time"]),
    }


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
