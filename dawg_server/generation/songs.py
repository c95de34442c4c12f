"""A request for a song or an instrumental, resolved: what its words, mood and genre decide when the caller did not."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from dawg_server.generation import requests
from dawg_server.music import genres, prompt_hints
from dawg_server.music.prompt_record import PromptHints


def music(body: Mapping[str, Any], providers: requests.Providers) -> tuple[dict[str, Any], str]:
    """(the job's input, the provider). What was not asked for stays None: a song service decides it."""
    lyrics = body["lyrics"] or None
    instrumental = body["instrumental"]
    if instrumental is None and body["include_vocals"] is not None:
        instrumental = not body["include_vocals"]
    if instrumental is None:
        instrumental = lyrics is None
    notes = ["The lyrics are not sung, for an instrumental was asked for."] if instrumental and lyrics else []
    request = {
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
        "seed": secrets.randbelow(requests.SEEDS),
        "projectId": body["project_id"],
        "addToProject": body["add_to_project"],
        "startTime": float(body["start_time"]),
        "notes": notes,
    }
    provider = providers.choose("music", body["provider"], request)
    return _completed(request) if provider == "embedded" else request, provider


def _completed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request for the embedded engine, which has to know everything; `notes` say what was chosen for the user."""
    hints = prompt_hints.read(request["prompt"])
    named = genres.find(request["genre"]) or _genre_in(hints)
    genre = named or genres.find(requests.DEFAULT_GENRE)
    assert genre is not None
    asked = {name: request[name] for name in ("mood", "bpm", "key", "duration", "seed")}
    asked |= {"genre": genre.name, "usual": requests.DEFAULT_DURATION["music"]}
    asked |= dict.fromkeys(("timeSignature", "bars", "ending", "project"))
    made = requests.settle(asked, hints)
    chosen = {"genre": genre.name, **{name: made.request[name] for name in ("mood", "bpm", "key", "duration")}}
    open_ones = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in chosen.items()
        if request[name] is None and value
    ]
    notes = [f"Chosen for you, as nothing was asked for: {', '.join(open_ones)}."] if open_ones else []
    return {**request, **chosen, **made.request, "asked": asked, "notes": [*request["notes"], *notes]}


def _genre_in(hints: PromptHints) -> genres.GenreInfo | None:
    """The genre that the user's own words name and do not refuse, the longest name first."""
    return genres.find(max(hints.genres, key=len)) if hints.genres else None
