"""What is asked of `/ai/melody-to-vocals`."""

from __future__ import annotations

from typing import ClassVar

from dawg_server.generation.requests import DEFAULT_GENRE
from dawg_server.schema import Flag, Genre, Id, Number, Query, Text
from handlers.schemas.finishing import Exactly, ResultIntoProject


class VocalsRequest(ResultIntoProject, Exactly):
    """A recording of 1 to 300 s with one voice alone. Without `lyrics` words are written for the melody."""

    one_of: ClassVar[tuple[str, ...]] = ("audio_file_id",)

    audio_file_id = Id("recording", allow_none=True, load_default=None)
    prompt = Text(3, 500, required=True)
    genre = Genre(load_default=DEFAULT_GENRE)
    mood = Text(0, 60, allow_none=True, load_default=None)
    theme = Text(0, 120, allow_none=True, load_default=None)
    lyrics = Text(0, 5000, allow_none=True, load_default=None)


class VocalsForm(Query):
    """The text fields beside an uploaded melody."""

    prompt = Text(3, 500, required=True)
    genre = Genre(load_default=DEFAULT_GENRE)
    mood = Text(0, 60, allow_none=True, load_default=None)
    theme = Text(0, 120, allow_none=True, load_default=None)
    lyrics = Text(0, 5000, allow_none=True, load_default=None)
    project_id = Id("project", allow_none=True, load_default=None)
    add_to_project = Flag(allow_none=True, load_default=None)
    start_time = Number(0, 86_400, load_default=0)
