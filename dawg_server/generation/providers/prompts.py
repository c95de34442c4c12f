"""The words that a music model gets: first the facts of the request, then what the user wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.music import genres


def facts(request: Mapping[str, Any]) -> str:
    """`dark trap, 140 bpm, in F minor, rolling hats, long 808 bass`: whatever of it was asked for."""
    genre = genres.find(request.get("genre"))
    style = " ".join(word for word in (request.get("mood"), genre.name if genre else None) if word)
    parts = [
        style,
        f"{request['bpm']:g} bpm" if request.get("bpm") else "",
        f"in {spoken_key(request['key'])}" if request.get("key") else "",
        *(genre.characteristics if genre else ()),
    ]
    return ", ".join(part for part in parts if part)


def describe(request: Mapping[str, Any], limit: int, *more: str) -> tuple[str, bool]:
    """(text of at most `limit` characters, whether the user's words had to be cut).

    The user's own words come first in importance, so the facts are short; only the words are cut, at a blank.
    """
    first = ", ".join(part for part in (facts(request), *more) if part)
    words = (request.get("prompt") or "").strip()
    room = limit - len(first) - 2
    cut = len(words) > room
    if cut:
        words = words[: max(room, 0)].rsplit(" ", 1)[0].rstrip(" ,.;")
    return ". ".join(part for part in (first, words) if part)[:limit], cut


def spoken_key(key: str) -> str:
    """`F#m` is read as F# minor, `Bb` as Bb major."""
    return f"{key[:-1]} minor" if key.endswith("m") else f"{key} major"
