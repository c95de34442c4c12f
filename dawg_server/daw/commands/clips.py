"""Commands about clips: pieces of recordings, or notes, on the time line of a track."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from dawg_server import errors
from dawg_server.daw import following, timing
from dawg_server.daw.commands.base import Specs
from dawg_server.daw.draft import Draft, Entity, missing
from dawg_server.daw.entities import CLIP
from dawg_server.daw.entities.base import the
from dawg_server.daw.entities.clip import MAX_SECONDS
from dawg_server.daw.following import TINY
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.schema import Choice, Id, Items, Number, Record, parameters

ROUNDING = 0.001  # seconds by which fades may seem to outlast their clip, or a clip its recording, without a word
SLACK = 0.1  # seconds by which the length of a recording may have been known wrongly

SPECS = Specs()
_CONTENT = {"audioFileId", "midiData", "offset", "duration"}  # what is judged together with the recording
CLIP_IDS = Items(Id("clip"), 1, 200, required=True)


@SPECS.add("createClip", "Puts a recording or notes on a track.", parameters({**CLIP.fields, "id": Id("clip")}))
async def create_clip(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """`clamped` names what was longer than the recording."""
    track = await draft.track(values["trackId"])
    recording = await _recording(draft, values)
    fields = {
        "name": _name_of(recording),
        **values,
        "trackId": track["id"],
        "duration": values.get("duration") or _default_duration(draft, values, recording),
    }
    corrected = _fitted(fields, recording, fields.keys())
    clip = draft.create("clip", {**fields, **corrected})
    return {"clip": draft.shown("clip", clip["id"]), **_clamped(fields, corrected)}


@SPECS.add(
    "updateClip", "Changes a clip.", parameters({"clipId": the("clip"), "changes": Record(CLIP.changes, required=True)})
)
async def update_clip(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clip = await draft.clip(values["clipId"])
    clamped = await _change(draft, clip, values["changes"])
    return {"clip": draft.shown("clip", clip["id"]), **clamped}


@SPECS.add(
    "updateClips",
    "Makes the same changes to several clips.",
    parameters({"clipIds": CLIP_IDS, "changes": Record(CLIP.changes, required=True)}),
)
async def update_clips(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clips = await _all_of(draft, values["clipIds"])
    clamped = [await _change(draft, clip, values["changes"]) for clip in clips]
    names = {name for each in clamped for name in each.get("clamped", ())}
    return {
        "clips": [draft.shown("clip", clip["id"]) for clip in clips],
        **({"clamped": [name for name in CLIP.fields if name in names]} if names else {}),
    }


@SPECS.add("deleteClip", "Removes a clip; its recording stays.", parameters({"clipId": the("clip")}))
async def delete_clip(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clip_id = (await draft.clip(values["clipId"]))["id"]
    draft.delete("clip", clip_id)
    return {"deleted": True, "clipId": clip_id}


@SPECS.add(
    "moveClip",
    "Moves a clip in time, and to another track if one is named.",
    parameters(
        {
            "clipId": the("clip"),
            "newPosition": Number(0, MAX_BEATS, "from the beginning of the project, counted from 0", required=True),
            "unit": Choice(("beats", "bars", "seconds"), load_default="beats"),
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
    parameters(
        {
            "clipIds": Items(Id("clip"), 1, 100, required=True),
            "division": Choice(tuple(timing.DIVISIONS), "distance of the lines of the grid", required=True),
            "strength": Number(0, 100, "percent of the way to the line", load_default=100),
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


async def _change(draft: Draft, clip: Entity, changes: dict[str, Any]) -> dict[str, Any]:
    """Judges what differs from what is there, and nothing else. Returns `clamped`, if anything was too long."""
    changed = {name: value for name, value in changes.items() if clip[name] != value}
    fields = {**{name: clip[name] for name in CLIP.fields}, **changed}
    if "trackId" in changed:
        await draft.track(fields["trackId"])
    for one, other in (("audioFileId", "midiData"), ("midiData", "audioFileId")):
        if changes.get(one) is not None and clip[other] is not None and changes.get(other, ...) is not None:
            raise _wrong(one, f"cannot be set while there is {other}: set that to null as well")
    judged = _CONTENT & changed.keys()
    recording = await _recording(draft, fields, "audioFileId" in changed) if judged else None
    corrected = _fitted(fields, recording, changed.keys())
    draft.update("clip", clip["id"], {**changed, **corrected})
    return _clamped(fields, corrected)


async def _all_of(draft: Draft, ids: list[str]) -> list[Entity]:
    found, lost = [], []
    for id in dict.fromkeys(ids):
        try:
            found.append(await draft.clip(id))
        except errors.NotFound:
            lost.append(id)
    if lost:
        raise missing("clip", *lost)
    return found


async def _recording(draft: Draft, fields: dict[str, Any], new: bool = True) -> Entity | None:
    """The recording that a clip plays: the project's own, one that its clips play, or the caller's, which becomes the
    project's when it belongs to none."""
    audio_file_id = fields["audioFileId"]
    if (audio_file_id is None) == (fields["midiData"] is None):
        raise _wrong("audioFileId", "or midiData is needed, and not both")
    if audio_file_id is None:
        return None
    recording = await draft.recording(audio_file_id)
    if recording is None:
        raise missing("audioFile", audio_file_id)
    own = recording["project_id"] == draft.id or recording["owner_id"] == draft.user_id
    if new and not own and not recording["played"]:
        raise missing("audioFile", audio_file_id)
    if new and recording["project_id"] is None:
        draft.attached.add(audio_file_id)
    return recording


def _fitted(fields: dict[str, Any], recording: Entity | None, changed: Collection[str]) -> dict[str, Any]:
    """What is corrected of a clip's fields; raises for what was asked for and makes no sense."""
    length = recording["duration"] if recording else None
    if length is not None and fields["offset"] >= length + SLACK:
        raise _wrong("offset", f"has to be less than the length of the recording, {length:g} seconds")
    if {"fadeIn", "fadeOut"} & set(changed) and fields["fadeIn"] + fields["fadeOut"] > fields["duration"] + ROUNDING:
        raise _wrong("fadeOut", "and fadeIn together are longer than the clip")
    return following.fitted(fields, length)


def _clamped(fields: dict[str, Any], corrected: dict[str, Any]) -> dict[str, Any]:
    """Rounding is not worth a word."""
    names = [name for name in CLIP.fields if name in corrected and fields[name] - corrected[name] > ROUNDING]
    return {"clamped": names} if names else {}


def _default_duration(draft: Draft, fields: dict[str, Any], recording: Entity | None) -> float:
    if recording is not None:
        if recording["duration"] is None:
            raise _wrong("duration", "is needed, because the length of this recording is not known yet")
        return max(float(recording["duration"]) - float(fields["offset"]), following.MIN_LENGTH)
    notes = fields["midiData"]["notes"]
    bar = timing.beats_per_bar(draft.project)
    end = max((note["start"] + note["duration"] for note in notes), default=0)
    return max(1, math.ceil(end / bar - TINY)) * bar * timing.seconds_per_beat(draft.project)


def _name_of(recording: Entity | None) -> str:
    name = (recording["original_name"] or recording["filename"]) if recording else "MIDI"
    return str(name)[:120]


def _wrong(field: str, sentence: str) -> errors.ValidationError:
    return errors.ValidationError(f"{field} {sentence}.", details={field: sentence})
