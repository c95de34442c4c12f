"""What recordings sound like, alone and together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from marshmallow import ValidationError, fields, post_load, validates_schema

from dawg_server.audio.analysis.clips import FAMILIES
from dawg_server.audiofiles.comparison import MAX_CLIPS
from dawg_server.music import theory
from dawg_server.schema import Body, Choice, Flag, Id, Items, Number, Query, Text
from handlers.schemas.costs import ModelCost

TRACK_TYPES = ("vocal", "instrument", "unknown")
GENRES = (*FAMILIES, "other")


class AnalyzeRequest(Body):
    """What its owner knows of a track; `clipId`: analyse this clip instead of the longest."""

    track_type = Choice(TRACK_TYPES, load_default="unknown")
    suggested_genre = Text(0, 60, load_default=None, allow_none=True)
    suggested_mood = Text(0, 60, load_default=None, allow_none=True)
    artist_reference = Text(0, 200, load_default=None, allow_none=True)
    clip_id = Id("clip", load_default=None, allow_none=True)


class StyleRequest(Body):
    """`artistReference`: a name that may help a likeness, and never makes one."""

    artist_reference = Text(0, 200, load_default=None, allow_none=True)


def share() -> Number:
    return Number(0, 1, allow_none=True)


class Tonic(fields.Field[str]):
    """A key as `F#`, or with its mode as `F#m`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return theory.parse_key(value).name
        except ValueError:
            raise ValidationError("has to be a key such as C, F# minor or Bbm") from None


class MeasuredTimeSignature(Body):
    """Three quarters are 3 and 4."""

    numerator = Number(1, 32, whole=True, required=True)
    denominator = Number(1, 32, whole=True, required=True)

    @validates_schema
    def _power_of_two(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["denominator"] not in (1, 2, 4, 8, 16, 32):
            raise ValidationError("has to be 1, 2, 4, 8, 16 or 32", "denominator")


class RhythmCharacteristics(Body):
    """Null takes a value back; the next analysis fills it in."""

    bpm = Number(20, 400, allow_none=True)
    confidence = share()
    time_signature = fields.Nested(MeasuredTimeSignature, allow_none=True)
    key = Tonic(allow_none=True, metadata={"type": "string"})
    scale = Choice(("major", "minor"), allow_none=True)
    key_confidence = share()
    tempo_stability = share()
    swing_amount = share()

    @post_load
    def _tidy(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if data.get("bpm") is not None:
            data["bpm"] = round(data["bpm"], 1)
        if (key := data.get("key")) and key.endswith("m"):
            data = {"scale": "minor"} | data | {"key": key[:-1]}
        return data


class Timbre(Body):
    """Frequencies in Hz, everything else 0..1."""

    brightness = share()
    warmth = share()
    roughness = share()
    spectral_centroid = Number(0, 100_000, allow_none=True)
    spectral_rolloff = Number(0, 100_000, allow_none=True)
    harmonic_richness = share()


class VocalCharacteristics(Body):
    """Levels in dB, the peak linear."""

    timbre = fields.Nested(Timbre)
    dynamic_range = Number(0, 200, allow_none=True)
    peak_level = share()
    spectral_balance = Choice(("dark", "balanced", "bright"), allow_none=True)
    has_clipping = Flag(allow_none=True)
    noise_floor = Number(-200, 0, allow_none=True)
    has_sibilance = Flag(allow_none=True)
    has_room_tone = Flag(allow_none=True)
    breath_noise = Choice(("low", "moderate", "high"), allow_none=True)


class StyleCharacteristics(Body):
    """What the track is felt to be."""

    genre = Choice(GENRES, allow_none=True)
    subgenre = Text(0, 60, allow_none=True)
    mood = Text(0, 60, allow_none=True)
    energy = share()
    danceability = share()
    valence = share()


class TrackCharacteristics(Body):
    """Any part of it. What a person sets is marked, and no analysis overwrites it."""

    rhythm_characteristics = fields.Nested(RhythmCharacteristics)
    vocal_characteristics = fields.Nested(VocalCharacteristics)
    style = fields.Nested(StyleCharacteristics)


class KnownCharacteristics(TrackCharacteristics):
    """What was measured and what a person has set; `setByUser`: the paths of the latter."""

    vocal_characteristics = fields.Nested(VocalCharacteristics, allow_none=True)
    analyzed_at = fields.DateTime()
    analyzer_version = fields.String()
    set_by_user = fields.List(fields.String())


class TrackMetadataReply(Body):
    """`metadata` is null before the first analysis."""

    success = fields.Boolean()
    metadata = fields.Nested(KnownCharacteristics, allow_none=True)
    measured_from = fields.Dict(metadata={"description": "audioFileId, clipId, seconds"})
    message = fields.String()


class StyleReply(Body):
    """Whose style a track resembles; null when nobody's, whatever the reference said."""

    success = fields.Boolean()
    detected_style = fields.String(allow_none=True)
    confidence = fields.Float()
    candidates = fields.List(fields.Dict())
    message = fields.String()


class ClipToCompare(Body):
    """A clip of a project."""

    clip_id = Id("clip", required=True)
    clip_name = Text(0, 120, load_default=None, allow_none=True)
    suggested_type = Choice(("vocal", "instrument"), load_default=None, allow_none=True)


class _Together(Body):
    detect_conflicts = Flag(load_default=True)
    suggest_arrangement = Flag(load_default=False)
    project_id = Id("project", load_default=None, allow_none=True)


class ClipIds(_Together):
    """Clips of projects that the caller may read."""

    clip_ids = Items(Id("clip"), 1, MAX_CLIPS, required=True)


class ClipsAnalyzeRequest(ClipIds):
    """Clips of the project whose room the sender has joined."""

    project_id = Id("project", required=True)


class ClipsToCompare(_Together):
    """Either `clips` or `clipIds`."""

    clips = Items(fields.Nested(ClipToCompare), 1, MAX_CLIPS, load_default=None)
    clip_ids = Items(Id("clip"), 1, MAX_CLIPS, load_default=None)

    @validates_schema
    def _some(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data.get("clips") and not data.get("clip_ids"):
            raise ValidationError("is required", "clips")


class UploadedClip(Body):
    """What is said about an uploaded file."""

    clip_id = Text(1, 128, load_default=None, allow_none=True)
    clip_name = Text(0, 120, load_default=None, allow_none=True)
    suggested_type = Choice(("vocal", "instrument"), load_default=None, allow_none=True)


class ClipsForm(Query):
    """With uploaded files: `clips` is a JSON array in the order of the files."""

    clips = fields.Method(deserialize="_clips", load_default=list, metadata={"type": "string"})
    detect_conflicts = Flag(load_default=True)
    suggest_arrangement = Flag(load_default=False)
    project_id = Id("project", load_default=None, allow_none=True)

    def _clips(self, text: str) -> Any:
        try:
            return Items(fields.Nested(UploadedClip), 0, MAX_CLIPS).deserialize(orjson.loads(text))
        except orjson.JSONDecodeError:
            raise ValidationError("has to be a JSON array") from None


class ArrangedSection(Body):
    """Which clips sound together, and when, in seconds."""

    name = fields.String()
    clip_ids = fields.List(fields.String())
    start_time = fields.Float()
    duration = fields.Float()


class ArrangementSuggestion(Body):
    """By a language model; `order` is that in which the clips enter."""

    order = fields.List(fields.String())
    reasoning = fields.String()
    sections = fields.List(fields.Nested(ArrangedSection))


class ComparedClips(Body):
    """`arrangementSuggestions` and, with them, `aiRecommendations` are a model's when an arrangement was asked for.

    `warnings` say why there is none although it was asked for.
    """

    clips = fields.List(fields.Dict())
    relationships = fields.List(fields.Dict())
    conflicts = fields.List(fields.Dict())
    arrangement_suggestions = fields.List(fields.Nested(ArrangementSuggestion))
    ai_recommendations = fields.List(fields.String())
    cost = fields.Nested(ModelCost)
    warnings = fields.List(fields.String())


class ClipsAnalysis(Body):
    """Clips alone and together."""

    success = fields.Boolean()
    analysis = fields.Nested(ComparedClips)


class EstimateQuery(Query):
    """For how many clips."""

    clip_count = Number(1, MAX_CLIPS, whole=True, required=True)
    include_arrangement = Flag(load_default=False)


class Estimate(Body):
    """What an analysis would cost in USD."""

    success = fields.Boolean()
    estimate = fields.Dict()


class Features(Body):
    """What can be asked about clips."""

    success = fields.Boolean()
    features = fields.Dict()
