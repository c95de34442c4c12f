"""What is asked of work on single recordings, as published clients ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema

from dawg_server.schema import Body, Choice, Flag, Id, Items, Key, Number, Query, Text
from handlers.schemas.finishing import ResultIntoProject
from handlers.schemas.generation import MusicRequest
from handlers.schemas.replies import Success

DIVISIONS = {"1/4": 4, "1/4T": 6, "1/8": 8, "1/8T": 12, "1/16": 16, "1/16T": 24, "1/32": 32}
SCALES = ("major", "minor")


class AutocompRequest(ResultIntoProject):
    """Takes of the same part, which begin at the same moment. `segmentDuration` in seconds."""

    audio_file_ids = Items(Id("recording"), 2, 16, required=True)
    segment_duration = Number(1, 30, load_default=5)


class TimealignRequest(ResultIntoProject):
    """`tempo` in bpm; measured without one. The grid begins with the recording. `strength` 0..1: how much of the way.

    `preserveFeel`: what is off by 15 ms or less stays.
    """

    aliases: ClassVar = {"bpm": "tempo"}

    audio_file_id = Id("recording", required=True)
    grid_division = Choice(tuple(DIVISIONS), load_default="1/16")
    strength = Number(0, 1, load_default=0.8)
    preserve_feel = Flag(load_default=True)
    tempo = Number(20, 300, allow_none=True, load_default=None)


class PitchcorrectRequest(ResultIntoProject):
    """A single voice. `targetScale` counts where `targetKey` is a letter alone. `strength` 0..1."""

    aliases: ClassVar = {"key": "targetKey"}

    audio_file_id = Id("recording", required=True)
    target_key = Key(load_default="C")
    target_scale = Choice(SCALES, load_default="major")
    strength = Number(0, 1, load_default=0.8)


class DawgRequest(MusicRequest):
    """Music from words (`prompt`, or `genre` and `mood` alone), or recordings made into one: the best takes, tuned to
    `key`, aligned to `tempo`, and mastered.

    `style`: full-production or instrumental. `instruments` are said to the maker of the music.
    """

    aliases: ClassVar = {
        "tempo": "bpm",
        "customLyrics": "lyrics",
        "custom_lyrics": "lyrics",
        "include_vocals": "includeVocals",
        "project_id": "projectId",
    }

    project_id = Id("project", allow_none=True, load_default=None)
    prompt = Text(1, 2000, load_default="", allow_none=True)
    audio_file_ids = Items(Id("recording"), 1, 16, load_default=list)
    style = Text(0, 60, load_default="", allow_none=True)
    instruments = Items(Text(1, 60), 0, 16, load_default=list)

    @validates_schema
    def _check_one(self, data: Mapping[str, Any], **_: Any) -> None:
        if not any(data.get(name) for name in ("prompt", "genre", "audio_file_ids")):
            raise ValidationError("is required, or genre, or audioFileIds", "prompt")


class NormalizeRequest(Body):
    """The highest true peak, or with `lufs` the integrated loudness, that the clip has afterwards."""

    aliases: ClassVar = {"loudness": "lufs"}

    peak_db = Number(-60, 0, "dBTP", load_default=-1)
    lufs = Number(-60, 0, "LUFS, instead of peakDb", allow_none=True, load_default=None)


class GlueAudioRequest(Body):
    """Clips of recordings on one track."""

    clip_ids = Items(Id("clip"), 1, 500, required=True)


class BounceRequest(Body):
    """All clips of the track, or those that sound between `from` and `to`, in seconds; none of them is cut."""

    from_ = Number(0, 86_400, allow_none=True, load_default=None, data_key="from")
    to = Number(0, 90_000, allow_none=True, load_default=None)


class CoachRequest(ResultIntoProject):
    """A voice alone."""

    audio_file_id = Id("recording", required=True)


class Coached(Success):
    """`analysis` is what was measured of the voice and its pitch; `feedback` what would help, with the reason."""

    analysis = fields.Dict()
    feedback = fields.List(fields.Dict())


class PitchHeard(Success):
    """`pitch` is null where fewer than three notes were sung."""

    pitch = fields.Dict(allow_none=True)
    analyzed_at = fields.DateTime()


class VoiceFeedback(Success):
    """What would help, with the reason."""

    feedback = fields.List(fields.Dict())


class BeatboxForm(Query):
    """The text fields beside the recording. `quantize`: notes stand on 16ths, where a tempo was heard."""

    drum_kit = Text(0, 40, load_default="acoustic")
    quantize = Flag(load_default=True)


class BeatboxDrums(Success):
    """`analysis.detectedPatterns`: each hit as it was played; `notes` in beats; `midiData`: a MIDI file in base64."""

    analysis = fields.Dict()
    notes = fields.List(fields.Dict())
    midi_data = fields.String()
    drum_kit = fields.String()
    drum_samples = fields.List(fields.String())
    processing_time = fields.Integer(metadata={"description": "ms"})
