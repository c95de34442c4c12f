"""Lyrics and what is said about them."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from dawg_server import errors
from dawg_server.lyrics import genres, labels
from dawg_server.schema import Body, Flag, Id, Number, Query, Text
from handlers.schemas.costs import ModelCost

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
    track_id = Id("track", load_default=None, allow_none=True)
    project_id = Id("project", load_default=None, allow_none=True)


class AnalyzeTrackLyrics(AnalyzeLyrics):
    """The words of a track, to be analysed for everybody in the project."""

    project_id = Id("project", required=True)
    track_id = Id("track", required=True)


class OrganizeLyrics(LyricsOnly):
    """`projectId` says where the words come from."""

    project_id = Id("project", load_default=None, allow_none=True)


class Recommend(Body):
    """What is there, and the genre that it should be good for."""

    structure = Structure(required=True)
    genre = LyricsGenre(required=True)
    lyrics = Text(0, MAX_LYRICS, strip=False, load_default=None, allow_none=True)


class CostQuery(Query):
    """How long the lyrics are, in characters."""

    lyrics_length = Number(1, MAX_LYRICS, whole=True, required=True)
    include_genre_advice = Flag(load_default=False)


class _Made(Body):
    """How an answer was made: `computed`, or by a language model; `warnings` say why a configured model had no part."""

    method = fields.String(metadata={"enum": ["computed", "model"]})
    cost = fields.Nested(ModelCost)
    warnings = fields.List(fields.String())


class SongSection(Body):
    """Lines are counted from 0, blank ones too, both ends inclusive. `syllables`: of each line that is sung."""

    line_start = fields.Integer()
    line_end = fields.Integer()
    section_type = fields.String(metadata={"enum": list(labels.SECTION_TYPES)})
    section_number = fields.Integer()
    confidence = fields.Float()
    reasoning = fields.String()
    syllables = fields.List(fields.Integer())


class SongStructure(Body):
    """`repeatedSections` are found by comparing the text; `estimatedLength` is in seconds."""

    sections = fields.List(fields.Nested(SongSection))
    repeated_sections = fields.List(fields.Dict())
    estimated_length = fields.Integer()
    structure = fields.String()


class SongAdvice(Body):
    """`section` is a title such as Verse 2, null for the whole song."""

    type = fields.String(metadata={"enum": ["suggestion", "warning", "info"]})
    message = fields.String()
    section = fields.String(allow_none=True)
    reasoning = fields.String()
    confidence = fields.Float()


class AnalyzedLyrics(_Made):
    """`genreAdvice` is there when a genre was given."""

    structure = fields.Nested(SongStructure)
    recommendations = fields.List(fields.Nested(SongAdvice))
    genre_advice = fields.Dict()


class LyricsAnalysis(Body):
    """`validation.warnings` are about the lyrics, and repeat those about the analysis."""

    success = fields.Boolean()
    analysis = fields.Nested(AnalyzedLyrics)
    validation = fields.Dict()


class Recommendations(_Made):
    """At least one."""

    success = fields.Boolean()
    recommendations = fields.List(fields.Nested(SongAdvice))
    genre = fields.String()


class CostEstimate(Body):
    """Arithmetic alone: nothing was called."""

    success = fields.Boolean()
    estimate = fields.Dict()


class LyricsValidation(Body):
    """Warnings never block anything."""

    success = fields.Boolean()
    validation = fields.Dict()


class SongSheet(Body):
    """`structure` is the form as it is sung, such as Verse-Chorus-Verse-Chorus."""

    verses = fields.List(fields.String())
    chorus = fields.String(allow_none=True)
    bridge = fields.String(allow_none=True)
    suggestions = fields.List(fields.String())
    structure = fields.String()


class OrganizedLyrics(_Made):
    """Every sung line of the original is in a part, or named in `suggestions` as removed."""

    success = fields.Boolean()
    organized = fields.Nested(SongSheet)
    original_lyrics = fields.String()
