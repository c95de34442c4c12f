"""Standard MIDI Files of others, of format 0 and 1, as the document of an archive. Runs in a worker process.

Each channel of each track that has notes becomes a track with one clip (several, if it has more notes than a clip may
have). The tempo map, the time signatures, the key and the markers are those of all tracks together. The first volume
and pan, if they come before the first note, are those of the mixer; all other controllers stay in the clip.
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mido  # type: ignore[import-untyped]

from dawg_server.archives import foreign
from dawg_server.archives.foreign import HIGHEST, LOWEST, JsonObject
from dawg_server.archives.unpacking import refuse
from dawg_server.daw import timing
from dawg_server.daw.entities.clip import MAX_PROJECT_NOTES
from dawg_server.daw.entities.track import MAX_TRACKS
from dawg_server.daw.notes import MAX_BEATS, MAX_EVENTS, MAX_NOTES
from dawg_server.daw.tempo_map import TempoMap
from dawg_server.music import instruments
from dawg_server.music.midi import DRUM_CHANNEL
from dawg_server.schema import Key

MAGIC = b"MThd"
MAX_BYTES = 4 * 2**20  # 200,000 notes with as many controllers have less
DIGITS = 6  # decimals of beats
_VOLUME, _PAN, _REGISTERED, _DATA = 7, 10, (101, 100), 6


@dataclass(slots=True)
class _Part:
    """One channel of one track."""

    name: str = ""
    channel: int = 0
    notes: list[JsonObject] = field(default_factory=list)
    lists: dict[str, list[JsonObject]] = field(default_factory=lambda: defaultdict(list))
    mixer: dict[int, int] = field(default_factory=dict)
    bend_range: int | None = None
    sounding: dict[int, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    registered: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Song:
    name: str = ""
    key: str | None = None
    tempi: dict[float, float] = field(default_factory=dict)
    metres: dict[float, str] = field(default_factory=dict)
    markers: list[JsonObject] = field(default_factory=list)
    parts: list[_Part] = field(default_factory=list)


def read(path: Path, name: str) -> JsonObject:
    """The document; `name` is the project's if the file says none. Raises `errors.InvalidArchive` with the reason."""
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        refuse(f"a MIDI file may have at most {MAX_BYTES} bytes", limit=MAX_BYTES)
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, struct.error, UnicodeError) as error:
        refuse(f"it is a damaged MIDI file ({str(error)[:100] or type(error).__name__})")
    except mido.KeySignatureError:
        refuse("its key signature is none")
    if file.type not in (0, 1):
        refuse(f"it is a MIDI file of format {file.type}; only 0 and 1 are one song")
    if not 0 < file.ticks_per_beat < 2**15:
        refuse("its time is in SMPTE frames, and not in beats")
    song = _Song()
    for number, track in enumerate(file.tracks):
        _read_track(song, track, file.ticks_per_beat, first=number == 0)
    if sum(len(part.notes) for part in song.parts) > MAX_PROJECT_NOTES:
        refuse(f"it has more than {MAX_PROJECT_NOTES} notes", limit=MAX_PROJECT_NOTES)
    if len(song.parts) > MAX_TRACKS:
        refuse(f"it has more than {MAX_TRACKS} tracks", limit=MAX_TRACKS)
    return _document(song, name)


def _read_track(song: _Song, track: Any, per_beat: int, *, first: bool) -> None:
    parts: dict[int, _Part] = defaultdict(_Part)
    name, tick, beat = "", 0, 0.0
    for message in track:
        tick += message.time
        beat = round(tick / per_beat, DIGITS)
        if beat > MAX_BEATS:
            refuse(f"it is longer than {MAX_BEATS} beats", limit=MAX_BEATS)
        if message.is_meta:
            if message.type == "track_name" and not name:
                name = _text(message.name)
            else:
                _read_meta(song, message, beat)
        elif hasattr(message, "channel"):
            part = parts[message.channel]
            part.channel = message.channel
            _read_event(part, message, beat)
    for part in parts.values():
        for pitch, begun in part.sounding.items():  # never ended
            for begin, velocity in begun:
                _end(part, pitch, begin, velocity, beat)
    played = [part for _, part in sorted(parts.items()) if part.notes]
    if first and len(played) != 1:
        song.name, name = name, ""
    for part in played:
        part.name = name
    song.parts += played


def _read_meta(song: _Song, message: Any, beat: float) -> None:
    if message.type == "set_tempo":
        song.tempi[beat] = min(max(_bpm(max(1, message.tempo)), LOWEST), HIGHEST)
    elif message.type == "time_signature":
        song.metres[beat] = f"{message.numerator}/{message.denominator}"
    elif message.type == "key_signature" and song.key is None:
        song.key = str(message.key)
    elif message.type == "marker" and (text := _text(message.text)):
        song.markers.append({"beat": beat, "name": text})


def _bpm(microseconds: int) -> float:
    """The shortest number of beats per minute that is written like this: 666,667 is 90, and not 89.999955."""
    bpm = 60e6 / microseconds
    return next((short for digits in range(6) if round(60e6 / (short := round(bpm, digits) or 1)) == microseconds), bpm)


def _read_event(part: _Part, message: Any, beat: float) -> None:
    if message.type == "note_on" and message.velocity:
        part.sounding[message.note].append((beat, message.velocity))
    elif message.type in ("note_on", "note_off"):
        if begun := part.sounding[message.note]:
            begin, velocity = begun.pop(0)
            _end(part, message.note, begin, velocity, beat)
    elif message.type == "control_change":
        _read_controller(part, message.control, message.value, beat)
    elif message.type == "pitchwheel":
        part.lists["pitchBends"].append({"beat": beat, "value": message.pitch})
    elif message.type == "aftertouch":
        part.lists["channelPressures"].append({"beat": beat, "value": message.value})
    elif message.type == "program_change":
        part.lists["programs"].append({"beat": beat, "program": message.program})


def _end(part: _Part, pitch: int, begin: float, velocity: int, end: float) -> None:
    length = max(round(end - begin, DIGITS), 10.0**-DIGITS)
    part.notes.append({"pitch": pitch, "start": begin, "duration": length, "velocity": velocity})


def _read_controller(part: _Part, number: int, value: int, beat: float) -> None:
    if number in _REGISTERED:
        part.registered[number] = value
    elif number == _DATA and all(part.registered.get(each) == 0 for each in _REGISTERED):
        part.bend_range = min(value, 24)
    elif number in (_VOLUME, _PAN) and number not in part.mixer and not part.notes and not any(part.sounding.values()):
        part.mixer[number] = value
    elif number not in (_DATA, 38):
        part.lists["controllers"].append({"beat": beat, "controller": number, "value": value})


def _document(song: _Song, name: str) -> JsonObject:
    tempi, metres = sorted(song.tempi.items()), foreign.bars(song.metres)
    bpm = next((bpm for beat, bpm in tempi if beat == 0), 120.0)
    signature = next((each for bar, each in metres if bar == 0), "4/4")
    tempi, metres = [each for each in tempi if each[0] > 0], [each for each in metres if each[0] > 0]
    if tempi:
        tempi = _fewer([(0.0, bpm), *tempi])
        bpm = tempi[0][1]
    events = [{"id": foreign.new_id(), "beat": beat, "bpm": each, "curve": "jump"} for beat, each in tempi]
    changes = [{"id": foreign.new_id(), "bar": bar, "timeSignature": each} for bar, each in metres]
    project = {
        "name": song.name or _text(name.rpartition(".")[0] or name) or "Song",
        "bpm": round(bpm, 2),
        "timeSignature": signature,
    }
    if song.key is not None:
        project["key"] = Key.read(song.key)
    tempo = timing.of_project({**project, "tempoEvents": events, "timeSignatureEvents": changes})
    tracks, clips = [], []
    for order, part in enumerate(song.parts):
        track = _track(part, order)
        tracks.append(track)
        clips += _clips(part, track, tempo)
    return foreign.document(
        project,
        tracks=tracks,
        clips=clips,
        tempoEvents=events,
        timeSignatureEvents=changes,
        markers=[{"id": foreign.new_id(), **each} for each in song.markers],
    )


def _fewer(tempi: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """As many (beat, bpm) as a project may have: neighbours become one tempo that takes as long as they did."""
    together = math.ceil(len(tempi) / foreign.MAX_EVENTS)
    if together == 1:
        return tempi
    found = []
    for place in range(0, len(tempi), together):
        some, end = tempi[place : place + together], tempi[min(place + together, len(tempi) - 1)][0]
        bounds = [*(beat for beat, _ in some), end]
        minutes = sum((after - before) / bpm for (before, bpm), after in zip(some, bounds[1:], strict=True))
        found.append((some[0][0], _bpm(round(60e6 * minutes / (end - some[0][0]))) if minutes else some[-1][1]))
    return found


def _track(part: _Part, order: int) -> JsonObject:
    programs = part.lists.get("programs", [])
    first = min((note["start"] for note in part.notes), default=0.0)
    before = [each["program"] for each in programs if each["beat"] <= first]
    program = before[-1] if before else programs[0]["program"] if programs else 0
    instrument = instruments.of_program(program, part.name, drums=part.channel == DRUM_CHANNEL)
    # What chooses the instrument of the track stays in the clip only where it says more than that.
    told = before[-1:] if before and before[-1] != instruments.program(instrument) else []
    part.lists["programs"] = [
        *({"beat": first, "program": each} for each in told),
        *(each for each in programs if each["beat"] > first),
    ]
    volume = (part.mixer[_VOLUME] / 127) ** 2 if _VOLUME in part.mixer else 0.8
    return {
        "id": foreign.new_id(),
        "name": part.name or instrument.capitalize(),
        "trackType": "MIDI",
        "instrument": instrument,
        "order": order,
        "volume": round(volume, 4),
        "pan": round(max(-1.0, (part.mixer.get(_PAN, 64) - 64) / 63), 4),
        "sends": [],
    }


def _clips(part: _Part, track: JsonObject, tempo: TempoMap) -> list[JsonObject]:
    notes = sorted(part.notes, key=lambda note: (note["start"], note["pitch"]))
    lists = {name: list(events) for name, events in part.lists.items() if events}
    if any(len(events) > MAX_EVENTS for events in lists.values()):
        refuse(f"a track has more than {MAX_EVENTS} controllers or bends", limit=MAX_EVENTS)
    made = []
    for place in range(0, len(notes), MAX_NOTES):
        some = notes[place : place + MAX_NOTES]
        start = tempo.beat_of_bar(tempo.position(some[0]["start"])[0])
        if place == 0 and lists:
            start = min([start, *(tempo.beat_of_bar(tempo.position(each[0]["beat"])[0]) for each in lists.values())])
        last = max(note["start"] + note["duration"] for note in some)
        if place == 0:
            last = max([last, *(each[-1]["beat"] for each in lists.values())])
        end = tempo.beat_of_bar(math.ceil(tempo.bar(last) - 1e-6))
        if tempo.seconds(max(end, last)) > timing.MAX_SECONDS:
            refuse(f"it is longer than {timing.MAX_SECONDS} seconds at its tempo", limit=timing.MAX_SECONDS)
        midi: JsonObject = {"notes": [{**note, "start": round(note["start"] - start, DIGITS)} for note in some]}
        if place == 0:
            midi |= {
                name: [{**each, "beat": round(each["beat"] - start, DIGITS)} for each in events]
                for name, events in lists.items()
            }
        midi["channel"] = part.channel
        if part.bend_range is not None and "pitchBends" in midi:
            midi["bendRange"] = part.bend_range
        made.append(
            {
                "id": foreign.new_id(),
                "trackId": track["id"],
                "name": track["name"],
                "timebase": timing.MUSICAL,
                "startBeat": start,
                "lengthBeats": round(max(end - start, last - start), DIGITS),
                "offsetBeats": 0,
                "midiData": midi,
            }
        )
    return made


def _text(raw: str) -> str:
    """Most programs write UTF-8 today, where the standard knows ASCII alone."""
    with contextlib.suppress(UnicodeError):
        raw = raw.encode("latin-1").decode()
    return foreign.text(raw)
