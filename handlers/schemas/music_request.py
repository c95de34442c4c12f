"""What is asked of `/generate/music`."""

from __future__ import annotations

from typing import ClassVar

from dawg_server.schema import Choice, Flag, Number, Text
from handlers.schemas.generation import PROVIDERS, IntoProject
from handlers.schemas.music import GenreField, KeyField


class MusicRequest(IntoProject):
    """A song, or an instrumental. `instrumental` is true when no lyrics are given; `includeVocals` is its opposite.

    What is left open is decided by who makes the music.
    """

    aliases: ClassVar = {"style": "genre", "customLyrics": "lyrics", "tempo": "bpm"}

    prompt = Text(1, 2000, required=True)
    genre = GenreField(allow_none=True, load_default=None)
    mood = Text(0, 60, allow_none=True, load_default=None)
    bpm = Number(60, 200, allow_none=True, load_default=None)
    key = KeyField(allow_none=True, load_default=None)
    duration = Number(5, 300, allow_none=True, load_default=None)
    lyrics = Text(0, 5000, allow_none=True, load_default=None)
    instrumental = Flag(allow_none=True, load_default=None)
    include_vocals = Flag(allow_none=True, load_default=None)
    title = Text(0, 80, allow_none=True, load_default=None)
    negative_tags = Text(0, 200, allow_none=True, load_default=None)
    vocal_gender = Choice(("m", "f"), allow_none=True, load_default=None)
    provider = Choice(PROVIDERS, load_default="auto")
