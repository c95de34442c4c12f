"""Clips: pieces of recordings, or notes, on the time line of a track."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from dawg_server.database import tracks
from dawg_server.daw import timing
from dawg_server.daw.commands import change, command
from dawg_server.daw.entities.track import misfit
from dawg_server.daw.entity import Bulk, Condition, Entity, EntityType, Hindrance, Weight, the, wrong
from dawg_server.daw.notes import MAX_BEATS, KeyedNotes, Notes
from dawg_server.daw.quantizing import DIVISIONS, Grid
from dawg_server.daw.tempo_map import TempoMap
from dawg_server.daw.timing import MAX_SECONDS
from dawg_server.schema import Choice, Colour, Flag, Id, Items, Number, Text

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MAX_CLIPS, MAX_PROJECT_NOTES = 10_000, 200_000  # of a project
ROUNDING = 0.001  # seconds by which fades may seem to outlast their clip, or a clip its recording, without a word
SLACK = 0.1  # seconds by which the length of a recording may have been known wrongly
FADE_CURVES = ("linear", "equalPower")

FIELDS = {
    "trackId": the("track"),
    "audioFileId": Id("audioFile", "the recording to play", allow_none=True, load_default=None),
    "midiData": Notes("notes, instead of a recording", allow_none=True, load_default=None),
    "name": Text(1, 120, "without it the name of the recording"),
    "timebase": Choice(
        (timing.MUSICAL, timing.ABSOLUTE),
        "what stays at another tempo: the beats (of notes, if nothing is said) or the seconds (of recordings)",
    ),
    "startTime": Number(0, MAX_SECONDS, "seconds from the beginning of the project; this or startBeat is needed"),
    "duration": Number(0, MAX_SECONDS, "seconds; without it the rest of the recording", over=True),
    "offset": Number(0, MAX_SECONDS, "seconds into the recording"),
    "fadeIn": Number(0, MAX_SECONDS, "seconds"),
    "fadeOut": Number(0, MAX_SECONDS, "seconds"),
    "fadeCurve": Choice(FADE_CURVES, "of both fades, in amplitude", load_default="linear"),
    "startBeat": Number(0, MAX_BEATS, "startTime in beats, which are quarter notes"),
    "lengthBeats": Number(0, MAX_BEATS, "duration in beats", over=True),
    "offsetBeats": Number(0, MAX_BEATS, "offset in beats"),
    "fadeInBeats": Number(0, MAX_BEATS, "fadeIn in beats"),
    "fadeOutBeats": Number(0, MAX_BEATS, "fadeOut in beats"),
    "stretch": Flag("whether the recording follows the tempo by time-stretching; musical then", load_default=False),
    "originalBpm": Number(
        20, 400, "the tempo of the recording, without which the known one is taken", allow_none=True, load_default=None
    ),
    "gain": Number(-60, 24, "dB", load_default=0),
    "color": Colour("such as #3b82f6", allow_none=True, load_default=None),
}

# What is judged together with the recording.
_CONTENT = {"audioFileId", "midiData", "timebase", "stretch", "originalBpm", *timing.OFFSET, *timing.LENGTH}


async def judge(draft: Draft, clip: Entity | None, changed: Entity) -> Collection[str]:
    """Both units of a clip's times agree, it ends with its recording, and its fades end with it; a new one gets a name
    and a length."""
    fields = {**(clip or {}), **changed}
    judged = fields["audioFileId"] is not None and (clip is None or not _CONTENT.isdisjoint(changed))
    recording = await draft.recording(fields["audioFileId"]) if judged else None
    tempo = timing.tempo_map(draft)
    if clip is None:
        fields["name"] = changed["name"] = fields["name"] or _name_of(recording)
        if fields["timebase"] is None and not fields["stretch"]:
            fields["timebase"] = changed["timebase"] = timing.default_timebase(fields)
    if fields["stretch"]:
        changed |= await _stretched(draft, clip, fields, changed)
        fields |= changed
    if clip is None:
        if all(fields[name] is None for name in timing.LENGTH):
            changed |= _default_length(tempo, fields, recording)
    elif not {"stretch", "originalBpm"}.isdisjoint(changed) and set(timing.LENGTH).isdisjoint(changed):
        # It plays the same part of its recording as before.
        length = timing.material(clip)
        changed |= {"lengthBeats": length * fields["originalBpm"] / 60} if fields["stretch"] else {"duration": length}
    given = {name: changed[name] for name in timing.NAMES if changed.get(name) is not None}
    what = {name: fields[name] for name in ("timebase", "midiData", "stretch", "originalBpm")}
    fields |= timing.settled(clip, {**given, **what}, tempo)
    for seconds, beats in (timing.START, timing.LENGTH):
        if fields[seconds] > MAX_SECONDS:
            raise wrong(beats if beats in given else seconds, f"lies beyond {MAX_SECONDS} seconds")
    corrected = _fitted(fields, recording, given, tempo)
    changed |= {name: fields[name] for name in timing.NAMES} | corrected
    # Rounding is not worth a word.
    return [name for name, _ in timing.PAIRS if name in corrected and fields[name] - corrected[name] > ROUNDING]


async def unmet(draft: Draft, clip: Entity, changed: Collection[str]) -> Hindrance | None:
    """Recordings lie on audio tracks, notes on MIDI and instrument tracks."""
    track = await draft.get("track", clip["trackId"])
    sentence = misfit(track["trackType"], clip)
    return Hindrance("trackId", sentence, "track", [track["id"]]) if sentence else None


async def unstretched(draft: Draft, clip: Entity, changed: Collection[str]) -> Hindrance | None:
    """Only a recording of a known tempo is stretched, and by it the clip is in beats."""
    possible = clip["timebase"] == timing.MUSICAL and None not in (clip["audioFileId"], clip["originalBpm"])
    if not clip["stretch"] or possible:
        return None
    sentence = "is for musical clips that play a recording of a known tempo"
    return Hindrance("stretch", sentence, "clip", [str(clip.get("id"))])


async def fit(draft: Draft, clip: Entity) -> Entity:
    """All of its times, as they are at the present tempo and with the present recording."""
    recording = await draft.recording(clip["audioFileId"]) if clip["audioFileId"] else None
    tempo = timing.tempo_map(draft)
    clip = {**clip, **timing.settled(clip, {}, tempo)}
    found = timing.fitted(clip, recording["duration"] if recording else None, tempo)
    return {**{name: clip[name] for name in timing.NAMES}, **found}


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
    keyed={"midiData": KeyedNotes()},
    conditions=[
        Condition(frozenset({"trackId", "audioFileId", "midiData"}), unmet),
        Condition(frozenset({"stretch", "originalBpm", "timebase", "audioFileId"}), unstretched),
    ],
    fit=fit,
    rule=judge,
    ruled=frozenset({*_CONTENT, *timing.NAMES}),
    units=timing.ClipUnits(),
    in_time=timing.ClipsInTime(),
    bulk=Bulk(FIELDS, 200),
    limit=MAX_CLIPS,
    weight=Weight("notes", MAX_PROJECT_NOTES, "midiData", lambda midi: len(midi["notes"]) if midi else 0, "note_count"),
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
    tempo, place, unit = timing.tempo_map(draft), values["newPosition"], values["unit"]
    if unit == "bars":
        place, unit = tempo.beat_of_bar(place), "beats"
    if (tempo.seconds(place) if unit == "beats" else place) > MAX_SECONDS:
        raise wrong("newPosition", f"lies beyond {MAX_SECONDS} seconds")
    start = {"startBeat" if unit == "beats" else "startTime": place}
    await change(draft, CLIP, clip, {**start, "trackId": values.get("trackId") or clip["trackId"]})
    return {"clip": draft.shown("clip", clip["id"])}


@command(
    "quantize",
    "Moves the starts of clips and of MIDI notes to the grid; it does not cut inside of audio.",
    {
        "clipIds": Items(Id("clip"), 1, 100, required=True),
        "division": Choice(tuple(DIVISIONS), "of the grid, which begins anew at each bar line", required=True),
        "strength": Number(0, 100, "percent of the way", load_default=100),
        "swing": Number(50, 75, "percent of two steps that the first one takes; 50 is straight", load_default=50),
        "ends": Flag("whether the ends of notes are moved to the grid as well", load_default=False),
    },
)
async def quantize(draft: Draft, values: dict[str, Any]) -> dict[str, Any]:
    """Notes come to the lines of the project's grid, as if their clip was on its line already."""
    clips = await draft.several("clip", values["clipIds"])
    tempo, strength = timing.tempo_map(draft), values["strength"] / 100
    grid = Grid(tempo, DIVISIONS[values["division"]], values["swing"] / 100, strength)
    for clip in clips:
        changes: dict[str, Any] = {"startBeat": grid.moved(clip["startBeat"])}
        if clip["midiData"] is not None:
            origin = grid.line(clip["startBeat"]) - clip["offsetBeats"]
            notes = grid.notes(clip["midiData"]["notes"], origin, ends=values["ends"])
            changes["midiData"] = {**clip["midiData"], "notes": notes}
        await change(draft, CLIP, clip, changes)
    return {"clips": [draft.shown("clip", clip["id"]) for clip in clips]}


def _fitted(
    fields: dict[str, Any], recording: Entity | None, changed: Mapping[str, Any], tempo: TempoMap
) -> dict[str, Any]:
    """What is corrected of a clip's fields; raises for what was asked for and makes no sense."""
    length = recording["duration"] if recording else None
    if length is not None and fields["offset"] >= length + SLACK:
        raise wrong("offset", f"has to be less than the length of the recording, {length:g} seconds")
    chosen = [pair[0] for pair in (timing.FADE_IN, timing.FADE_OUT) if not changed.keys().isdisjoint(pair)]
    if sum(fields[name] for name in chosen) > fields["duration"] + ROUNDING:
        sentence = "and fadeIn together are longer than the clip" if chosen[1:] else "is longer than the clip"
        raise wrong(chosen[-1], sentence)
    return timing.fitted(fields, length, tempo, asked=True, chosen=chosen)


def _default_length(tempo: TempoMap, fields: dict[str, Any], recording: Entity | None) -> dict[str, float]:
    """The rest of the recording, or as many bars as the notes need."""
    if recording is not None and recording["duration"] is None:
        raise wrong("duration", "is needed, because the length of this recording is not known yet")
    placed = timing.settled(None, {**fields, "duration": timing.MIN_LENGTH}, tempo)
    if recording is not None:
        rest = max(float(recording["duration"]) - float(placed["offset"]), timing.MIN_LENGTH)
        return {"lengthBeats": rest * fields["originalBpm"] / 60} if fields["stretch"] else {"duration": rest}
    start, notes = placed["startBeat"], fields["midiData"]["notes"]
    first, end = tempo.bar(start), max((note["start"] + note["duration"] for note in notes), default=0)
    bars = max(1, math.ceil(tempo.bar(start + end) - first - timing.TINY))
    return {"lengthBeats": round(tempo.beat_of_bar(first + bars) - start, timing.DIGITS)}


async def _stretched(draft: Draft, clip: Entity | None, fields: Entity, changed: Entity) -> Entity:
    """What a clip has to be, so that it can be stretched."""
    if fields["audioFileId"] is None:
        raise wrong("stretch", "is for recordings: notes follow the tempo without it")
    if changed.get("timebase") == timing.ABSOLUTE:
        raise wrong("timebase", "of a clip that is stretched is musical; set stretch to false as well")
    bpm = fields["originalBpm"] or await tracks.tempo_of_recording(draft.connection, fields["audioFileId"])
    if bpm is None:
        raise wrong("originalBpm", "is needed, because the tempo of this recording is not known: say it, or analyse it")
    return {"timebase": timing.MUSICAL, "originalBpm": min(max(float(bpm), 20.0), 400.0)}


def _name_of(recording: Entity | None) -> str:
    name = (recording["original_name"] or recording["filename"]) if recording else "MIDI"
    return str(name)[:120]
