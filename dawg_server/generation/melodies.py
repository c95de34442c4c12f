"""A melody request, resolved: what the genre and the words decide when the caller did not."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from dawg_server import errors
from dawg_server.generation import requests
from dawg_server.generation.vocals.words import sung
from dawg_server.lyrics import syllables
from dawg_server.music import genres, theory, topline
from dawg_server.music.clip import MOST_BARS

DEFAULT_BARS = 8
BEATS_PER_BAR = 4.0


def melody(body: Mapping[str, Any], providers: requests.Providers) -> tuple[dict[str, Any], str]:
    """(the job's input, the provider). `syllables` are those of each sung line, which has `topline.BARS_PER_LINE` bars.

    Raises `ValidationError` for words that have no room, and for more than `requests.LONGEST` seconds.
    """
    genre = genres.find(body["genre"] or requests.DEFAULT_GENRE)
    assert genre is not None
    bpm = round(float(body["bpm"] or genre.default_bpm), 2)
    counts = [syllables.count(line) for line in sung(body["lyrics"] or "")]
    needed = len(counts) * topline.BARS_PER_LINE
    bars = body["bars"] or min(MOST_BARS, max(DEFAULT_BARS, needed))
    if needed > bars:
        lines = bars // topline.BARS_PER_LINE
        raise errors.ValidationError(
            f"{len(counts)} lines need {needed} bars, and there are {bars}. Send up to {lines} lines"
            + (", or ask for more bars." if bars < MOST_BARS else "."),
            details={"lyrics": f"has to have at most {lines} lines"},
        )
    length = requests.length(bpm, requests.LONGEST, bars, ending=False, beats_per_bar=BEATS_PER_BAR)
    request = {
        "genre": genre.name,
        "mood": body["mood"] or "",
        "bpm": bpm,
        "key": _key(body["key"], body["scale"]),
        "bars": bars,
        "duration": length.duration,
        "complexity": body["complexity"],
        "lyrics": body["lyrics"] or None,
        "syllables": counts,
        "beatsPerBar": BEATS_PER_BAR,
        "provider": "auto",
        "seed": secrets.randbelow(requests.SEEDS) if body["seed"] is None else body["seed"],
        "projectId": body["project_id"],
        "addToProject": body["add_to_project"],
        "startTime": float(body["start_time"]),
    }
    return request, providers.choose("melody", "auto", request)


def _key(key: str, scale: str | None) -> str:
    """A scale that is named outweighs the one of the key."""
    tonic = theory.parse_key(key).name.removesuffix("m")
    return key if scale is None else f"{tonic}m" if scale == "minor" else tonic
