"""What jobs come to, by their types: the results of REST and of `generation:completed`."""

from __future__ import annotations

from marshmallow import fields

from dawg_server.schema import AnyField
from handlers.schemas.shown import Either, Shown, maybe, one_of, several


def _texts() -> AnyField:
    return fields.List(fields.String())


def _plays() -> AnyField:
    return fields.Url(metadata={"description": "plays without headers for an hour"})


def _saves() -> AnyField:
    return fields.Url(metadata={"description": "saves it under its name, for an hour"})


class StemResult(Shown):
    """One part of a recording, as long as the whole. `url` is `audioUrl`."""

    type = fields.String(metadata={"description": "what is in it, such as drums"})
    audio_file_id = fields.UUID()
    duration = fields.Float(metadata={"description": "seconds"})
    audio_url = _plays()
    url = _plays()
    download_url = _saves()


class TakeResult(Shown):
    """A recording that was made, with what was measured of it. `urls` are by format."""

    title = fields.String()
    audio_file_id = fields.UUID()
    audio_url = _plays()
    download_url = _saves()
    urls = fields.Dict(keys=fields.String(), values=fields.Url())
    midi_url = fields.Url(allow_none=True)
    duration = fields.Float(metadata={"description": "seconds"})
    bpm = fields.Float(allow_none=True)
    bpm_confidence = fields.Float(allow_none=True)
    key = fields.String(allow_none=True)
    key_confidence = fields.Float(allow_none=True)
    format = fields.String()
    formats = _texts()
    sample_rate = fields.Integer()
    channels = fields.Integer()
    bitrate = fields.Integer(allow_none=True)
    lufs = fields.Float(allow_none=True)
    true_peak = fields.Float(allow_none=True, metadata={"description": "dBTP"})
    provider = fields.String(allow_none=True)
    stems = several(StemResult)


class ResultMetadata(Shown):
    """Of the first take; empty where there is none."""

    format = fields.String(allow_none=True)
    sample_rate = fields.Integer(allow_none=True)
    channels = fields.Integer(allow_none=True)
    bitrate = fields.Integer(allow_none=True)
    provider = fields.String(allow_none=True)


class PlacedTrack(Shown):
    """A track that a recording was put on."""

    track_id = fields.UUID()
    track_name = fields.String()
    clip_id = fields.UUID()
    start_time = fields.Float(metadata={"description": "seconds"})


class Placed(Shown):
    """Where it went in its project, and the revision that came of it; the first of `tracks` stands at the top too."""

    track_id = maybe(fields.UUID())
    track_name = maybe(fields.String())
    clip_id = maybe(fields.UUID())
    start_time = maybe(fields.Float())
    revision = fields.Integer()
    tracks = several(PlacedTrack)


class SongPart(Shown):
    """In seconds."""

    name = fields.String()
    start = fields.Float()
    duration = fields.Float()


class PlayedNote(Shown):
    """`start` and `duration` in beats, `startTime` and `durationSeconds` in seconds."""

    pitch = fields.Integer()
    start = fields.Float()
    duration = fields.Float()
    velocity = fields.Integer()
    start_time = fields.Float()
    duration_seconds = fields.Float()


class PlayedChord(Shown):
    """In seconds."""

    symbol = fields.String(metadata={"description": "such as Cm7/G"})
    start = fields.Float()
    duration = fields.Float()


class BarGrid(Shown):
    """The first bar line is at the beginning."""

    time_signature = fields.String(metadata={"description": "such as 4/4"})
    beats_per_bar = fields.Float(metadata={"description": "quarter notes"})
    seconds_per_bar = fields.Float()
    bars = fields.Integer()


class _Facts(Shown):
    takes = several(TakeResult)
    metadata = fields.Nested(ResultMetadata)
    warnings = maybe(_texts())


class _Recorded(TakeResult, _Facts):
    placed = maybe(fields.Nested(Placed))


class _Generated(_Recorded):
    genre = maybe(fields.String(allow_none=True))
    mood = maybe(fields.String(allow_none=True))
    requested = maybe(fields.Dict())
    lyrics = maybe(fields.String(allow_none=True))
    seed = maybe(fields.Integer(allow_none=True))
    sections = maybe(several(SongPart))
    chords = maybe(several(PlayedChord))
    drawn = maybe(
        fields.Dict(
            keys=fields.String(),
            values=fields.String(),
            metadata={"description": "by groove, bass, progression, lineUp, form and kit: which of the genre's it has"},
        )
    )
    sounds = maybe(one_of("recorded", "synthesised"))
    grid = maybe(fields.Nested(BarGrid))
    understood = maybe(_texts())
    ignored = maybe(_texts())


class BeatResult(_Generated):
    """The first of `takes` stands at the top. The embedded engine, which composes, tells `sections`, `chords`, `grid`,
    `drawn` and `seed`; its tempo and key are those of its score. `understood` is what it has read in the prompt,
    `ignored` what it has not done, both in words."""

    type = one_of("beat")


class MusicResult(_Generated):
    """As of a beat; `lyrics` where it is sung."""

    type = one_of("music")


class MelodyResult(_Generated):
    """A melody as sound and as notes."""

    type = one_of("melody")
    instrument = fields.String()
    notes = several(PlayedNote)


class StemsResult(_Generated):
    """A recording taken apart: each of `takes` is one of `stems`. Of a type without a recording, a new `part`."""

    type = one_of("stems")
    method = maybe(fields.String())
    quality = maybe(fields.String())
    part = maybe(fields.String())


class VocalsResult(_Generated):
    """A song to a melody."""

    type = one_of("vocals")
    melody_info = fields.Dict()
    lyrics_info = fields.Dict()
    processing_steps = _texts()
    melody_followed = fields.Boolean()


class RenderResult(_Recorded):
    """A project as one recording, as it was at `revision`; `stems` are its tracks, if they were asked for."""

    type = one_of("render")
    revision = fields.Integer()


class AppliedFader(Shown):
    """Faders that were set."""

    track_id = fields.UUID()
    volume = fields.Float()
    pan = fields.Float()


class MixResult(_Recorded):
    """Tracks mixed; `faders` were changed in the project, if that was asked for."""

    type = one_of("mix")
    mix_profile = fields.String()
    track_count = fields.Integer()
    settings = fields.Dict()
    target_loudness = fields.Float(allow_none=True)
    genre = fields.String(allow_none=True)
    revision = fields.Integer()
    faders = maybe(several(AppliedFader))


class LoudnessFacts(Shown):
    """Of a recording. `integratedLUFS` and `truePeak` (dBTP) by BS.1770."""

    integrated_lufs = fields.Float(data_key="integratedLUFS", allow_none=True)
    loudness_range = fields.Float(metadata={"description": "LU"})
    true_peak = fields.Float(allow_none=True)
    crest_factor = fields.Float(metadata={"description": "dB"})


class MasterResult(_Recorded):
    """Loudness before and after, in LUFS and dBTP, and what was done."""

    type = one_of("master")
    target_loudness = fields.Float()
    actual_loudness = fields.Float(allow_none=True)
    quality = fields.String()
    genre = fields.String(allow_none=True)
    before = fields.Nested(LoudnessFacts)
    after = fields.Nested(LoudnessFacts)
    mastering_chain = fields.Dict()
    analysis = fields.Dict()


class EditedClip(Shown):
    """A clip that plays the take of that number now."""

    clip_id = fields.UUID()
    take = fields.Integer()


class EditResult(_Recorded):
    """Recordings that were changed: those of clips (`edited`), or one, by `steps`."""

    type = one_of("edit")
    edited = maybe(several(EditedClip))
    corrected = maybe(fields.List(fields.Raw()))
    steps = maybe(fields.List(fields.Dict()))


class WrittenSection(Shown):
    """Its lines."""

    type = fields.String()
    lines = _texts()


class LyricsResult(_Facts):
    """Words, and no recording."""

    type = one_of("lyrics")
    title = fields.String()
    lyrics = fields.String()
    sections = several(WrittenSection)
    structure = fields.String()
    num_lines = fields.Integer()
    theme = fields.String(allow_none=True)
    genre = fields.String(allow_none=True)
    mood = fields.String(allow_none=True)
    style = fields.String(allow_none=True)
    length = fields.Raw(allow_none=True)
    cost = fields.Dict()
    provider = fields.String()
    model = fields.String()
    requested = fields.Dict()


RESULTS: dict[str, type[Shown]] = {
    "beat": BeatResult,
    "music": MusicResult,
    "stems": StemsResult,
    "mix": MixResult,
    "master": MasterResult,
    "render": RenderResult,
    "vocals": VocalsResult,
    "edit": EditResult,
    "lyrics": LyricsResult,
    "melody": MelodyResult,
}


def result() -> AnyField:
    """Of any type of jobs; its `type` says which."""
    return Either(lambda: tuple(RESULTS.values()))


def no_result_yet() -> AnyField:
    return Either(lambda: tuple(RESULTS.values()), allow_none=True)
