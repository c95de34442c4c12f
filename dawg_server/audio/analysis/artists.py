"""Whose style a recording resembles, judged by its measured metadata. Needs no numpy."""

from __future__ import annotations

import functools
import json
import math
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

NAMED_BONUS = 0.15  # what naming an artist adds to a likeness that the recording already has
LEAST_CONFIDENCE = 0.5  # below it no style is detected, though candidates are listed
LEAST_CANDIDATE = 0.2
CANDIDATES = 5


@dataclass(frozen=True)
class ArtistProfile:
    """`genres` in order of likelihood; `ranges` are (lowest, highest) of a measured value. With `strict` all of them
    must be met, and the genre must be measured, not suggested."""

    style: str
    aliases: tuple[str, ...]
    genres: tuple[str, ...]
    ranges: dict[str, tuple[float, float]]
    strict: bool


def detect_style(metadata: dict[str, Any], artist_reference: str | None = None) -> dict[str, Any]:
    """`{detectedStyle, confidence, candidates: [{style, confidence}]}` from track metadata.

    Each value inside an artist's range counts in full and fades outside of it. A name in `artist_reference` only helps
    a likeness that is there: no text turns a recording into something that it was not measured to be."""
    values = _values(metadata)
    found: list[tuple[float, str]] = []
    for profile in _profiles():
        confidence = _likeness(profile, values)
        if confidence and _mentions(profile, artist_reference):
            confidence += NAMED_BONUS
        if confidence >= LEAST_CANDIDATE:
            found.append((confidence, profile.style))
    found.sort(key=lambda candidate: (-candidate[0], candidate[1]))
    confidence, style = found[0] if found else (0.0, None)
    return {
        "detectedStyle": style if confidence >= LEAST_CONFIDENCE else None,
        "confidence": _capped(confidence),
        "candidates": [{"style": style, "confidence": _capped(confidence)} for confidence, style in found[:CANDIDATES]],
    }


def _capped(confidence: float) -> float:
    return round(min(1.0, confidence), 3)


@functools.cache
def _profiles() -> tuple[ArtistProfile, ...]:
    entries = json.loads(resources.files(__package__).joinpath("artists.json").read_text("utf-8"))
    return tuple(
        ArtistProfile(
            style,
            (style.replace("-", " "), *entry.get("aliases", ())),
            tuple(entry["genres"]),
            {name: (low, high) for name, (low, high) in entry["ranges"].items()},
            bool(entry.get("strict", False)),
        )
        for style, entry in entries.items()
    )


def _values(metadata: dict[str, Any]) -> dict[str, Any]:
    rhythm, style = metadata.get("rhythmCharacteristics") or {}, metadata.get("style") or {}
    colour = (metadata.get("vocalCharacteristics") or {}).get("timbre") or {}
    return {**colour, **style, "bpm": rhythm.get("bpm"), "swingAmount": rhythm.get("swingAmount")}


def _likeness(profile: ArtistProfile, values: dict[str, Any]) -> float:
    """Genre and every range weigh the same; what is unknown counts as a third."""
    genre = values.get("genre")
    measured = values.get("source") == "measured"
    if profile.strict and not (genre in profile.genres and measured):
        return 0.0
    if genre is not None and genre not in profile.genres:
        return 0.0
    parts = [1 / 3 if genre is None else 1.0 - 0.2 * profile.genres.index(genre)]
    for name, (low, high) in profile.ranges.items():
        value = values.get(name)
        if value is None or not low <= value <= high:
            if profile.strict:
                return 0.0
            parts.append(1 / 3 if value is None else _fading(value, low, high))
        else:
            parts.append(1.0)
    return math.prod(parts) ** (1 / len(parts))


def _fading(value: float, low: float, high: float) -> float:
    outside = max(low - value, value - high) / (high - low)
    return math.exp(-4 * outside**2 - outside)


def _mentions(profile: ArtistProfile, text: str | None) -> bool:
    words = f" {re.sub(r'[^a-z0-9]+', ' ', (text or '').lower()).strip()} "
    return any(f" {alias} " in words for alias in profile.aliases)
