"""Where timelines of DAWproject lie in a project, and what of them is heard."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from dawg_server.archives.dawproject import number
from dawg_server.daw.entities.clip import MAX_CLIPS
from dawg_server.daw.tempo_map import TempoMap

BEATS, SECONDS = "beats", "seconds"
SHORTEST = 1e-4  # beats of what is heard
CUT = 0.05  # beats that may be missing of a fade
BEND_RANGES = (2, 12, 24)  # semitones

Element = ElementTree.Element


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a timeline lies: its time `zero` is at `anchor`, a beat or a second of the project, as its unit is."""

    tempo: TempoMap
    unit: str = BEATS
    anchor: float = 0.0
    zero: float = 0.0

    def beat(self, time: float) -> float:
        at = self.anchor + time - self.zero
        return at if self.unit == BEATS else self.tempo.beat(at)

    def seconds(self, time: float) -> float:
        at = self.anchor + time - self.zero
        return at if self.unit == SECONDS else self.tempo.seconds(at)

    def begun(self, unit: str, beat: float, zero: float) -> Frame:
        """Of a timeline whose time `zero` is at a beat of the project."""
        return Frame(self.tempo, unit, beat if unit == BEATS else self.tempo.seconds(beat), zero)

    def of(self, timeline: Element) -> Frame:
        unit = timeline.get("timeUnit") or self.unit
        return self if unit == self.unit or unit not in (BEATS, SECONDS) else self.begun(unit, self.beat(0), 0)


@dataclass(frozen=True, slots=True)
class Window:
    """What is heard, in beats of the project, and the lengths of its fades."""

    begin: float = 0.0
    end: float = math.inf
    fade_in: float = 0.0
    fade_out: float = 0.0

    def within(self, outer: Window) -> Window:
        begin, end = max(self.begin, outer.begin), min(self.end, outer.end)
        fade_in = max(_left(each.fade_in, begin, each.begin) for each in (self, outer))
        return Window(begin, end, fade_in, max(_left(each.fade_out, each.end, end) for each in (self, outer)))


def _left(fade: float, one: float, other: float) -> float:
    """What stays of a fade that is cut a little, as the end of a recording cuts it; further inside there is none."""
    cut = 0.0 if one == other else one - other
    return max(0.0, fade - cut) if cut < CUT else 0.0


def fade(clip: Element, frame: Frame, beat: float, name: str) -> float:
    """In beats. Negative ones begin before the clip, which the neighbour's end makes a crossfade of."""
    length = abs(number(clip, name))
    if not length or beat == math.inf or (clip.get("fadeTimeUnit") or frame.unit) == BEATS:
        return length
    seconds = frame.tempo.seconds(beat)
    return abs(frame.tempo.beat(max(0.0, seconds + length if name == "fadeInTime" else seconds - length)) - beat)


def rounds(
    clip: Element, frame: Frame, unit: str, begin: float, end: float, start: float
) -> Iterator[tuple[Frame, float, float]]:
    """(frame of the content, first beat, last beat) of each time that the content of a clip is played."""
    low, high = number(clip, "loopStart"), number(clip, "loopEnd", -1)
    if high <= low or end == math.inf or start >= high:
        yield frame.begun(unit, begin, start), begin, end
        return
    for _ in range(MAX_CLIPS + 1):
        content = frame.begun(unit, begin, start)
        last = min(end, content.beat(high))
        yield content, begin, last
        if end - last < SHORTEST or last - begin < SHORTEST:
            return
        begin, start = last, low


def moved(points: Sequence[Element], frame: Frame, origin: float, channel: int) -> dict[str, Any]:
    """What moves notes: controllers, bends, pressure and programs. Values are normalised, bends in semitones."""
    found: dict[str, Any] = {"channel": channel}
    for each in points:
        target, frame_of = each.find("Target"), frame.of(each)
        kind = target.get("expression") if target is not None else None
        if target is None or kind not in _EXPRESSIONS:
            continue
        name, value_name, most = _EXPRESSIONS[kind]
        timed = sorted((frame_of.beat(number(point, "time")) - origin, number(point, "value")) for point in each[1:])
        timed = [(beat, value) for beat, value in timed if beat >= 0]
        if kind == "pitchBend" and timed:
            semitones = each.get("unit") == "semitones"
            if not semitones:
                timed = [(beat, (2 * value - 1) * 2) for beat, value in timed]
            most_bent = max(abs(value) for _, value in timed)
            width = found["bendRange"] = next((each for each in BEND_RANGES if most_bent <= each), BEND_RANGES[-1])
            timed = [(beat, value / width) for beat, value in timed]
        events = [{"beat": beat, value_name: _held(value * most, kind)} for beat, value in timed]
        if kind == "channelController":
            number_of = min(127, max(0, round(number(target, "controller"))))
            events = [{**event, "controller": number_of} for event in events]
        found[name] = sorted(found.get(name, []) + events, key=lambda event: event["beat"])
    return found


_EXPRESSIONS = {  # the list of ours, the name of the value, what 1 stands for
    "channelController": ("controllers", "value", 127),
    "channelPressure": ("channelPressures", "value", 127),
    "programChange": ("programs", "program", 127),
    "pitchBend": ("pitchBends", "value", 8192),
}


def _held(value: float, kind: str) -> int:
    low, high = (-8192, 8191) if kind == "pitchBend" else (0, 127)
    return min(high, max(low, round(value)))
