"""Timelines of DAWproject, which nest as they like, flattened to pieces on tracks and points of parameters.

What is inside of something has its own unit of time (beats or seconds) and begins somewhere in it (`Frame`), and is
heard between two beats of the project only (`Window`). Loops are played out. A recording that is warped becomes one
piece for each stretch of constant speed. Alias clips play what they refer to.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dawg_server.archives import dawproject_frames as frames
from dawg_server.archives.dawproject import number
from dawg_server.archives.dawproject_frames import BEATS, SECONDS, SHORTEST, Element, Frame, Window
from dawg_server.archives.unpacking import refuse
from dawg_server.daw.entities.clip import MAX_CLIPS
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.daw.tempo_map import TempoMap

MAX_NESTING = 16  # of clips that play other clips
DEFAULT_VELOCITY = 0.8
_TIMELINES = ("Lanes", "Notes", "Clips", "Warps", "Audio", "Video", "Points")
_STEADY = 1e-6  # of a speed: what differs by less is the same


@dataclass(slots=True)
class Piece:
    """A clip to be. `path`: of a recording, which plays from `offset` seconds on, at `bpm` if it is stretched. Else the
    notes and what moves them, in beats from `origin`."""

    track: str
    name: str
    color: str | None
    window: Window
    path: str | None = None
    offset: float = 0.0
    bpm: float | None = None
    origin: float = 0.0
    midi: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    beat: float
    value: float
    curve: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: the clip that plays it, and its track."""

    track: str
    frame: Frame
    window: Window = Window()
    name: str = ""
    color: str | None = None
    nesting: int = 0
    whole: bool = True  # not one of the rounds of a loop


class Timeline:
    """`pieces` and `points` (by the id of the parameter) of an arrangement; `left_out` counts what has no place."""

    def __init__(self, arrangement: Element, tempo: TempoMap, by_id: Mapping[str, Element]) -> None:
        self.pieces: list[Piece] = []
        self.points: dict[str, list[Point]] = defaultdict(list)
        self.left_out: Counter[str] = Counter()
        self._by_id = by_id
        for lanes in arrangement.findall("Lanes"):
            self._walk(lanes, _Place("", Frame(tempo)))

    def _walk(self, timeline: Element, place: _Place, beside: Sequence[Element] = ()) -> None:
        place = replace(place, frame=place.frame.of(timeline), track=timeline.get("track") or place.track)
        if timeline.tag == "Lanes":
            for child in timeline:
                self._walk(child, place, list(timeline))
        elif timeline.tag == "Clips":
            for clip in timeline.findall("Clip"):
                self._clip(clip, place)
        elif timeline.tag == "Notes":
            self._notes(timeline, place, [each for each in beside if each.tag == "Points"])
        elif timeline.tag == "Audio":
            self._audio(timeline, place)
        elif timeline.tag == "Warps":
            self._warps(timeline, place)
        elif timeline.tag == "Points":
            self._parameter(timeline, place)
        elif timeline.tag == "Video":
            self.left_out["video"] += 1

    def _clip(self, clip: Element, place: _Place) -> None:
        if clip.get("enable") == "false":
            self.left_out["clips that are switched off"] += 1
            return
        content = next((each for each in clip if each.tag in _TIMELINES), None)
        if content is None:
            content = self._by_id.get(clip.get("reference", ""))
        if content is None or place.nesting >= MAX_NESTING:
            self.left_out["clips without content"] += 1
            return
        time, length = number(clip, "time"), number(clip, "duration", math.inf)
        begin, end = place.frame.beat(time), math.inf if length == math.inf else place.frame.beat(time + length)
        unit = clip.get("contentTimeUnit") or place.frame.unit
        start, stop = number(clip, "playStart"), number(clip, "playStop", math.inf)
        if stop < math.inf:
            end = min(end, place.frame.begun(unit, begin, start).beat(stop))
        whole = replace(
            place,
            name=clip.get("name") or place.name,
            color=clip.get("color") or place.color,
            nesting=place.nesting + 1,
        )
        fades = [
            frames.fade(clip, place.frame, begin, "fadeInTime"),
            frames.fade(clip, place.frame, end, "fadeOutTime"),
        ]
        parts = list(frames.rounds(clip, place.frame, unit, begin, end, start))
        for count, (frame, first, last) in enumerate(parts, 1):
            fading = (fades[0] if count == 1 else 0.0, fades[1] if count == len(parts) else 0.0)
            window = Window(first, last, *fading).within(place.window)
            if window.end - window.begin > SHORTEST:
                inner = replace(whole, frame=frame, window=window, whole=place.whole and len(parts) == 1)
                self._walk(content, inner)

    def _notes(self, notes: Element, place: _Place, moving: Sequence[Element]) -> None:
        frame, window = place.frame, place.window
        origin = min(frame.beat(0), window.begin)
        found, channels = [], Counter[int]()
        last = window.begin
        for note in notes.findall("Note"):
            time, length = number(note, "time"), number(note, "duration")
            begin, end = frame.beat(time), frame.beat(time + length)
            key = round(number(note, "key", -1))
            heard = begin < window.end and end > window.begin
            if begin < origin or end <= begin or not 0 <= key <= 127 or not (heard or place.whole):
                continue
            velocity = min(127, max(1, round(127 * number(note, "vel", DEFAULT_VELOCITY))))
            found.append({"pitch": key, "start": begin - origin, "duration": end - begin, "velocity": velocity})
            channels[min(15, max(0, round(number(note, "channel"))))] += 1
            last = max(last, end)
            if len(note):
                self.left_out["expressions of single notes"] += 1
        midi = frames.moved(moving, frame, origin, channels.most_common(1)[0][0] if channels else 0)
        if not found and len(midi) == 1:
            return
        end = window.end if window.end < math.inf else max(last, window.begin + 1)
        self._add(
            Piece(
                place.track,
                place.name,
                place.color,
                replace(window, end=end),
                origin=origin,
                midi={"notes": found, **midi},
            )
        )

    def _audio(self, audio: Element, place: _Place) -> None:
        """As fast as it was recorded, whatever the unit is around it."""
        self._play(audio, place, place.frame.seconds(0), 0.0)

    def _play(self, audio: Element, place: _Place, seconds: float, content: float) -> None:
        """`content` is the second of the recording that is heard at those `seconds` of the project."""
        tempo = place.frame.tempo
        begin = max(place.window.begin, tempo.beat(max(0.0, seconds - content)))
        offset = content + tempo.seconds(begin) - seconds
        end = min(place.window.end, tempo.beat(seconds - content + max(number(audio, "duration"), offset)))
        if end - begin > SHORTEST:
            window = Window(begin, end).within(place.window)
            self._add(_piece(audio, place, window, max(0.0, offset), None))

    def _warps(self, warps: Element, place: _Place) -> None:
        audio = warps.find("Audio")
        known = sorted((number(each, "time"), number(each, "contentTime")) for each in warps.findall("Warp"))
        if audio is None or not known:
            self.left_out["warped clips of something else than a recording"] += 1
            return
        frame = place.frame
        if warps.get("contentTimeUnit") == BEATS:
            self.left_out["recordings that are warped from beats to beats"] += 1
            return
        if frame.unit == SECONDS and all(abs(_speed(*pair) - 1) < 1e-4 for pair in itertools.pairwise(known)):
            self._play(audio, place, frame.seconds(known[0][0]), known[0][1])
            return
        placed = [(frame.beat(time), content) for time, content in known]
        segments = [pair for pair in itertools.pairwise(placed) if _speed(*pair) > 0]
        if not segments:
            self._play(audio, place, frame.seconds(known[0][0]), known[0][1])
            return
        for first, last in _steady(segments):
            begin = place.window.begin if first == segments[0][0] else max(first[0], place.window.begin)
            end = place.window.end if last == segments[-1][1] else min(last[0], place.window.end)
            speed = 1 / _speed(first, last)  # seconds of the recording to a beat
            begin = max(begin, first[0] - first[1] / speed)
            end = min(end, first[0] + (number(audio, "duration", last[1]) - first[1]) / speed)
            if end - begin > SHORTEST:
                offset = max(0.0, first[1] + (begin - first[0]) * speed)
                self._add(_piece(audio, place, Window(begin, end).within(place.window), offset, 60 / speed))

    def _parameter(self, points: Element, place: _Place) -> None:
        target = points.find("Target")
        if target is None or not (name := target.get("parameter")):
            return  # an expression, which belongs to the notes beside it
        for point in points:
            if point.tag in ("RealPoint", "BoolPoint", "IntegerPoint", "EnumPoint"):
                beat = place.frame.beat(number(point, "time"))
                text = point.get("value")
                value = float(text == "true") if text in ("true", "false") else number(point, "value")
                if place.window.begin <= beat <= min(place.window.end, MAX_BEATS):
                    curve = "linear" if point.get("interpolation") == "linear" else "hold"
                    self.points[name].append(Point(beat, value, curve, points.get("unit")))

    def _add(self, piece: Piece) -> None:
        if len(self.pieces) >= MAX_CLIPS:
            refuse(f"it has more than {MAX_CLIPS} clips", limit=MAX_CLIPS)
        self.pieces.append(piece)


def _speed(first: tuple[float, float], last: tuple[float, float]) -> float:
    """Time that passes outside in a second of the recording; 0 where none can be told."""
    return (last[0] - first[0]) / (last[1] - first[1]) if last[1] - first[1] > 1e-9 and last[0] > first[0] else 0.0


def _steady(segments: Sequence[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Neighbours of the same speed are one."""
    found = [segments[0]]
    for first, last in segments[1:]:
        same = abs(_speed(first, last) / _speed(*found[-1]) - 1) < _STEADY and first == found[-1][1]
        if same:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def _piece(audio: Element, place: _Place, window: Window, offset: float, bpm: float | None) -> Piece:
    file = audio.find("File")
    path = "" if file is None else file.get("path", "")
    return Piece(place.track, place.name, place.color, window, path=path, offset=offset, bpm=bpm)
