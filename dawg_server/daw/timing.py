"""Musical time: a quarter note is a beat; positions in a project are seconds.

Clips of notes keep their beats at a new tempo, clips end with their recordings: such changes follow others and are
nobody's own steps. Undo does not take them back one by one, but lets them follow what it takes back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dawg_server import errors
from dawg_server.daw.entity import Entity

if TYPE_CHECKING:
    from dawg_server.daw.draft import Draft

MAX_SECONDS = 86_400  # a day: no position or length lies beyond it
MIN_LENGTH = 0.01  # seconds that remain of a clip whose recording ends before it begins
TINY = 1e-9  # seconds, because sums of fractions are not exact
CLOSE = 1e-9  # relative difference of two numbers that rounding may have made of one
IN_TIME = ("startTime", "duration", "offset", "fadeIn", "fadeOut")  # fields of clips, in seconds
DIVISIONS = {"16th": 0.25, "8th": 0.5, "quarter": 1.0, "half": 2.0}  # beats


def seconds_per_beat(project: Mapping[str, Any]) -> float:
    return 60.0 / float(project["bpm"])


def beats_per_bar(project: Mapping[str, Any]) -> float:
    """Quarter notes in a bar: 6/8 has three."""
    count, unit = project["timeSignature"].split("/")
    return int(count) * 4 / int(unit)


def snapped(beats: float, grid: float, strength: float) -> float:
    """`beats`, moved towards the next line of the grid by `strength` (0..1)."""
    return beats + (round(beats / grid) * grid - beats) * strength


class ClipsInTime:
    """Clips for what arranges the time line anew: two clips take the place of one that is cut."""

    divisible = True

    def spans(self, draft: Draft, entities: Sequence[Entity]) -> list[tuple[float, float]]:
        beat = seconds_per_beat(draft.project)
        return [(each["startTime"] / beat, (each["startTime"] + each["duration"]) / beat) for each in entities]

    def moved(self, draft: Draft, entity: Entity, beat: float) -> Entity:
        start = beat * seconds_per_beat(draft.project)
        if start > MAX_SECONDS:
            sentence = f"would move clips beyond {MAX_SECONDS} seconds"
            raise errors.ValidationError(f"That {sentence}.", details={"beat": sentence})
        return {"startTime": start}

    def cut(self, draft: Draft, entity: Entity, beat: float) -> tuple[Entity, Entity]:
        """Notes belong to the part in which they begin, and do not sound beyond it. Fades stay at the outer ends."""
        line = beat * seconds_per_beat(draft.project)
        before = line - entity["startTime"]
        after = entity["duration"] - before
        left: Entity = {"duration": before, "fadeIn": min(entity["fadeIn"], before), "fadeOut": 0}
        right: Entity = {
            "startTime": line,
            "duration": after,
            "offset": entity["offset"] + before,
            "fadeIn": 0,
            "fadeOut": min(entity["fadeOut"], after),
        }
        if (midi := entity["midiData"]) is not None:
            first = right["offset"] / seconds_per_beat(draft.project) - TINY
            left["midiData"] = {**midi, "notes": [note for note in midi["notes"] if note["start"] < first]}
            right["midiData"] = {**midi, "notes": [note for note in midi["notes"] if note["start"] >= first]}
        return left, right


async def change_tempo(draft: Draft, bpm: float, exact: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Clips of notes keep their beats. `exact`: what rounding must not change, by clip and field, as it was before."""
    ratio = draft.project["bpm"] / bpm
    if ratio == 1:
        return
    moved = {clip["id"]: scaled(clip, ratio) for clip in await draft.note_clips()}
    if any(fields["startTime"] > MAX_SECONDS or fields["duration"] > MAX_SECONDS for fields in moved.values()):
        sentence = f"would move notes beyond {MAX_SECONDS} seconds"
        raise errors.ValidationError(f"bpm {sentence}.", details={"bpm": sentence})
    draft.update("project", draft.id, {"bpm": bpm})
    for clip_id, fields in moved.items():
        known = (exact or {}).get(clip_id, {})
        draft.update(
            "clip",
            clip_id,
            {name: known[name] if close(value, known.get(name)) else value for name, value in fields.items()},
            follows=True,
        )


def scaled(fields: Mapping[str, Any], ratio: float) -> dict[str, Any]:
    """Those of the fields that are in time, at another tempo."""
    return {name: fields[name] * ratio for name in IN_TIME if name in fields}


def fitted(clip: Mapping[str, Any], length: float | None) -> dict[str, Any]:
    """What has to change of a clip so that it ends with its recording and its fades end with it.

    `length`: of the recording, in seconds; None for notes, and while it is not known.
    """
    changed: dict[str, Any] = {}
    duration, offset = clip["duration"], clip["offset"]
    if length is not None:
        if offset > length - TINY:
            changed["offset"] = offset = max(0.0, length - MIN_LENGTH)
        if duration > length - offset:
            changed["duration"] = duration = length - offset
    fades = clip["fadeIn"] + clip["fadeOut"]
    if fades > duration:
        share = duration / fades
        changed |= {name: clip[name] * share for name in ("fadeIn", "fadeOut") if clip[name]}
    return changed


def follow_recording(draft: Draft, clip: Entity, length: float) -> None:
    draft.update("clip", clip["id"], fitted(clip, length), follows=True)


def close(one: Any, other: Any) -> bool:
    """Whether two values are the same but for rounding."""
    if isinstance(one, bool) or isinstance(other, bool) or not isinstance(one, int | float):
        return bool(one == other)
    return isinstance(other, int | float) and math.isclose(one, other, rel_tol=CLOSE, abs_tol=TINY)
