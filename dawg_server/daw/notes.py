"""Notes of MIDI clips and what moves them, checked in one go: there may be twenty thousand of them in one change."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from dawg_server.schema import Field

MAX_NOTES = 20_000  # per clip
MAX_EVENTS = 20_000  # of controllers, bends and so on, each, per clip
MAX_BEATS = 1_000_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")

# Lists beside the notes, sorted by beat: the ranges of what their entries say besides `beat`. What one says holds until
# the next one, also for the part of the clip that comes after its offset.
EVENTS: dict[str, dict[str, tuple[int, int]]] = {
    "controllers": {"controller": (0, 127), "value": (0, 127)},
    "pitchBends": {"value": (-8192, 8191)},  # of `bendRange` down and up
    "channelPressures": {"value": (0, 127)},
    "programs": {"program": (0, 127)},  # General MIDI, from 0
}
BEND_RANGE = 2  # semitones, of a clip that says none
# Of the whole clip.
SETTINGS: dict[str, tuple[int, int]] = {
    "channel": (0, 15),  # which a MIDI file calls 1 to 16
    "bendRange": (0, 24),  # semitones
}


class Notes(Field):
    """`{notes: [{pitch 0..127, start ≥ 0, duration > 0, velocity 1..127, id?}]}` in beats, and, if they are there and
    not empty, the lists of `EVENTS` (`{beat ≥ 0, …}`) and the numbers of `SETTINGS`. Other fields are dropped."""

    json_type = "object"

    def check(self, value: Any) -> dict[str, Any]:
        notes = value.get("notes") if isinstance(value, dict) else None
        if not isinstance(notes, list):
            raise ValidationError({"notes": "has to be a list"})
        if len(notes) > MAX_NOTES:
            raise ValidationError({"notes": f"has to have at most {MAX_NOTES} entries"})
        found: dict[str, Any] = {"notes": [_note(number, note) for number, note in enumerate(notes)]}
        if any("id" in note for note in found["notes"]):
            _require_distinct(found["notes"])
        for name, ranges in EVENTS.items():
            if events := _events(name, value.get(name), ranges):
                found[name] = events
        for name, (low, high) in SETTINGS.items():
            if (number := value.get(name)) is not None:
                found[name] = _whole_number(name, number, low, high)
        return found

    def limits(self) -> dict[str, Any]:
        beats = {"type": "number", "maximum": MAX_BEATS, "description": "in beats"}
        note = {
            "type": "object",
            "properties": {
                "pitch": {"type": "integer", "minimum": 0, "maximum": 127, "description": "60 is middle C"},
                "start": {**beats, "minimum": 0},
                "duration": {**beats, "exclusiveMinimum": 0},
                "velocity": {"type": "integer", "minimum": 1, "maximum": 127},
                "id": {"type": "string", "pattern": _ID.pattern, "description": "without it n and its place, from 0"},
            },
            "required": ["pitch", "start", "duration", "velocity"],
            "additionalProperties": False,
        }
        fitting = "a request of 1 MiB holds about 15,000; PATCH /clips/{clipId}/notes (notes:edit) adds more to a clip"
        notes = {"type": "array", "items": note, "maxItems": MAX_NOTES, "description": fitting}
        properties: dict[str, Any] = {"notes": notes}
        for name, ranges in EVENTS.items():
            shown = {each: {"type": "integer", "minimum": low, "maximum": high} for each, (low, high) in ranges.items()}
            event = {
                "type": "object",
                "properties": {"beat": {**beats, "minimum": 0}, **shown},
                "required": ["beat", *ranges],
                "additionalProperties": False,
            }
            properties[name] = {"type": "array", "items": event, "maxItems": MAX_EVENTS}
        for name, (low, high) in SETTINGS.items():
            properties[name] = {"type": "integer", "minimum": low, "maximum": high}
        return {"properties": properties, "required": ["notes"], "additionalProperties": False}


class KeyedNotes:
    """Notes of a clip by their ids, as `notes.ID`, with their fields, as `notes.ID.pitch`, and everything beside the
    notes by its name (`entity.Keyed`)."""

    inner = ("pitch", "start", "duration", "velocity")

    def parts(self, value: Any) -> dict[str, Any]:
        notes = {f"notes.{id}": _nameless(note) for id, note in by_id(value["notes"]).items()}
        return {**notes, **{name: each for name, each in value.items() if name != "notes"}}

    def joined(self, value: Any, parts: Mapping[str, Any], then: Any) -> Any:
        """A note that comes back goes to the place that it had. Where there would be too many, all stay as they are."""
        found, beside, back = by_id(value["notes"]), dict(value), {}
        for name, part in parts.items():
            section, _, id = name.partition(".")
            id, _, inner = id.partition(".")
            if section != "notes":
                beside[name] = part
            elif inner:
                if id in found:
                    found[id] = {**found[id], inner: part}
            elif part is None:
                found.pop(id, None)
            elif id in found:
                found[id] = {**part, "id": id} if "id" in found[id] else part
            else:
                back[id] = part
        if len(found) + len(back) > MAX_NOTES:
            return value
        notes = list(found.items())
        for place, id in enumerate(by_id(then["notes"]) if then else ()):
            if id in back:
                notes.insert(place, (id, back[id]))
        named = [note if note_id(place, note) == id else {**note, "id": id} for place, (id, note) in enumerate(notes)]
        return {name: each for name, each in beside.items() if each is not None} | {"notes": named}


def by_id(notes: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {note_id(place, note): note for place, note in enumerate(notes)}


def _nameless(note: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in note.items() if name != "id"}


def _events(name: str, events: Any, ranges: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    if events is None:
        return []
    if not isinstance(events, list):
        raise ValidationError({name: "has to be a list"})
    if len(events) > MAX_EVENTS:
        raise ValidationError({name: f"has to have at most {MAX_EVENTS} entries"})
    found = []
    for number, event in enumerate(events):
        if not isinstance(event, dict):
            raise ValidationError({f"{name}.{number}": "has to be an object"})
        beat: Any = event.get("beat")
        if not _beats(beat) or beat < 0:
            raise ValidationError({f"{name}.{number}.beat": "has to be a number of beats, at least 0"})
        said = {
            each: _whole_number(f"{name}.{number}.{each}", event.get(each), low, high)
            for each, (low, high) in ranges.items()
        }
        found.append({"beat": beat, **said})
    return sorted(found, key=lambda event: event["beat"])


def _whole_number(path: str, value: Any, low: int, high: int) -> int:
    if not _whole(value, low, high):
        raise ValidationError({path: f"has to be a whole number between {low} and {high}"})
    return int(value)


def _note(number: int, note: Any) -> dict[str, Any]:
    if not isinstance(note, dict):
        raise ValidationError({f"notes.{number}": "has to be an object"})
    pitch: Any = note.get("pitch")
    start: Any = note.get("start")
    duration: Any = note.get("duration")
    velocity: Any = note.get("velocity")
    if (  # there may be hundreds of thousands, and nearly all are like this; NaN is not
        type(pitch) is int
        and 0 <= pitch <= 127
        and type(velocity) is int
        and 1 <= velocity <= 127
        and type(start) in (int, float)
        and 0 <= start <= MAX_BEATS
        and type(duration) in (int, float)
        and 0 < duration <= MAX_BEATS
        and "id" not in note
    ):
        return {"pitch": pitch, "start": start, "duration": duration, "velocity": velocity}
    if not _whole(pitch, 0, 127):
        raise ValidationError({f"notes.{number}.pitch": "has to be a whole number between 0 and 127"})
    if not _beats(start) or start < 0:
        raise ValidationError({f"notes.{number}.start": "has to be a number of beats, at least 0"})
    if not _beats(duration) or duration <= 0:
        raise ValidationError({f"notes.{number}.duration": "has to be a number of beats, more than 0"})
    if not _whole(velocity, 1, 127):
        raise ValidationError({f"notes.{number}.velocity": "has to be a whole number between 1 and 127"})
    found = {"pitch": int(pitch), "start": start, "duration": duration, "velocity": int(velocity)}
    if (id := note.get("id")) is None:
        return found
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise ValidationError({f"notes.{number}.id": "has to be 1 to 36 letters, digits, - or _"})
    return {"id": id, **found}


def _require_distinct(notes: list[dict[str, Any]]) -> None:
    """A note without an id has the one of its place, which nobody else may take."""
    ids = [note_id(number, note) for number, note in enumerate(notes)]
    if len(set(ids)) < len(ids):
        raise ValidationError({"notes": "has two notes with the same id"})


def note_id(number: int, note: dict[str, Any]) -> str:
    """The id of a note at a place in its list: its own, or `n` and the place."""
    return str(note.get("id") or f"n{number}")


def _whole(value: Any, low: int, high: int) -> bool:
    return type(value) in (int, float) and low <= value <= high and value == int(value)


def _beats(value: Any) -> bool:
    return type(value) in (int, float) and value <= MAX_BEATS and not math.isnan(value)
