"""DAWproject files of other workstations as the document of an archive. Runs in a worker process.

Tracks with notes and recordings become two, because ours have either. Groups, effect tracks and the master keep their
parts; another bus that leads somewhere becomes a group. What this server has nothing for (plugins, video, expressions
of single notes) stays out, and is told by name.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dawg_server.archives import dawproject_channels as channels
from dawg_server.archives import foreign
from dawg_server.archives.dawproject import number
from dawg_server.archives.dawproject_frames import SECONDS, Element, Frame
from dawg_server.archives.dawproject_timeline import Piece, Timeline
from dawg_server.archives.foreign import HIGHEST, LOWEST, JsonObject
from dawg_server.archives.unpacking import refuse
from dawg_server.daw import timing
from dawg_server.daw.entities.track import MAX_TRACKS
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.daw.tempo_map import TempoMap

DIGITS = 9  # decimals of beats and seconds
BPM = (20.0, 400.0)  # that a recording may have

_KINDS = ("notes", "audio")


@dataclass(slots=True)
class Song:
    """What was read, before it is known which of the recordings can be had: their `paths`, in the zip. `left_out`:
    sentences for people about what stays out."""

    root: Element
    name: str
    tempo: TempoMap
    project: JsonObject
    events: dict[str, list[JsonObject]]
    pieces: list[Piece]
    timeline: Timeline
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def paths(self) -> list[str]:
        return list(dict.fromkeys(piece.path for piece in self.pieces if piece.path is not None))

    def external(self) -> set[str]:
        """Paths that lead out of the zip."""
        return {each.get("path", "") for each in self.root.iter("File") if each.get("external") == "true"}


def read(root: Element, title: str, file_name: str) -> Song:
    """`title`: what the metadata call the project. Raises `InvalidArchive` with the reason."""
    if root.tag != "Project":
        refuse("its project.xml is not that of a project")
    by_id = {id: each for each in root.iter() if (id := each.get("id"))}
    arrangement = root.find("Arrangement")
    if arrangement is None:
        arrangement = Element("Arrangement")
    project, events = _tempo(root, arrangement)
    tempo = timing.of_project({**project, **events})
    project["name"] = foreign.text(title) or foreign.text(file_name.rpartition(".")[0] or file_name) or "Song"
    timeline = Timeline(arrangement, tempo, by_id)
    events["markers"] = list(_markers(arrangement, tempo))
    return Song(root, project["name"], tempo, project, events, timeline.pieces, timeline, timeline.left_out)


def document(song: Song, recordings: Mapping[str, JsonObject]) -> JsonObject:
    """`recordings`: entries of `audioFiles` by their paths in the zip. Pieces of others stay out."""
    mixer = channels.Mixer(song.root, song.timeline.points)
    pieces: dict[str, list[Piece]] = defaultdict(list)
    for piece in song.pieces:
        if piece.track and (piece.path is None or piece.path in recordings):
            pieces[piece.track].append(piece)
    clips: list[JsonObject] = []
    for strip in mixer.strips:
        found = {
            kind: [each for each in pieces[strip.id] if (each.path is not None) == (kind == "audio")] for kind in _KINDS
        }
        for kind, track in mixer.tracks_of(strip, {kind for kind, each in found.items() if each}).items():
            clips += [_clip(piece, track, song.tempo, recordings) for piece in found[kind]]
    if len(mixer.tracks) > MAX_TRACKS:
        refuse(f"it has more than {MAX_TRACKS} tracks", limit=MAX_TRACKS)
    song.left_out += mixer.left_out
    return foreign.document(
        song.project,
        tracks=mixer.tracks,
        devices=mixer.devices,
        automations=mixer.automations(),
        clips=clips,
        audioFiles=list(recordings.values()),
        **song.events,
    )


def _tempo(root: Element, arrangement: Element) -> tuple[JsonObject, dict[str, list[JsonObject]]]:
    transport = root.find("Transport")
    start = None if transport is None else transport.find("Tempo")
    bpm = _held(120.0 if start is None else number(start, "value", 120.0))
    events: dict[float, JsonObject] = {}
    for point in _points(arrangement, "TempoAutomation", "RealPoint", bpm, events):
        curve = "linear" if point.get("interpolation") == "linear" else "jump"
        events[point.beat] = {"bpm": _held(number(point.element, "value", bpm)), "curve": curve}
    if events and min(events) > 0:
        events[0.0] = {"bpm": bpm, "curve": "jump"}
    if events:
        bpm = events[0.0]["bpm"]
    metres: dict[float, str] = {}
    metre = None if transport is None else transport.find("TimeSignature")
    if metre is not None:
        metres[0.0] = _signature(metre)
    for point in _points(arrangement, "TimeSignatureAutomation", "TimeSignaturePoint", bpm, events):
        metres[point.beat] = _signature(point.element)
    found = foreign.bars(metres)
    project = {"bpm": bpm, "timeSignature": found[0][1] if found[0][0] == 0 else "4/4"}
    return project, {
        "tempoEvents": [{"id": foreign.new_id(), "beat": beat, **events[beat]} for beat in sorted(events)],
        "timeSignatureEvents": [
            {"id": foreign.new_id(), "bar": bar, "timeSignature": each} for bar, each in found if bar > 0
        ],
    }


@dataclass(frozen=True, slots=True)
class _Timed:
    beat: float
    element: Element

    def get(self, name: str) -> str | None:
        return self.element.get(name)


def _points(
    arrangement: Element, name: str, tag: str, bpm: float, events: Mapping[float, JsonObject]
) -> Iterable[_Timed]:
    """In time. Seconds are those of the `events` so far."""
    for points in arrangement.findall(name):
        lanes = arrangement.find("Lanes")
        unit = points.get("timeUnit") or (lanes.get("timeUnit") if lanes is not None else None)
        for point in sorted(points.findall(tag), key=lambda each: number(each, "time")):
            beat = max(0.0, number(point, "time"))
            if unit == SECONDS:
                known = [{"beat": each, **event} for each, event in events.items()]
                beat = timing.of_project({"bpm": bpm, "timeSignature": "4/4", "tempoEvents": known}).beat(beat)
            if beat <= MAX_BEATS:
                yield _Timed(round(beat, DIGITS), point)


def _held(bpm: float) -> float:
    return min(max(bpm, LOWEST), HIGHEST)


def _signature(element: Element) -> str:
    return f"{round(number(element, 'numerator', 4))}/{round(number(element, 'denominator', 4))}"


def _markers(arrangement: Element, tempo: TempoMap) -> Iterable[JsonObject]:
    for tag in ("Markers", "markers"):
        for markers in arrangement.iter(tag):
            frame = Frame(tempo).of(markers)
            for each in markers.findall("Marker"):
                beat = round(max(0.0, frame.beat(number(each, "time"))), DIGITS)
                name = foreign.text(each.get("name") or "") or "Marker"
                if beat <= MAX_BEATS:
                    color = channels.colour(each.get("color"))
                    yield {"id": foreign.new_id(), "beat": beat, "name": name, "color": color}


def _clip(piece: Piece, track: JsonObject, tempo: TempoMap, recordings: Mapping[str, JsonObject]) -> JsonObject:
    window = piece.window
    begin, length = max(0.0, window.begin), window.end - max(0.0, window.begin)
    fades = _shared(window.fade_in, window.fade_out, length)
    clip = {
        "id": foreign.new_id(),
        "trackId": track["id"],
        "name": foreign.text(piece.name) or track["name"],
        "color": channels.colour(piece.color),
    }
    musical = {
        "timebase": timing.MUSICAL,
        "startBeat": round(begin, DIGITS),
        "lengthBeats": round(length, DIGITS),
        "fadeInBeats": round(fades[0], DIGITS),
        "fadeOutBeats": round(fades[1], DIGITS),
    }
    if piece.path is None:
        midi = {**piece.midi, "notes": [_rounded(each) for each in piece.midi["notes"]]}
        return {**clip, **musical, "offsetBeats": round(begin - piece.origin, DIGITS), "midiData": midi}
    clip |= {"audioFileId": recordings[piece.path]["id"], "offset": round(piece.offset, DIGITS)}
    if piece.bpm is not None:
        low, high = BPM
        return {**clip, **musical, "stretch": True, "originalBpm": round(min(max(piece.bpm, low), high), DIGITS)}
    first, last = tempo.seconds(begin), tempo.seconds(begin + length)
    return {
        **clip,
        "timebase": timing.ABSOLUTE,
        "startTime": round(first, DIGITS),
        "duration": round(last - first, DIGITS),
        "fadeIn": round(tempo.seconds(begin + fades[0]) - first, DIGITS),
        "fadeOut": round(last - tempo.seconds(begin + length - fades[1]), DIGITS),
    }


def _shared(fade_in: float, fade_out: float, length: float) -> tuple[float, float]:
    """Both fades, as much of them as there is room for."""
    both = fade_in + fade_out
    room = min(1.0, max(0.0, length - 1e-8) / both) if both else 1.0
    return fade_in * room, fade_out * room


def _rounded(note: JsonObject) -> JsonObject:
    return {**note, "start": round(note["start"], DIGITS), "duration": max(round(note["duration"], DIGITS), 1e-6)}
