"""Notes of MIDI clips, checked in one go: there may be twenty thousand of them in one change."""

from __future__ import annotations

import math
from typing import Any

from marshmallow import ValidationError

from dawg_server.schema import Field

MAX_NOTES = 20_000  # per clip
MAX_BEATS = 1_000_000


class Notes(Field):
    """`{notes: [{pitch 0..127, start ≥ 0, duration > 0, velocity 1..127}]}` in beats; other fields are dropped."""

    json_type = "object"

    def check(self, value: Any) -> dict[str, Any]:
        notes = value.get("notes") if isinstance(value, dict) else None
        if not isinstance(notes, list):
            raise ValidationError({"notes": "has to be a list"})
        if len(notes) > MAX_NOTES:
            raise ValidationError({"notes": f"has to have at most {MAX_NOTES} entries"})
        return {"notes": [_note(number, note) for number, note in enumerate(notes)]}

    def limits(self) -> dict[str, Any]:
        beats = {"type": "number", "maximum": MAX_BEATS, "description": "in beats"}
        note = {
            "type": "object",
            "properties": {
                "pitch": {"type": "integer", "minimum": 0, "maximum": 127, "description": "60 is middle C"},
                "start": {**beats, "minimum": 0},
                "duration": {**beats, "exclusiveMinimum": 0},
                "velocity": {"type": "integer", "minimum": 1, "maximum": 127},
            },
            "required": ["pitch", "start", "duration", "velocity"],
            "additionalProperties": False,
        }
        notes = {"type": "array", "items": note, "maxItems": MAX_NOTES}
        return {"properties": {"notes": notes}, "required": ["notes"], "additionalProperties": False}


def _note(number: int, note: Any) -> dict[str, Any]:
    if not isinstance(note, dict):
        raise ValidationError({f"notes.{number}": "has to be an object"})
    pitch: Any = note.get("pitch")
    start: Any = note.get("start")
    duration: Any = note.get("duration")
    velocity: Any = note.get("velocity")
    if not _whole(pitch, 0, 127):
        raise ValidationError({f"notes.{number}.pitch": "has to be a whole number between 0 and 127"})
    if not _beats(start) or start < 0:
        raise ValidationError({f"notes.{number}.start": "has to be a number of beats, at least 0"})
    if not _beats(duration) or duration <= 0:
        raise ValidationError({f"notes.{number}.duration": "has to be a number of beats, more than 0"})
    if not _whole(velocity, 1, 127):
        raise ValidationError({f"notes.{number}.velocity": "has to be a whole number between 1 and 127"})
    return {"pitch": int(pitch), "start": start, "duration": duration, "velocity": int(velocity)}


def _whole(value: Any, low: int, high: int) -> bool:
    return type(value) in (int, float) and low <= value <= high and value == int(value)


def _beats(value: Any) -> bool:
    return type(value) in (int, float) and value <= MAX_BEATS and not math.isnan(value)
