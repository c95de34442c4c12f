"""Lyrics and what is said about them."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from dawg_server import errors
from dawg_server.lyrics import genres
from handlers.schemas.base import Body, Flag, Number, Query, Text, Uuid

MAX_LYRICS = 20_000  # characters


class LyricsGenre(fields.Field[str]):
    """A genre that lyrics are judged by; every genre of generation is understood as one of these."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {}).update(type="string", examples=["pop", "country", "hip-hop", "folk"])
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            genres.resolve(value)
        except (errors.ValidationError, TypeError, AttributeError):
            raise ValidationError("has to be pop, country, hip-hop, rock, rnb, indie, folk or other") from None
        return str(value)


class Structure(fields.Field[Any]):
    """`Verse-Chorus-…`, or the `sections` of an analysis."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {})["oneOf"] = [
            {"type": "string", "minLength": 1, "maxLength": 500},
            {"type": "array", "minItems": 1, "maxItems": 100, "items": {"type": "object"}},
        ]
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and len(value.strip()) >= 1 and len(value) <= 500:
            return value
        if isinstance(value, list) and 1 <= len(value) <= 100 and all(isinstance(each, dict) for each in value):
            return value
        raise ValidationError("has to be text such as Verse-Chorus, or a list of 1 to 100 sections")


class LyricsOnly(Body):
    """The words, as they are: one line of the song per line."""

    lyrics = Text(1, MAX_LYRICS, strip=False, required=True)


class AnalyzeLyrics(LyricsOnly):
    """With `trackId` everybody in the project hears of the analysis."""

    genre = LyricsGenre(load_default=None, allow_none=True)
    suggested_structure = Text(0, 500, load_default=None, allow_none=True)
    track_id = Uuid(load_default=None, allow_none=True)
    project_id = Uuid(load_default=None, allow_none=True)


class AnalyzeRequest(LyricsOnly):
    """The words of a track, to be analysed for everybody in the project."""

    project_id = Uuid(required=True)
    track_id = Uuid(required=True)
    genre = LyricsGenre(load_default=None, allow_none=True)


class OrganizeLyrics(LyricsOnly):
    """`projectId` says where the words come from."""

    project_id = Uuid(load_default=None, allow_none=True)


class Recommend(Body):
    """What is there, and the genre that it should be good for."""

    structure = Structure(required=True)
    genre = LyricsGenre(required=True)
    lyrics = Text(0, MAX_LYRICS, strip=False, load_default=None, allow_none=True)


class CostQuery(Query):
    """How long the lyrics are, in characters."""

    lyrics_length = Number(1, MAX_LYRICS, whole=True, required=True)
    include_genre_advice = Flag(load_default=False)


class LyricsAnalysis(Body):
    """`method` says how the analysis was made: computed, or by a model."""

    success = fields.Boolean()
    analysis = fields.Dict()
    validation = fields.Dict()


class Recommendations(Body):
    """At least one."""

    success = fields.Boolean()
    recommendations = fields.List(fields.Dict())
    genre = fields.String()
    method = fields.String()


class CostEstimate(Body):
    """Arithmetic alone: nothing was called."""

    success = fields.Boolean()
    estimate = fields.Dict()


class LyricsValidation(Body):
    """Warnings never block anything."""

    success = fields.Boolean()
    validation = fields.Dict()


class OrganizedLyrics(Body):
    """Every sung line of the original is in a part, or named in `suggestions` as removed."""

    success = fields.Boolean()
    organized = fields.Dict()
    original_lyrics = fields.String()
    method = fields.String()
