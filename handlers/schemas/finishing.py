"""What is asked of stems, mix, master and render, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, pre_load, validates_schema

from dawg_server.generation.job import STAGES
from dawg_server.schema import Body, Choice, Flag, Genre, Id, Items, Number, Page, Query, Uuid
from handlers.schemas.generation import STATES, WORDS, BeatRequest, FlatJobStatus, JobDetails
from handlers.schemas.replies import PagedList
from handlers.schemas.results import RenderResult
from handlers.schemas.shown import Either, Shown, done, one_of, several

STEMS = ("drums", "bass", "vocals", "melody", "other", "guitar", "piano")
PARTS = {  # by the words that are taken for them
    **{name: name for name in ("drums", "bass", "chords", "melody", "vocals")},
    "drum": "drums",
    "harmony": "chords",
    "lead": "melody",
    "vocal": "vocals",
}
BASIC_STEMS = ("drums", "bass", "vocals", "other")
QUALITIES = ("fast", "balanced", "high-quality")
PROFILES = ("balanced", "bass-heavy", "bright", "warm")
RENDER_RATES = (44_100, 48_000, 88_200, 96_000, 192_000)
RENDER_STATES = ("waiting", "active", "completed", "failed", "cancelled")


class OneOf(fields.Field[int]):
    """A number of a closed set."""

    def __init__(self, choices: tuple[int, ...], **kwargs: Any) -> None:
        self.choices = choices
        kwargs.setdefault("metadata", {}).update(type="integer", enum=list(choices))
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in self.choices:
            raise ValidationError(f"has to be one of {', '.join(map(str, self.choices))}")
        return int(value)


class ResultIntoProject(Body):
    """Where the audio goes. `addToProject` is true by default only when the project is not itself what is worked on."""

    project_id = Id("project", allow_none=True, load_default=None)
    add_to_project = Flag(allow_none=True, load_default=None)
    start_time = Number(0, 86_400, load_default=0)


class Exactly(Body):
    """One of several fields has to be there."""

    one_of: ClassVar[tuple[str, ...]] = ()

    @validates_schema
    def _check_one(self, data: Mapping[str, Any], **_: Any) -> None:
        if not any(data.get(name) for name in self.one_of):
            named = [self.fields[name].data_key or name for name in self.one_of]
            raise ValidationError(f"is required{', or ' + ' or '.join(named[1:]) if named[1:] else ''}", named[0])


class StemsRequest(BeatRequest):
    """A recording, and what of it (`stemTypes`); or without one a part to be made (`type`), as a beat is asked for.

    In `stemTypes` `melody` is another word for `other`; guitar and piano need Demucs on Replicate.
    """

    audio_file_id = Id("recording", allow_none=True, load_default=None)
    clip_id = Id("clip", allow_none=True, load_default=None)
    stem_types = Items(Choice(STEMS), 1, 6, load_default=None, allow_none=True)
    quality = Choice(QUALITIES, load_default="balanced")
    output_format = Choice(("wav", "mp3", "flac"), load_default="wav")
    type = Choice(PARTS, allow_none=True, load_default=None)
    genre = Genre(allow_none=True, load_default=None)
    add_to_project = Flag(allow_none=True, load_default=None)

    @validates_schema
    def _check_source(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("audio_file_id") or data.get("clip_id"):
            if not data.get("stem_types"):
                raise ValidationError("is required", "stemTypes")
        elif not data.get("type"):
            raise ValidationError("is required, or clipId, or else type: the part to make", "audioFileId")


class SeparateRequest(ResultIntoProject, Exactly):
    """The four basic stems, unless others are asked for."""

    aliases: ClassVar = {"stems": "stemTypes"}
    one_of: ClassVar[tuple[str, ...]] = ("audio_file_id",)

    audio_file_id = Id("recording", allow_none=True, load_default=None)
    clip_id = Id("clip", allow_none=True, load_default=None)
    stem_types = Items(Choice(STEMS), 1, 6, load_default=lambda: list(BASIC_STEMS))
    quality = Choice(QUALITIES, load_default="balanced")
    output_format = Choice(("wav", "mp3", "flac"), load_default="wav")


class SeparateForm(Query):
    """The text fields beside an uploaded recording. `stemTypes`: a JSON array, or words with commas between them."""

    aliases: ClassVar = {"stems": "stemTypes"}

    project_id = Id("project", allow_none=True, load_default=None)
    stem_types = fields.Raw(load_default=lambda: list(BASIC_STEMS), metadata={"type": "string"})
    quality = Choice(QUALITIES, load_default="balanced")
    output_format = Choice(("wav", "mp3", "flac"), load_default="wav")

    @validates_schema
    def _check_types(self, data: dict[str, Any], **_: Any) -> None:
        given = data["stem_types"]
        if isinstance(given, str):
            try:
                listed = given.strip().startswith("[")
                given = json.loads(given) if listed else [word.strip() for word in given.split(",")]
            except ValueError:
                given = None
        known = isinstance(given, list) and all(isinstance(word, str) and word.lower() in STEMS for word in given)
        if not known or not 1 <= len(given) <= 6:
            raise ValidationError(f"has to name 1 to 6 of {', '.join(STEMS)}", "stemTypes")
        data["stem_types"] = [word.lower() for word in given]


class MixRequest(Body):
    """Tracks of one project. `apply` also sets the faders and pans that were chosen, as one step that can be undone."""

    track_ids = Items(Id("track"), 1, 64, required=True)
    mix_profile = Choice(PROFILES, load_default="balanced")
    target_loudness = Number(-24, -6, load_default=-14)
    genre = Genre(allow_none=True, load_default=None)
    apply = Flag(load_default=False)
    add_to_project = Flag(allow_none=True, load_default=None)
    start_time = Number(0, 86_400, load_default=0)


class MasterRequest(ResultIntoProject, Exactly):
    """One of `audioFileId`, `trackId` and `projectId` is mastered. `targetLoudness` in LUFS; else by `quality`.

    What stands in `options` counts as if it stood beside it.
    """

    one_of: ClassVar[tuple[str, ...]] = ("audio_file_id", "track_id", "project_id")

    audio_file_id = Id("recording", allow_none=True, load_default=None)
    track_id = Id("track", allow_none=True, load_default=None)
    quality = Choice(("streaming", "cd", "club"), load_default="streaming")
    target_loudness = Number(-24, -6, allow_none=True, load_default=None)
    genre = Genre(allow_none=True, load_default=None)
    format = Choice(("wav", "flac", "mp3"), load_default="wav")

    @pre_load
    def _take_options(self, data: Any, **_: Any) -> Any:
        options = data.get("options") if isinstance(data, Mapping) else None
        return {**options, **data} if isinstance(options, Mapping) else data


class AiMasterRequest(MasterRequest):
    """The same, with the loudness named outright."""

    one_of: ClassVar[tuple[str, ...]] = ("project_id", "audio_file_id")

    target_loudness = Number(-24, -6, required=True)


class RenderRequest(Body):
    """`quality` is for mp3 and ogg (128, 192, 320 kbit/s; wav and flac are lossless), `bitDepth` for wav and flac.

    `from`, `to` and `tail` are seconds; `to` is by default the end of the last clip plus `tail`. With `stems` there is
    a further file of each track that has clips and is not muted, as long as the whole: what is heard of that track
    alone, through its groups, its buses and the master.
    """

    project_id = Id("project", required=True)
    format = Choice(("wav", "flac", "mp3", "ogg"), load_default="wav")
    bit_depth = OneOf((16, 24, 32), load_default=24)
    sample_rate = OneOf(RENDER_RATES, allow_none=True, load_default=None)
    quality = Choice(("low", "medium", "high", "lossless"), load_default="high")
    from_ = Number(0, 86_400, load_default=0, data_key="from")
    to = Number(0, 90_000, allow_none=True, load_default=None)
    tail = Number(0, 30, load_default=2)
    stems = Flag(load_default=False)


class RenderJobsQuery(Page):
    """Which renders."""

    state = Choice(RENDER_STATES, load_default=None)
    project_id = Uuid(load_default=None)


class RenderStatus(Shown):
    """Where a render stands, all at the top; `result` is there when it has completed."""

    success = done()
    id = fields.UUID()
    job_id = fields.UUID(metadata={"description": "the same as id"})
    status = one_of(*WORDS)
    state = one_of(*STATES)
    progress = fields.Integer()
    stage = one_of(*STAGES)
    result = Either(lambda: (RenderResult,), allow_none=True)
    error = fields.String(allow_none=True)
    job = fields.Nested(JobDetails)


class SeparationList(PagedList):
    """Separations, newest first."""

    jobs = several(FlatJobStatus)


class SeparationQuota(Body):
    """How much may be taken apart. Nothing is counted by the month; null where there is no limit."""

    success = fields.Boolean()
    quota = fields.Dict()
