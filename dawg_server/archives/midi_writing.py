"""A project's notes as a Standard MIDI File of format 1: a conductor track, then one track for each track of notes.

The conductor has the tempo map (a line of tempi as steps of equal time), the time signatures, the key, the markers and
the sections. What a clip's offset and end cut off stays out; controllers, bends and programs from before the offset
hold at its beginning. A pitch that begins again while it sounds ends first, because a file cannot tell two of them
apart. Runs in a worker process.
"""

from __future__ import annotations

import io
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mido  # type: ignore[import-untyped]
import orjson

from dawg_server.daw import timing
from dawg_server.daw.tempo_map import TempoMap
from dawg_server.music import instruments, theory
from dawg_server.music.midi import DRUM_CHANNEL, key_signature

TICKS_PER_BEAT = 960
BEND_RANGE = 2  # semitones of the wheel where nothing else is said (General MIDI)
MAX_TEMPO = 2**24 - 1  # microseconds per quarter note: three bytes
_NOTED = ("MIDI", "INSTRUMENT")
_STEP, _MOST_STEPS = 0.25, 1024  # beats between two tempi of a line; how many a line has at most
_VOLUME, _PAN, _SUSTAIN = 7, 10, 64
# Order of events in the same tick.
_END, _SETUP, _CONTROL, _START = range(4)

_Timed = tuple[int, int, mido.Message | mido.MetaMessage]
_Entity = Mapping[str, Any]


def written(state: bytes, clip_ids: Sequence[str] | None) -> bytes:
    """`state`: JSON of `projects.snapshot`. With `clip_ids` only these clips, and the tracks that they are on."""
    found = orjson.loads(state)
    tempo = timing.of_project({**found, **found["project"]})
    on: dict[str, list[_Entity]] = defaultdict(list)
    for clip in found["clips"]:
        if clip["midiData"] is not None and (clip_ids is None or clip["id"] in clip_ids):
            on[clip["trackId"]].append(clip)
    tracks = [
        each
        for each in sorted(found["tracks"], key=lambda each: each["order"])
        if each["id"] in on or (clip_ids is None and each["trackType"] in _NOTED)
    ]
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    file.tracks.append(_assembled(_conductor(found, tempo)))
    channels = itertools.cycle(channel for channel in range(16) if channel != DRUM_CHANNEL)
    for track in tracks:
        instrument = track["instrument"] or instruments.spoken_of(track["name"]) or instruments.DEFAULT
        channel = DRUM_CHANNEL if instruments.kind(instrument) == "drums" else next(channels)
        file.tracks.append(_assembled(_part(track, instrument, channel, on[track["id"]])))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def ticks(beats: float) -> int:
    return max(0, round(beats * TICKS_PER_BEAT))


def _conductor(state: _Entity, tempo: TempoMap) -> Iterator[_Timed]:
    project = state["project"]
    yield 0, _END, mido.MetaMessage("track_name", name=project["name"])
    yield 0, _SETUP, mido.MetaMessage("key_signature", key=key_signature(theory.parse_key(project["key"])))
    for beat, bpm in _tempi(tempo):
        yield ticks(beat), _SETUP, mido.MetaMessage("set_tempo", tempo=min(round(60e6 / bpm), MAX_TEMPO))
    for metre in tempo.metres:
        count, unit = metre.signature.split("/")
        message = mido.MetaMessage("time_signature", numerator=int(count), denominator=int(unit))
        yield ticks(tempo.beat_of_bar(metre.bar)), _SETUP, message
    for each in (*state["markers"], *state["sections"]):
        yield ticks(each["beat"]), _CONTROL, mido.MetaMessage("marker", text=each["name"])


def _tempi(tempo: TempoMap) -> Iterator[tuple[float, float]]:
    """(beat, bpm) of steps that take exactly as long as the map says."""
    for change, following in itertools.zip_longest(tempo.changes, tempo.changes[1:]):
        begin = max(0.0, change.beat)
        if following is None or change.curve == "jump" or following.bpm == change.bpm:
            yield begin, change.bpm
            continue
        length = following.beat - begin
        steps = max(1, min(_MOST_STEPS, math.ceil(length / _STEP)))
        lines = [begin + length * step / steps for step in range(steps + 1)]
        for here, there in itertools.pairwise(lines):
            yield here, 60 * (there - here) / (tempo.seconds(there) - tempo.seconds(here))


def _part(track: _Entity, instrument: str, channel: int, clips: Sequence[_Entity]) -> Iterator[_Timed]:
    yield 0, _END, mido.MetaMessage("track_name", name=track["name"])
    own = {clip["midiData"].get("channel", channel) for clip in clips} or {channel}
    volume = min(127, round(127 * math.sqrt(min(track["volume"], 1.0))))  # General MIDI: 40 log10(value / 127) dB
    pan = max(0, min(127, round(64 + 63 * track["pan"])))
    for each in sorted(own):
        yield 0, _SETUP, mido.Message("program_change", channel=each, program=instruments.program(instrument))
        yield 0, _SETUP, mido.Message("control_change", channel=each, control=_VOLUME, value=volume)
        yield 0, _SETUP, mido.Message("control_change", channel=each, control=_PAN, value=pan)
    wheel = dict.fromkeys(own, BEND_RANGE)
    notes: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip["startBeat"]):
        midi = clip["midiData"]
        on = midi.get("channel", channel)
        bend = midi.get("bendRange", BEND_RANGE)
        if midi.get("pitchBends") and wheel[on] != bend:
            wheel[on] = bend
            yield from _bend_range(ticks(clip["startBeat"]), on, bend)
        yield from _controls(clip, on)
        for begin, end, note in _heard(clip):
            notes[on, note["pitch"]].append((begin, end, note["velocity"]))
    for (on, pitch), found in notes.items():
        yield from _sounding(on, pitch, sorted(found))


def _heard(clip: _Entity) -> Iterator[tuple[int, int, _Entity]]:
    """(first tick, last tick, note) of what lies inside of the clip."""
    origin, end = clip["startBeat"] - clip["offsetBeats"], clip["startBeat"] + clip["lengthBeats"]
    for note in clip["midiData"]["notes"]:
        begin = max(origin + note["start"], clip["startBeat"])
        finish = min(origin + note["start"] + note["duration"], end)
        if finish - begin > timing.TINY:
            yield ticks(begin), max(ticks(begin) + 1, ticks(finish)), note


def _sounding(channel: int, pitch: int, notes: Sequence[tuple[int, int, int]]) -> Iterator[_Timed]:
    for (begin, end, velocity), following in itertools.zip_longest(notes, notes[1:]):
        if following is not None:
            end = min(end, following[0])
        if end == begin:
            continue  # of two that begin together the longer one is heard
        # Notes of a document are valid; checking every field again costs more than writing them.
        on = {"channel": channel, "note": pitch, "skip_checks": True}
        yield begin, _START, mido.Message("note_on", velocity=velocity, **on)
        yield end, _END, mido.Message("note_off", velocity=0, **on)


def _bend_range(tick: int, channel: int, semitones: int) -> Iterator[_Timed]:
    """Registered parameter 0 sets the range of the pitch wheel (MIDI 1.0, table of registered parameters)."""
    for control, value in ((101, 0), (100, 0), (6, semitones), (38, 0), (101, 127), (100, 127)):
        yield tick, _SETUP, mido.Message("control_change", channel=channel, control=control, value=value)


def _controls(clip: _Entity, channel: int) -> Iterator[_Timed]:
    """What moves the notes; at the end of the clip it is where it was before."""
    midi, start = clip["midiData"], clip["startBeat"]
    end = ticks(start + clip["lengthBeats"])
    streams: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)
    for each in midi.get("controllers", ()):
        streams["control_change", each["controller"]].append((each["beat"], each["value"]))
    for name, message, field in _OTHERS:
        for each in midi.get(name, ()):
            streams[message, 0].append((each["beat"], each[field]))
    for (message, number), events in streams.items():
        inside = [(beat - clip["offsetBeats"], value) for beat, value in events]
        before = [value for beat, value in inside if beat < 0]
        at = [(ticks(start), before[-1])] if before else []
        at += [(ticks(start + beat), value) for beat, value in inside if 0 <= beat < clip["lengthBeats"]]
        for tick, value in at:
            yield tick, _CONTROL, _control(message, channel, number, value)
        if at and at[-1][1] and (message in ("pitchwheel", "aftertouch") or number in (1, _SUSTAIN)):
            yield end, _END, _control(message, channel, number, 0)


_OTHERS = (
    ("pitchBends", "pitchwheel", "value"),
    ("channelPressures", "aftertouch", "value"),
    ("programs", "program_change", "program"),
)


def _control(message: str, channel: int, number: int, value: int) -> mido.Message:
    if message == "control_change":
        return mido.Message(message, channel=channel, control=number, value=value)
    field = {"pitchwheel": "pitch", "aftertouch": "value", "program_change": "program"}[message]
    return mido.Message(message, channel=channel, **{field: value})


def _assembled(events: Iterator[_Timed]) -> mido.MidiTrack:
    track = mido.MidiTrack()
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        message.time = tick - now
        track.append(message)
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=0))
    return track
