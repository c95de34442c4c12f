"""Commands about clips: pieces of recordings, or notes, on the time line of a track."""

from __future__ import annotations

import math
from typing import Any

from dawg_server import errors
from dawg_server.daw import timing
from dawg_server.daw.commands.base import Specs, changing, the
from dawg_server.daw.draft import Draft, Thing, missing
from dawg_server.daw.notes import MAX_BEATS, Notes
from dawg_server.daw.schema import Choice, Colour, Id, Items, Number, Parameters, Record, Text

MAX_SECONDS = 86_400  # a day: no position or length lies beyond it
ROUNDING = 0.001  # seconds by which a clip may seem to outlast its recording
TINY = 1e-9  # seconds, because sums of fractions are not exact

SPECS = Specs()
FIELDS = {
    "trackId": the("track"),
    "audioFileId": Id("audioFile", "the recording to play", nullable=True, default=None),
    "midiData": Notes("notes, instead of a recording", nullable=True, default=None),
    "name": Text(1, 120, "without it the name of the recording"),
    "startTime": Number(0, MAX_SECONDS, "seconds from the beginning of the project", required=True),
    "duration": Number(0, MAX_SECONDS, "seconds; without it the rest of the recording", over=True),
    "offset": Number(0, MAX_SECONDS, "seconds into the recording", default=0),
    "fadeIn": Number(0, MAX_SECONDS, "seconds", default=0),
    "fadeOut": Number(0, MAX_SECONDS, "seconds", default=0),
    "gain": Number(-60, 24, "dB", default=0),
    "color": Colour("such as #3b82f6", nullable=True, default=None),
}
CREATE = Parameters(FIELDS)
CHANGES = changing(FIELDS)
CLIP_IDS = Items(Id("clip"), 1, 200, required=True)


@SPECS.add("createClip", "Puts a recording or notes on a track.", Parameters({**FIELDS, "id": Id("clip")}))
async def create_clip(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    track = await draft.track(values["trackId"])
    recording = await _recording(draft, values)
    fields = {
        "name": _name_of(recording),
        **values,
        "trackId": track["id"],
        "duration": values.get("duration") or _default_duration(draft, values, recording),
    }
    clip = draft.create("clip", _checked(fields, recording))
    return {"clip": draft.shown("clip", clip["id"])}


@SPECS.add(
    "updateClip", "Changes a clip.", Parameters({"clipId": the("clip"), "changes": Record(CHANGES, required=True)})
)
async def update_clip(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clip = await draft.clip(values["clipId"])
    await _change(draft, clip, values["changes"])
    return {"clip": draft.shown("clip", clip["id"])}


@SPECS.add(
    "updateClips",
    "Makes the same changes to several clips.",
    Parameters({"clipIds": CLIP_IDS, "changes": Record(CHANGES, required=True)}),
)
async def update_clips(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clips = await _all_of(draft, values["clipIds"])
    for clip in clips:
        await _change(draft, clip, values["changes"])
    return {"clips": [draft.shown("clip", clip["id"]) for clip in clips]}


@SPECS.add("deleteClip", "Removes a clip; its recording stays.", Parameters({"clipId": the("clip")}))
async def delete_clip(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clip_id = (await draft.clip(values["clipId"]))["id"]
    draft.delete("clip", clip_id)
    return {"deleted": True, "clipId": clip_id}


@SPECS.add(
    "moveClip",
    "Moves a clip in time, and to another track if one is named.",
    Parameters(
        {
            "clipId": the("clip"),
            "newPosition": Number(0, MAX_BEATS, "from the beginning of the project, counted from 0", required=True),
            "unit": Choice(("beats", "bars", "seconds"), default="beats"),
            "trackId": Id("track", "where it goes, if not on its own track"),
        }
    ),
)
async def move_clip(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clip = await draft.clip(values["clipId"])
    beat = timing.seconds_per_beat(draft.project)
    unit = {"beats": beat, "bars": beat * timing.beats_per_bar(draft.project), "seconds": 1.0}[values["unit"]]
    start = values["newPosition"] * unit
    if start > MAX_SECONDS:
        raise _wrong("newPosition", f"lies beyond {MAX_SECONDS} seconds")
    await _change(draft, clip, {"startTime": start, "trackId": values.get("trackId") or clip["trackId"]})
    return {"clip": draft.shown("clip", clip["id"])}


@SPECS.add(
    "quantize",
    "Moves the starts of clips and of MIDI notes to the grid; nothing is cut inside of audio.",
    Parameters(
        {
            "clipIds": Items(Id("clip"), 1, 100, required=True),
            "division": Choice(tuple(timing.DIVISIONS), "distance of the lines of the grid", required=True),
            "strength": Number(0, 100, "percent of the way to the line", default=100),
        }
    ),
)
async def quantize(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clips = await _all_of(draft, values["clipIds"])
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


async def _change(draft: Draft, clip: Thing, changes: dict[str, Any]) -> None:
    fields = {**{name: clip[name] for name in FIELDS}, **changes}
    if fields["trackId"] != clip["trackId"]:
        await draft.track(fields["trackId"])
    for one, other in (("audioFileId", "midiData"), ("midiData", "audioFileId")):
        if changes.get(one) is not None and clip[other] is not None and changes.get(other, ...) is not None:
            raise _wrong(one, f"cannot be set while there is {other}: set that to null as well")
    recording = await _recording(draft, fields, fields["audioFileId"] != clip["audioFileId"])
    checked = _checked(fields, recording)
    draft.update("clip", clip["id"], {name: checked[name] for name in FIELDS})


async def _all_of(draft: Draft, ids: list[str]) -> list[Thing]:
    found, lost = [], []
    for id in dict.fromkeys(ids):
        try:
            found.append(await draft.clip(id))
        except errors.NotFound:
            lost.append(id)
    if lost:
        raise missing("clip", *lost)
    return found


async def _recording(draft: Draft, fields: dict[str, Any], new: bool = True) -> Thing | None:
    """The recording that a clip plays: the project's own, or the caller's, which then becomes the project's."""
    audio_file_id = fields["audioFileId"]
    if (audio_file_id is None) == (fields["midiData"] is None):
        raise _wrong("audioFileId", "or midiData is needed, and not both")
    if audio_file_id is None:
        return None
    recording = await draft.recording(audio_file_id)
    mine = recording is not None and draft.user_id == recording["owner_id"]
    if recording is None or (new and recording["project_id"] != draft.id and not mine):
        raise missing("audioFile", audio_file_id)
    if new and recording["project_id"] is None:
        draft.attached.add(audio_file_id)
    return recording


def _checked(fields: dict[str, Any], recording: Thing | None) -> dict[str, Any]:
    """The fields of a clip, its end cut to that of its recording when only rounding is between them."""
    length = recording["duration"] if recording else None
    duration = fields["duration"]
    if length is not None:
        rest = length - fields["offset"]
        if rest <= TINY:
            raise _wrong("offset", f"has to be less than the length of the recording, {length:g} seconds")
        if duration > rest + ROUNDING:
            raise _wrong("duration", f"and offset go beyond the end of the recording, which has {length:g} seconds")
        duration = min(duration, rest)
    if fields["fadeIn"] + fields["fadeOut"] > duration + ROUNDING:
        raise _wrong("fadeOut", "and fadeIn together are longer than the clip")
    surplus = max(0.0, fields["fadeIn"] + fields["fadeOut"] - duration)
    return {
        **fields,
        "duration": duration,
        "fadeOut": max(0, fields["fadeOut"] - surplus) if surplus else fields["fadeOut"],
    }


def _default_duration(draft: Draft, fields: dict[str, Any], recording: Thing | None) -> float:
    if recording is not None:
        if recording["duration"] is None:
            raise _wrong("duration", "is needed, because the length of this recording is not known yet")
        return max(float(recording["duration"]) - float(fields["offset"]), 0.0)
    notes = fields["midiData"]["notes"]
    bar = timing.beats_per_bar(draft.project)
    end = max((note["start"] + note["duration"] for note in notes), default=0)
    return max(1, math.ceil(end / bar - TINY)) * bar * timing.seconds_per_beat(draft.project)


def _name_of(recording: Thing | None) -> str:
    name = (recording["original_name"] or recording["filename"]) if recording else "MIDI"
    return str(name)[:120]


def _wrong(field: str, sentence: str) -> errors.ValidationError:
    return errors.ValidationError(f"{field} {sentence}.", details={field: sentence})
