"""A music request, resolved: what the caller left open, and what is said about the result."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from dawg_server.generation import beats
from dawg_server.music import genres, prompt_hints

DEFAULT_GENRE = "pop"
DEFAULT_KEY = "C"
DEFAULT_DURATION = 60.0  # seconds, for makers that have to know a length
HALF_AND_DOUBLE = (1.0, 2.0, 0.5)  # counts of the same tempo
TEMPO_TOLERANCE = 0.03
LENGTH_TOLERANCE = 1.0  # seconds


def resolve(body: Mapping[str, Any]) -> dict[str, Any]:
    """The job's input. What was not asked for stays None: a song service decides it."""
    lyrics = body["lyrics"] or None
    instrumental = body["instrumental"]
    if instrumental is None and body["include_vocals"] is not None:
        instrumental = not body["include_vocals"]
    if instrumental is None:
        instrumental = lyrics is None
    notes = ["The lyrics are not sung, for an instrumental was asked for."] if instrumental and lyrics else []
    return {
        "prompt": body["prompt"],
        "genre": body["genre"],
        "mood": body["mood"] or None,
        "bpm": round(float(body["bpm"]), 2) if body["bpm"] is not None else None,
        "key": body["key"],
        "duration": float(body["duration"]) if body["duration"] is not None else None,
        "lyrics": None if instrumental else lyrics,
        "instrumental": instrumental,
        "title": body["title"] or None,
        "negativeTags": body["negative_tags"] or None,
        "vocalGender": body["vocal_gender"],
        "provider": body["provider"],
        "seed": secrets.randbelow(beats.SEEDS),
        "projectId": body["project_id"],
        "addToProject": body["add_to_project"],
        "startTime": float(body["start_time"]),
        "notes": notes,
    }


def completed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request for the embedded engine, which has to know everything; `notes` say what was chosen for the user."""
    named = genres.find(request["genre"]) or _genre_in(request["prompt"])
    genre = named or genres.find(DEFAULT_GENRE)
    assert genre is not None
    bpm = float(request["bpm"] or genre.default_bpm)
    asked = beats.length(bpm, float(request["duration"] or DEFAULT_DURATION))
    chosen = {
        "genre": genre.name,
        "mood": request["mood"] or genre.moods[0],
        "bpm": bpm,
        "key": request["key"] or DEFAULT_KEY,
        "duration": asked.duration,
    }
    open_ones = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in chosen.items()
        if request[name] is None
    ]
    notes = [f"Chosen for you, as nothing was asked for: {', '.join(open_ones)}."] if open_ones else []
    length = {"bars": asked.bars, "ending": asked.ending, "beatsPerBar": 4.0}
    return {**request, **chosen, **length, "notes": [*request["notes"], *notes]}


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


def about(request: Mapping[str, Any], provider: str, warnings: list[str]) -> dict[str, Any]:
    """What the result of a provider says besides its takes."""
    asked = ("genre", "mood", "bpm", "key", "duration", "prompt", "lyrics", "instrumental", "seed")
    return {
        "genre": request.get("genre"),
        "mood": request.get("mood"),
        "provider": provider,
        "requested": {name: request[name] for name in asked if name in request},
        "warnings": [*(beats.warnings(request) if request.get("genre") and request.get("bpm") else ()), *warnings],
    }


def _genre_in(prompt: str) -> genres.GenreInfo | None:
    """The genre that the user's own words name and do not refuse, the longest name first."""
    named = prompt_hints.read(prompt).genres
    return genres.find(max(named, key=len)) if named else None
