"""Edits of whole clips: cut, copied, moved together, joined."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dawg_server.daw import timing
from dawg_server.daw.commands import cascade, command, copy_parts
from dawg_server.daw.entities.clip import CLIP, unmet
from dawg_server.daw.entity import Entity, the, wrong
from dawg_server.daw.notes import BEND_RANGE, EVENTS, MAX_BEATS, MAX_EVENTS, MAX_NOTES
from dawg_server.schema import Id, Items, Number

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MOST = 500  # clips in one edit
TOUCHING = 1e-4  # seconds by which neighbours may miss each other and still be joined

CLIPS = Items(Id("clip"), 1, MOST, required=True)


@command(
    "splitClip",
    "Cuts a clip in two at a beat; fades stay at the outer ends.",
    {"clipId": the("clip"), "beat": Number(0, MAX_BEATS, "from the beginning of the project", required=True)},
)
async def split(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    clip, beat = await draft.get("clip", values["clipId"]), values["beat"]
    if not clip["startBeat"] < beat < clip["startBeat"] + clip["lengthBeats"]:
        raise wrong("beat", "has to lie inside of the clip")
    left, right = timing.ClipsInTime().cut(draft, clip, beat)
    second = CLIP.stored({**clip, **right})
    draft.update("clip", clip["id"], left)
    del second["id"]
    made = draft.create("clip", second)
    await copy_parts(draft, CLIP, clip["id"], made["id"])
    return _told(draft, [clip["id"], made["id"]])


@command(
    "duplicateClips",
    "Copies clips behind themselves, or to a beat, with the distances between them; also what pasting is.",
    {
        "clipIds": CLIPS,
        "beat": Number(0, MAX_BEATS, "where the first copy begins; without it behind the last of the clips"),
        "trackId": Id("track", "where the copies go, if not on the tracks of the clips"),
    },
)
async def duplicate(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    found = await draft.several("clip", values["clipIds"])
    first = min(clip["startBeat"] for clip in found)
    end = max(clip["startBeat"] + clip["lengthBeats"] for clip in found)
    distance = (end if values.get("beat") is None else values["beat"]) - first
    made = []
    for clip in found:
        place = timing.ClipsInTime().moved(draft, clip, max(0.0, clip["startBeat"] + distance))
        copied = CLIP.stored({**clip, **place, "trackId": values.get("trackId") or clip["trackId"]})
        del copied["id"]
        await _require_fit(draft, copied)
        made.append(draft.create("clip", copied)["id"])
        await copy_parts(draft, CLIP, clip["id"], made[-1])
    return _told(draft, made)


@command(
    "moveClips",
    "Moves clips together by beats, and to another track if one is named.",
    {
        "clipIds": CLIPS,
        "beats": Number(-MAX_BEATS, MAX_BEATS, "how far, later if positive", load_default=0),
        "trackId": Id("track", "where they go, if not on their own tracks"),
        "trackIds": Items(Id("track"), 1, MOST, "instead of trackId: where each of them goes, in their order"),
    },
)
async def move(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """No further than to the beginning of the project."""
    found = await draft.several("clip", values["clipIds"])
    tracks = values.get("trackIds") or [values.get("trackId")] * len(found)
    if len(tracks) != len(found):
        raise wrong("trackIds", "has to name one track for each clip, and each clip once")
    beats = max(values["beats"], -min(clip["startBeat"] for clip in found))
    for clip, track in zip(found, tracks, strict=True):
        fields = timing.ClipsInTime().moved(draft, clip, max(0.0, clip["startBeat"] + beats)) if beats else {}
        if track is not None:
            fields = {**fields, "trackId": track}
            await _require_fit(draft, {**clip, **fields})
        draft.update("clip", clip["id"], fields)
    return _told(draft, [clip["id"] for clip in found])


@command("deleteClips", "Removes several clips; their recordings stay.", {"clipIds": CLIPS})
async def delete(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    found = await draft.several("clip", values["clipIds"])
    for clip in found:
        await cascade(draft, "clip", clip["id"])
        draft.delete("clip", clip["id"])
    return {"clips": [], "count": len(found)}


@command(
    "glueClips",
    "Joins clips of one track: notes become one clip, pieces of one recording that follow each other one piece.",
    {"clipIds": Items(Id("clip"), 2, MOST, required=True)},
)
async def glue(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    found = sorted(await draft.several("clip", values["clipIds"]), key=lambda clip: clip["startBeat"])
    if len({clip["trackId"] for clip in found}) > 1:
        raise wrong("clipIds", "has to name clips of one track")
    first, last = found[0], max(found, key=lambda clip: clip["startBeat"] + clip["lengthBeats"])
    fields = _joined_notes(found) if first["midiData"] is not None else _joined_recording(found)
    end = last["startBeat"] + last["lengthBeats"]
    fields |= timing.settled(
        first,
        {"lengthBeats": end - first["startBeat"], "fadeOutBeats": last["fadeOutBeats"]},
        timing.tempo_map(draft),
    )
    draft.update("clip", first["id"], fields)
    for clip in found[1:]:
        await cascade(draft, "clip", clip["id"])
        draft.delete("clip", clip["id"])
    return _told(draft, [first["id"]])


def _joined_notes(clips: Sequence[Entity]) -> Entity:
    """Notes are heard where they were; what a clip did not let be heard is gone."""
    first, notes = clips[0], []
    if len({clip["midiData"].get("channel", 0) for clip in clips}) > 1:
        raise wrong("clipIds", "has to name clips of one MIDI channel")
    bend_range = max(_bend_range(clip) for clip in clips)
    events: dict[str, list[Entity]] = {name: [] for name in EVENTS}
    for clip in clips:
        heard, distance = clip["offsetBeats"] + clip["lengthBeats"], clip["startBeat"] - first["startBeat"]
        shift = distance + first["offsetBeats"] - clip["offsetBeats"]
        notes += [
            {**note, "start": note["start"] + shift, "duration": min(note["duration"], heard - note["start"])}
            for note in clip["midiData"]["notes"]
            if clip["offsetBeats"] - timing.TINY <= note["start"] < heard
        ]
        bent = len(events["pitchBends"])
        for name, found in events.items():
            found += [{**each, "beat": each["beat"] + shift} for each in _heard_events(clip, name, heard)]
        for each in events["pitchBends"][bent:]:  # they bend as far as before
            each["value"] = round(each["value"] * _bend_range(clip) / max(bend_range, 1))
    if len(notes) > MAX_NOTES:
        raise wrong("clipIds", f"would make a clip of more than {MAX_NOTES} notes")
    if any(len(found) > MAX_EVENTS for found in events.values()):
        raise wrong("clipIds", f"would make a clip of more than {MAX_EVENTS} controllers or bends")
    kept = {name: sorted(found, key=lambda each: float(each["beat"])) for name, found in events.items() if found}
    widest = {"bendRange": bend_range} if kept.get("pitchBends") else {}
    ordered = sorted(notes, key=lambda note: float(note["start"]))
    return {"midiData": {**first["midiData"], "notes": ordered, **kept, **widest}}


def _bend_range(clip: Entity) -> int:
    """Semitones."""
    return int(clip["midiData"].get("bendRange", BEND_RANGE)) if clip["midiData"].get("pitchBends") else 0


def _heard_events(clip: Entity, name: str, end: float) -> list[Entity]:
    """Those within the clip, and at its beginning what holds there of those before."""
    begin, before, found = clip["offsetBeats"], {}, []
    for each in clip["midiData"].get(name, ()):
        if each["beat"] < begin - timing.TINY:
            before[each.get("controller")] = {**each, "beat": begin}
        elif each["beat"] < end:
            found.append(each)
    return [*before.values(), *found]


def _joined_recording(clips: Sequence[Entity]) -> Entity:
    for one, other in itertools.pairwise(clips):
        same = all(one[name] == other[name] for name in ("audioFileId", "gain", "timebase", "stretch", "originalBpm"))
        follows = abs(one["startTime"] + one["duration"] - other["startTime"]) < TOUCHING
        goes_on = abs(one["offset"] + timing.material(one) - other["offset"]) < TOUCHING
        if not (same and follows and goes_on):
            raise wrong("clipIds", "has to name pieces of one recording that follow each other without a gap")
    return {}


@command(
    "crossfadeClips",
    "Fades one clip of a recording into the next one on its track, with equal power.",
    {
        "clipIds": Items(Id("clip"), 2, 2, required=True),
        "seconds": Number(0, 30, "how long, where the clips do not overlap already", load_default=0.05, over=True),
    },
)
async def crossfade(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """Where they do not overlap, the first one goes on for that long, as far as its recording does."""
    one, other = sorted(await draft.several("clip", values["clipIds"]), key=lambda clip: clip["startTime"])
    if one["trackId"] != other["trackId"] or None in (one["audioFileId"], other["audioFileId"]):
        raise wrong("clipIds", "has to name two clips of recordings on one track")
    tempo, end = timing.tempo_map(draft), one["startTime"] + one["duration"]
    if end < other["startTime"] - TOUCHING:
        raise wrong("clipIds", "has to name clips that touch or overlap")
    if other["startTime"] + other["duration"] < end - TOUCHING:
        raise wrong("clipIds", "has to name two clips of which neither lies inside of the other")
    overlap = end - other["startTime"]
    if overlap <= TOUCHING:
        recording = await draft.recording(one["audioFileId"])
        length = recording["duration"] if recording is not None else None
        rest = values["seconds"] if length is None else max(0.0, length - one["offset"] - one["duration"])
        overlap = min(values["seconds"], rest, other["duration"])
        if overlap <= TOUCHING:
            raise wrong("clipIds", "leaves nothing to fade: the first recording ends with its clip")
    overlap = min(overlap, one["duration"], other["duration"])
    curve = {"fadeCurve": "equalPower"}
    longer = {"duration": max(one["duration"], other["startTime"] - one["startTime"] + overlap), "fadeOut": overlap}
    shorter = {"fadeIn": min(one["fadeIn"], longer["duration"] - overlap)}
    draft.update("clip", one["id"], {**timing.settled(one, {**longer, **shorter}, tempo), **curve})
    fades = {"fadeIn": overlap, "fadeOut": min(other["fadeOut"], other["duration"] - overlap)}
    draft.update("clip", other["id"], {**timing.settled(other, fades, tempo), **curve})
    return _told(draft, [one["id"], other["id"]])


async def _require_fit(draft: Draft, clip: Entity) -> None:
    if (hindrance := await unmet(draft, clip, {"trackId"})) is not None:
        raise wrong(hindrance.field, hindrance.sentence)


def _told(draft: Draft, ids: Sequence[str]) -> dict[str, Any]:
    return {"clips": [draft.shown("clip", id) for id in ids], "count": len(ids)}
