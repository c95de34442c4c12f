"""What is asked of those who write: lyrics and melodies."""

from __future__ import annotations

from typing import ClassVar

from dawg_server.schema import Body, Choice, Genre, Id, Key, Number, Text
from handlers.schemas.generation import MAX_SEED, IntoProject


class LyricsRequest(Body):
    """What the song is to be about and like, in the musician's words; what is left open is chosen.

    `length`: short, medium or long, or in words of your own.
    """

    aliases: ClassVar = {"prompt": "theme", "topic": "theme"}

    theme = Text(0, 1000, load_default=None, allow_none=True)
    genre = Text(0, 60, load_default=None, allow_none=True)
    mood = Text(0, 120, load_default=None, allow_none=True)
    style = Text(0, 200, load_default=None, allow_none=True)
    length = Text(0, 60, load_default=None, allow_none=True)
    project_id = Id("project", load_default=None, allow_none=True)


class MelodyRequest(IntoProject):
    """A melody alone, as a loop of whole bars in four four time. `scale` outweighs the key's own.

    With `lyrics` each sung line has two bars and a note for each of its syllables. `bpm` defaults to the genre's.
    """

    aliases: ClassVar = {"tempo": "bpm"}

    genre = Genre(allow_none=True, load_default=None)
    key = Key(load_default="C")
    scale = Choice(("major", "minor"), allow_none=True, load_default=None)
    mood = Text(0, 60, allow_none=True, load_default=None)
    bpm = Number(60, 200, allow_none=True, load_default=None)
    bars = Number(1, 64, whole=True, allow_none=True, load_default=None)
    complexity = Choice(("simple", "medium", "complex"), load_default="medium")
    lyrics = Text(0, 5000, strip=False, allow_none=True, load_default=None)
    seed = Number(0, MAX_SEED, whole=True, allow_none=True, load_default=None)
