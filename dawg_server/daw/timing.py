"""How clips lie in time: in beats or in seconds, by their `timebase`, with both told to everybody.

A `musical` clip keeps its beats, an `absolute` one its seconds; what they come to in the other unit is kept beside it
and follows every change of the tempo. Such changes, and clips that end with their recordings, are nobody's own steps:
undo does not take them back one by one, but lets them follow what it takes back.

The offset is a place in the material: in beats for notes, in seconds for a recording, whatever the timebase. A
recording that is stretched has its beats at its `originalBpm`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dawg_server import errors
from dawg_server.daw import entity as registry
from dawg_server.daw.entity import Entity, wrong
from dawg_server.daw.tempo_map import MetreChange, TempoChange, TempoMap

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MAX_SECONDS = 86_400  # a day: no position or length lies beyond it
MIN_LENGTH = 0.01  # seconds that remain of a clip whose recording ends before it begins
TINY = 1e-9  # seconds, because sums of fractions are not exact
ROUNDED = 2e-9  # seconds by which two times together are off, each of which was translated
CLOSE = 1e-9  # relative difference of two numbers that rounding may have made of one
AGREEING = 1e-6  # seconds by which the two units may differ in one request
DIGITS = 9  # decimals of what is translated: at most three nanoseconds

START, LENGTH, FADE_IN, FADE_OUT, OFFSET = PAIRS = (
    ("startTime", "startBeat"),
    ("duration", "lengthBeats"),
    ("fadeIn", "fadeInBeats"),
    ("fadeOut", "fadeOutBeats"),
    ("offset", "offsetBeats"),
)
NAMES = frozenset(name for pair in PAIRS for name in pair)
# Kinds of events, where they are, and the field that they have in common with the project when they are at its start.
AT_START = (("tempoEvent", "beat", "bpm"), ("timeSignatureEvent", "bar", "timeSignature"))
MUSICAL, ABSOLUTE = "musical", "absolute"


# -- the tempo ---------------------------------------------------------------------------------------------------------


def of_project(project: Mapping[str, Any]) -> TempoMap:
    """The tempo map of a project as it is shown, with its `tempoEvents` and `timeSignatureEvents`."""
    tempi = (TempoChange(each["beat"], each["bpm"], each["curve"]) for each in project.get("tempoEvents", ()))
    metres = (MetreChange(each["bar"], each["timeSignature"]) for each in project.get("timeSignatureEvents", ()))
    return TempoMap(project["bpm"], tempi, project["timeSignature"], metres)


def tempo_map(draft: Draft) -> TempoMap:
    """The tempo map as the draft has it now."""
    if draft.tempo_map is None:
        draft.tempo_map = of_project(_told(draft))
    return draft.tempo_map


async def check_reach(draft: Draft, field: str, *, bpm: float | None = None, event: Entity | None = None) -> None:
    """Raises `ValidationError` when a tempo would move something musical out of reach.

    `bpm`: another one at the start; `event`: a tempo event that is new or different; `field` is to blame.
    """
    told = _told(draft)
    if bpm is not None:
        told |= {"bpm": bpm, "tempoEvents": [each for each in told["tempoEvents"] if each["beat"]]}
    if event is not None:
        told["tempoEvents"] = [*(each for each in told["tempoEvents"] if each["id"] != event["id"]), event]
    tempo = of_project(told)
    for clip in await draft.all("clip"):
        await draft.pause()
        if clip["timebase"] != MUSICAL:
            continue
        start = tempo.seconds(clip["startBeat"])
        if start > MAX_SECONDS or tempo.seconds(clip["startBeat"] + clip["lengthBeats"]) - start > MAX_SECONDS:
            raise wrong(field, f"would move clips beyond {MAX_SECONDS} seconds")


async def follow(draft: Draft) -> None:
    """Brings up to date what a new tempo makes different."""
    for name, at, field in AT_START:
        for each in draft.known(name):
            if each[at] == 0:
                draft.update("project", draft.id, {field: each[field]})
    draft.retimed = False
    tempo = tempo_map(draft)
    for kind in registry.contents():
        if kind.units is None:
            continue
        for each in await draft.all(kind.name):
            await draft.pause()
            draft.update(kind.name, each["id"], kind.units.settled(each, {}, tempo), follows=True)


async def say_tempo_at_start(draft: Draft) -> None:
    """Lets an event tell the tempo at the start where others tell another one later: it may have to move."""
    events = await draft.all("tempoEvent")
    if events and events[0]["beat"] > 0:
        draft.create("tempoEvent", {"projectId": draft.id, "beat": 0, "bpm": draft.project["bpm"], "curve": "jump"})


def adopt_start(draft: Draft) -> None:
    """The project has the tempo and the time signature of the events at its start, as a step of its own, which undo
    takes back as well."""
    for name, at, field in AT_START:
        for event in draft.known(name):
            if event[at] == 0:
                draft.update("project", draft.id, {field: event[field]})


def _told(draft: Draft) -> dict[str, Any]:
    return {**draft.project, **{kind.plural: draft.known(kind.name) for kind in registry.deciding_tempo()}}


# -- clips in both units -----------------------------------------------------------------------------------------------


class ClipUnits:
    """The `units` of clips (`in_time.Units`)."""

    names = NAMES

    def derived(self, entity: Mapping[str, Any]) -> frozenset[str]:
        musical = entity["timebase"] == MUSICAL
        found = {pair[0 if musical else 1] for pair in (START, LENGTH, FADE_IN, FADE_OUT)}
        return frozenset(found | {OFFSET[0 if entity["midiData"] is not None else 1]})

    def meant(self, asked: Mapping[str, Any], changed: Entity) -> Entity:
        """Of a whole clip that is sent back with other seconds, the beats are old: earlier clients do not know them."""
        if not asked.keys() >= NAMES:
            return changed
        old = {beats for seconds, beats in PAIRS if seconds in changed}
        return {name: value for name, value in changed.items() if name not in old}

    def settled(self, entity: Mapping[str, Any] | None, given: Mapping[str, Any], tempo: TempoMap) -> Entity:
        return settled(entity, given, tempo)

    def upgraded(self, fields: Mapping[str, Any], entity: Mapping[str, Any], bpm: float) -> Entity:
        """Before, everything was in seconds, and notes kept their beats at a new tempo."""
        found = dict(fields)
        if found.get("timebase") is None and entity.get("timebase") is None:
            found["timebase"] = default_timebase(entity)
        for seconds, beats in PAIRS:
            if found.get(seconds) is not None and found.get(beats) is None:
                found[beats] = round(found[seconds] * bpm / 60, DIGITS)
        return found


def default_timebase(clip: Mapping[str, Any]) -> str:
    return MUSICAL if clip["midiData"] is not None else ABSOLUTE


def settled(clip: Mapping[str, Any] | None, given: Mapping[str, Any], tempo: TempoMap) -> Entity:
    """All places and lengths of a clip in both units.

    `clip`: as it was, None for a new one; `given`: what changes, in either unit, with `timebase`, `midiData`, `stretch`
    and `originalBpm` if they are new or different. Raises `ValidationError` when the units of `given` disagree, or a
    new clip lacks a place.
    """
    fields = {**(clip or {}), **given}
    musical, notes = fields["timebase"] == MUSICAL, fields["midiData"] is not None
    known = {name: value for name, value in given.items() if value is not None}
    own = 1 if musical else 0
    found = _Anchor(tempo, 0.0, 0).both(START, clip, known, own)
    start = found[START[own]]
    found |= _Anchor(tempo, start, own).both(LENGTH, clip, known, own)
    found |= _Anchor(tempo, start, own).both(FADE_IN, clip, known, own)
    found |= _Anchor(tempo, start + found[LENGTH[own]], own, -1).both(FADE_OUT, clip, known, own)
    if fields.get("stretch"):
        return found | _Anchor(TempoMap(fields["originalBpm"]), 0.0, 0).both(OFFSET, clip, known, 0)
    return found | _Anchor(tempo, start, own, -1).both(OFFSET, clip, known, 1 if notes else 0)


class _Anchor:
    """A place from which lengths are counted, forward (1) or backward (-1)."""

    def __init__(self, tempo: TempoMap, place: float, unit: int, sign: int = 1) -> None:
        """`unit` of the place: 0 for seconds, 1 for beats, as in `PAIRS`."""
        self._tempo, self._sign = tempo, sign
        self._time, self._beat = (tempo.seconds(place), place) if unit else (place, tempo.beat(place))

    def both(
        self, pair: tuple[str, str], clip: Mapping[str, Any] | None, given: Mapping[str, Any], own: int
    ) -> dict[str, float]:
        """One length in both units; in its own as it was said, in the other one rounded."""
        seconds: Any = given.get(pair[0])
        beats: Any = given.get(pair[1])
        if seconds is not None and beats is not None:
            if abs(self._seconds(beats) - seconds) > AGREEING + CLOSE * abs(seconds):
                raise wrong(pair[1], f"and {pair[0]} are different at this tempo: leave one of them out")
        elif seconds is None and beats is None:
            seconds, beats = (clip.get(pair[0]), clip.get(pair[1])) if clip is not None else (None, None)
            seconds, beats = (None, beats) if own else (seconds, None)
        if seconds is None and beats is None:
            if pair in (START, LENGTH):
                raise wrong(pair[0], f"or {pair[1]} is needed")
            return dict.fromkeys(pair, 0)
        least = 10.0**-DIGITS if pair is LENGTH else 0.0
        if own:
            own_value: float = self._beats(seconds) if beats is None else beats
            return {pair[0]: _rounded(self._seconds(own_value)) or least, pair[1]: own_value}
        own_value = self._seconds(beats) if seconds is None else seconds
        return {pair[0]: own_value, pair[1]: _rounded(self._beats(own_value)) or least}

    def _seconds(self, beats: float) -> float:
        return max(0.0, self._sign * (self._tempo.seconds(self._beat + self._sign * beats) - self._time))

    def _beats(self, seconds: float) -> float:
        # What is nothing in seconds is not a rounding error below nothing in beats.
        return max(0.0, self._sign * (self._tempo.beat(self._time + self._sign * seconds) - self._beat))


def _rounded(value: float) -> float:
    return round(value, DIGITS)


class ClipsInTime:
    """Clips for what arranges the time line anew: two clips take the place of one that is cut."""

    divisible = True

    def spans(self, draft: Draft, entities: Sequence[Entity]) -> list[tuple[float, float]]:
        return [(each["startBeat"], each["startBeat"] + each["lengthBeats"]) for each in entities]

    def moved(self, draft: Draft, entity: Entity, beat: float) -> Entity:
        tempo = tempo_map(draft)
        if tempo.seconds(beat) > MAX_SECONDS:
            sentence = f"would move clips beyond {MAX_SECONDS} seconds"
            raise errors.ValidationError(f"That {sentence}.", details={"beat": sentence})
        return settled(entity, {"startBeat": beat}, tempo)

    def cut(self, draft: Draft, entity: Entity, beat: float) -> tuple[Entity, Entity]:
        """A note that lasts over the line is cut in two. Fades stay at the outer ends."""
        tempo = tempo_map(draft)
        before = beat - entity["startBeat"]
        after = entity["lengthBeats"] - before
        fade_in, fade_out = min(entity["fadeInBeats"], before), min(entity["fadeOutBeats"], after)
        left = settled(entity, {"lengthBeats": before, "fadeInBeats": fade_in, "fadeOutBeats": 0}, tempo)
        offset: Entity = {"offset": entity["offset"] + material({**entity, **left})}
        if (midi := entity["midiData"]) is not None:
            offset = {"offsetBeats": entity["offsetBeats"] + before}
        place = {"startBeat": beat, "lengthBeats": after, "fadeInBeats": 0, "fadeOutBeats": fade_out}
        right = settled(entity, {**place, **offset}, tempo)
        if midi is not None:
            notes = _cut_notes(midi["notes"], right["offsetBeats"])
            left["midiData"], right["midiData"] = ({**midi, "notes": each} for each in notes)
        return left, right


def _cut_notes(notes: Sequence[Entity], line: float) -> tuple[list[Entity], list[Entity]]:
    """What sounds before a beat of the material, and what sounds from there on, in the order of the notes."""
    before, after = [], []
    for note in notes:
        end = note["start"] + note["duration"]
        if note["start"] >= line - TINY:
            after.append(note)
        elif end <= line + TINY:
            before.append(note)
        else:
            before.append({**note, "duration": line - note["start"]})
            rest = {name: value for name, value in note.items() if name != "id"}
            after.append({**rest, "start": line, "duration": end - line})
    return before, after


def material(clip: Mapping[str, Any]) -> float:
    """How much of its recording a clip plays, in seconds of that, if it is long enough."""
    return float(clip["lengthBeats"] * 60 / clip["originalBpm"] if clip.get("stretch") else clip["duration"])


# -- clips and their recordings ----------------------------------------------------------------------------------------


def fitted(
    clip: Mapping[str, Any],
    length: float | None,
    tempo: TempoMap,
    *,
    asked: bool = False,
    chosen: Collection[str] = (),
) -> dict[str, Any]:
    """What has to change of a clip so that it ends with its recording and its fades end with it, in both units.

    `length`: of the recording, in seconds; None for notes, and while it is not known. A musical clip may outlast its
    recording, as it does at a slower tempo, unless somebody `asked` for that length. Of two fades that are too long
    together the one that is not `chosen` (fields in either unit) gives way, or both do.
    """
    changed: dict[str, Any] = {}
    duration, offset = clip["duration"], clip["offset"]
    if length is not None:
        if offset > length - TINY:
            changed["offset"] = offset = max(0.0, length - MIN_LENGTH)
        if clip.get("stretch"):
            longest = (length - offset) * clip["originalBpm"] / 60
            if clip["lengthBeats"] > longest + TINY:
                changed["lengthBeats"] = longest
        elif duration > length - offset + ROUNDED and (asked or clip["timebase"] == ABSOLUTE):
            changed["duration"] = duration = length - offset
    unit = 1 if clip["timebase"] == MUSICAL else 0
    after = settled(clip, changed, tempo) if changed else clip
    whole, fades = after[LENGTH[unit]], after[FADE_IN[unit]] + after[FADE_OUT[unit]]
    if fades > whole:
        both = (FADE_IN, FADE_OUT)
        giving = [pair for pair in both if set(pair).isdisjoint(chosen)] or both
        kept = sum(after[pair[unit]] for pair in both if pair not in giving)
        if kept > whole:
            giving, kept = both, 0.0
        share = (whole - kept) / (fades - kept)
        changed |= {pair[unit]: after[pair[unit]] * share for pair in giving if after[pair[unit]]}
    return settled(clip, changed, tempo) if changed else {}


def close(one: Any, other: Any) -> bool:
    """Whether two values are the same but for rounding."""
    if isinstance(one, bool) or isinstance(other, bool) or not isinstance(one, int | float):
        return bool(one == other)
    return isinstance(other, int | float) and math.isclose(one, other, rel_tol=CLOSE, abs_tol=TINY)
