"""Scores for the composer's tests."""

from __future__ import annotations

import functools
from typing import Any

from dawg_server.music import compose, genres, score


def compose_anew(genre: str = "house", **changes: Any) -> score.Score:
    """A half-minute piece in the genre's own tempo and first mood, unless the changes say otherwise."""
    found = genres.find(genre)
    assert found is not None
    request: dict[str, Any] = {
        "bpm": found.default_bpm,
        "key": "Cm",
        "mood": found.moods[0],
        "duration": 30,
        "seed": 1,
    }
    return compose.compose(genre=genre, **(request | changes))


# Scores cannot change, so that tests may share them.
piece = functools.lru_cache(maxsize=512)(compose_anew)


def notes(score_: score.Score, stem: str) -> list[score.Note]:
    """All notes of a stem, effects left out."""
    return [note for part in parts(score_) if part.stem == stem for note in part.notes]


def parts(score_: score.Score) -> list[score.Part]:
    """All parts but effects."""
    return [part for part in score_.parts if part.instrument not in ("riser", "impact", "vinyl noise")]


def without_mood(score_: score.Score) -> tuple[Any, ...]:
    """What is heard of a score, without the words that asked for it."""
    return score_.sections, score_.parts, score_.brightness, score_.space, score_.grit
