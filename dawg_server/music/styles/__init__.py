"""The genres' styles, each read from the JSON file of its name when it is first asked for."""

from __future__ import annotations

import functools

from dawg_server.music.style import GenreStyle
from dawg_server.music.styles import fields, reading


@functools.cache
def of(genre: str) -> GenreStyle:
    """The style of a genre (a canonical name). Raises `fields.StyleError` with file and field."""
    return reading.style(genre, fields.load(f"{reading.file_name(genre)}.json"))
