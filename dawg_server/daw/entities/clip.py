"""Clips: pieces of recordings, or notes, on the time line of a track."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from dawg_server.database import tracks
from dawg_server.daw import timing
from dawg_server.daw.commands import change, command
from dawg_server.daw.entity import Bulk, Entity, EntityType, the, wrong
from dawg_server.daw.notes import MAX_BEATS, Notes
from dawg_server.daw.timing import MAX_SECONDS
from dawg_server.schema import Choice, Colour, Id, Items, Number, Text

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

ROUNDING = 0.001  # seconds by which fades may seem to outlast their clip, or a clip its recording, without a word
SLACK = 0.1  # seconds by which the length of a recording may have been known wrongly
FADE_CURVES = ("linear", "equalPower")

FIELDS = {
    "trackId": the("track"),
    "audioFileId": Id("audioFile", "the recording to play", allow_none=True, load_default=None),
    "midiData": Notes("notes, instead of a recording", allow_none=True, load_default=None),
    "name": Text(1, 120, "without it the name of the recording"),
    "startTime": Number(0, MAX_SECONDS, "seconds from the beginning of the project", required=True),
    "duration": Number(0, MAX_SECONDS, "seconds; without it the rest of the recording", over=True),
    "offset": Number(0, MAX_SECONDS, "seconds into the recording", load_default=0),
    "fadeIn": Number(0, MAX_SECONDS, "seconds", load_default=0),
    "fadeOut": Number(0, MAX_SECONDS, "seconds", load_default=0),
    "fadeCurve": Choice(FADE_CURVES, "of both fades, in amplitude", load_default="linear"),
    "gain": Number(-60, 24, "dB", load_default=0),
    "color": Colour("such as #3b82f6", allow_none=True, load_default=None),
}

_CONTENT = {"audioFileId", "midiData", "offset", "duration"}  # what is judged together with the recording


async def judge(draft: Draft, clip: Entity | None, changed: Entity) -> Collection[str]:
    """Lets a clip end with its recording and its fades end with it; a new one gets a name and a length."""
    fields = {**(clip or {}), **changed}
    judged = fields["audioFileId"] is not None and (clip is None or not _CONTENT.isdisjoint(changed))
    recording = await draft.recording(fields["audioFileId"]) if judged else None
    if clip is None:
        fields["name"] = changed["name"] = fields["name"] or _name_of(recording)
        fields["duration"] = changed["duration"] = fields["duration"] or _default_duration(draft, fields, recording)
    corrected = _fitted(fields, recording, changed.keys())
    changed |= corrected
    # Rounding is not worth a word.
    return [name for name in corrected if fields[name] - corrected[name] > ROUNDING]


async def fit(draft: Draft, clip: Entity) -> Entity:
    recording = await draft.recording(clip["audioFileId"]) if clip["audioFileId"] else None
    return timing.fitted(clip, recording["duration"] if recording else None)


CLIP = EntityType(
    name="clip",
    plural="clips",
    help="a recording or notes on a track",
    table=tracks.CLIPS,
    fields=FIELDS,
    parent="track",
    within="whole parent",
    recording="audioFileId",
    either=("audioFileId", "midiData"),
    fit=fit,
    rule=judge,
    ruled=frozenset({*_CONTENT, "fadeIn", "fadeOut"}),
    in_time=timing.ClipsInTime(),
    bulk=Bulk(FIELDS, 200),
    limit=None,
    about_deletion="Its recording stays.",
    module=__name__,
)


@command(
    "moveClip",
    "Moves a clip in time, and to another track if one is named.",
    {
        "clipId": the("clip"),
        "newPosition": Number(0, MAX_BEATS, "counted from 0 at the beginning of the project", required=True),
        "unit": Choice(("beats", "bars", "seconds"), load_default="beats"),
        "trackId": Id("track", "where it goes, if not on its own track"),
    },
)
async def move_clip(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clip = await draft.get("clip", values["clipId"])
    beat = timing.seconds_per_beat(draft.project)
    unit = {"beats": beat, "bars": beat * timing.beats_per_bar(draft.project), "seconds": 1.0}[values["unit"]]
    start = values["newPosition"] * unit
    if start > MAX_SECONDS:
        raise wrong("newPosition", f"lies beyond {MAX_SECONDS} seconds")
    await change(draft, CLIP, clip, {"startTime": start, "trackId": values.get("trackId") or clip["trackId"]})
    return {"clip": draft.shown("clip", clip["id"])}


@command(
    "quantize",
    "Moves the starts of clips and of MIDI notes to the grid; it does not cut inside of audio.",
    {
        "clipIds": Items(Id("clip"), 1, 100, required=True),
        "division": Choice(tuple(timing.DIVISIONS), required=True),
        "strength": Number(0, 100, "percent of the way", load_default=100),
    },
)
async def quantize(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clips = await draft.several("clip", values["clipIds"])
    grid, strength = timing.DIVISIONS[values["division"]], values["strength"] / 100
    beat = timing.seconds_per_beat(draft.project)
    for clip in clips:
        changes: dict[str, Any] = {"startTime": timing.snapped(clip["startTime"] / beat, grid, strength) * beat}
        if clip["midiData"] is not None:
            notes = [
                {**note, "start": timing.snapped(note["start"], grid, strength)} for note in clip["midiData"]["notes"]
            ]
            changes["midiData"] = {**clip["midiData"], "notes": notes}
        draft.update("clip", clip["id"], changes)
    return {"clips": [draft.shown("clip", clip["id"]) for clip in clips]}


def _fitted(fields: dict[str, Any], recording: Entity | None, changed: Collection[str]) -> dict[str, Any]:
    """What is corrected of a clip's fields; raises for what was asked for and makes no sense."""
    length = recording["duration"] if recording else None
    if length is not None and fields["offset"] >= length + SLACK:
        raise wrong("offset", f"has to be less than the length of the recording, {length:g} seconds")
    if {"fadeIn", "fadeOut"} & set(changed) and fields["fadeIn"] + fields["fadeOut"] > fields["duration"] + ROUNDING:
        raise wrong("fadeOut", "and fadeIn together are longer than the clip")
    return timing.fitted(fields, length)


def _default_duration(draft: Draft, fields: dict[str, Any], recording: Entity | None) -> float:
    if recording is not None:
        if recording["duration"] is None:
            raise wrong("duration", "is needed, because the length of this recording is not known yet")
        return max(float(recording["duration"]) - float(fields["offset"]), timing.MIN_LENGTH)
    notes = fields["midiData"]["notes"]
    bar = timing.beats_per_bar(draft.project)
    end = max((note["start"] + note["duration"] for note in notes), default=0)
    return max(1, math.ceil(end / bar - timing.TINY)) * bar * timing.seconds_per_beat(draft.project)


def _name_of(recording: Entity | None) -> str:
    name = (recording["original_name"] or recording["filename"]) if recording else "MIDI"
    return str(name)[:120]
