"""Automation: envelopes that move the fader, pan, mute, a send or a parameter of a device on their track.

Between two points the way is in the parameter's own unit and over time in seconds, as the curve of the first of them
says; before the first point its value counts, and after the last one the last one's. Several points at one beat are a
jump. While there is an envelope that is enabled, what the track, send or device says itself is not heard.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.daw.entities.send import FIELDS as SEND_FIELDS
from dawg_server.daw.entities.track import MIXING
from dawg_server.daw.entity import Entity, EntityType, Reference, missing, needed, table_of, wrong
from dawg_server.daw.notes import MAX_BEATS
from dawg_server.schema import AnyField, Choice, Field, Flag, Id, Number, Text

if TYPE_CHECKING:
    from dawg_server.daw.arranging import Stretch
    from dawg_server.daw.draft import Draft

MAX_POINTS = 10_000  # of an envelope
MAX_ENVELOPES = 2_000  # per project
TARGETS = ("volume", "pan", "mute", "send", "device")
CURVES = ("linear", "hold", "smooth", "slow", "fast")

_MUTE = Number(0, 1, "1 is silent, from 0.5 on")


class Points(Field):
    """`[{beat, value, curve}]`, checked in one go, kept sorted by beat; `curve` is the way to the next point."""

    json_type = "array"

    def check(self, value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_POINTS:
            raise ValidationError(f"has to be a list of 1 to {MAX_POINTS} points")
        return sorted((_point(number, point) for number, point in enumerate(value)), key=lambda point: point["beat"])

    def limits(self) -> dict[str, Any]:
        beat = {"type": "number", "minimum": 0, "maximum": MAX_BEATS, "description": "quarter notes"}
        curve = {"type": "string", "enum": list(CURVES), "default": CURVES[0]}
        value = {"type": "number", "description": "in the unit and range of what the envelope moves"}
        point = {
            "type": "object",
            "properties": {"beat": beat, "value": value, "curve": curve},
            "required": ["beat", "value"],
            "additionalProperties": False,
        }
        return {"items": point, "minItems": 1, "maxItems": MAX_POINTS}


class KeyedPoints:
    """Points by their beats; of several at one beat the later ones by their place among them (`entity.Keyed`)."""

    inner = ()

    def parts(self, value: Any) -> dict[str, Any]:
        found, same = {}, Counter[float]()
        for point in value:
            beat = float(point["beat"])
            found[f"{beat!r}/{same[beat]}"] = point
            same[beat] += 1
        return found

    def joined(self, value: Any, parts: Mapping[str, Any], then: Any) -> Any:
        """An envelope always has points, and not too many: where it would not, it stays."""
        kept = {name: point for name, point in {**self.parts(value), **parts}.items() if point is not None}
        if not 1 <= len(kept) <= MAX_POINTS:
            return value
        return [kept[name] for name in sorted(kept, key=lambda name: (_beat(kept[name]), int(name.partition("/")[2])))]


def _point(number: int, point: Any) -> dict[str, Any]:
    if not isinstance(point, dict):
        raise ValidationError({f"{number}": "has to be an object"})
    beat: Any = point.get("beat")
    value: Any = point.get("value")
    curve: Any = point.get("curve", CURVES[0])
    if not _finite(beat) or not 0 <= beat <= MAX_BEATS:
        raise ValidationError({f"{number}.beat": f"has to lie between 0 and {MAX_BEATS}"})
    if not _finite(value):
        raise ValidationError({f"{number}.value": "has to be a number"})
    if curve not in CURVES:
        raise ValidationError({f"{number}.curve": f"has to be one of {', '.join(CURVES)}"})
    return {"beat": beat, "value": value, "curve": curve}


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


_WHAT = ("target", "sendId", "deviceId", "parameter")
FIELDS: dict[str, AnyField] = {
    "target": needed(Choice(TARGETS, "what it moves; this and what names it stays")),
    "sendId": Id("send", "whose level it moves, if the target is a send", allow_none=True, load_default=None),
    "deviceId": Id("device", "one of whose parameters it moves", allow_none=True, load_default=None),
    "parameter": Text(1, 60, "of the device", allow_none=True, load_default=None),
    "points": Points("what the value is when", required=True),
    "enabled": Flag("whether it is heard", load_default=True),
}


def rearranged(envelope: Entity, stretches: Sequence[Stretch]) -> Entity:
    """The points move with their stretches, at whose ends the value stays what it was; a curve that is cut there goes
    on as a straight line."""
    points = envelope["points"]
    begin, end = stretches[0].begin, stretches[-1].end
    found = [*_part(points, 0.0, begin, 0.0)] if begin else []
    for each in sorted(stretches, key=lambda each: each.begin + each.shift):
        found += _part(points, each.begin, each.end, each.shift)
    found += _part(points, end, max(end, points[-1]["beat"]), 0.0)
    kept: list[dict[str, Any]] = []
    for place, point in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else point
        if kept and kept[-1]["value"] == point["value"]:  # a point that nothing turns at says nothing
            if kept[-1]["beat"] == point["beat"]:
                kept[-1] = point
                continue
            if following["value"] == point["value"]:
                continue
        kept.append(point)
    return {"points": kept} if len(kept) <= MAX_POINTS else {}


def _part(points: list[dict[str, Any]], begin: float, end: float, shift: float) -> Iterator[dict[str, Any]]:
    """What the envelope does from one beat to another, moved."""
    first, last = bisect.bisect_right(points, begin, key=_beat), bisect.bisect_left(points, end, key=_beat)
    curve = points[first - 1]["curve"] if first else CURVES[0]
    whole = first == len(points) or (first and points[first - 1]["beat"] == begin and points[first]["beat"] <= end)
    yield {"beat": begin + shift, "value": _value(points, first, begin), "curve": curve if whole else _plain(curve)}
    for place in range(first, last):
        cut = place == last - 1 and place + 1 < len(points) and points[place + 1]["beat"] > end
        curve = points[place]["curve"]
        yield {**points[place], "beat": points[place]["beat"] + shift, "curve": _plain(curve) if cut else curve}
    yield {"beat": end + shift, "value": _value(points, last, end), "curve": CURVES[0]}


def _value(points: list[dict[str, Any]], following: int, beat: float) -> float:
    """The value at a beat before the point at the place `following`."""
    if following == 0 or following == len(points):
        return float(points[max(0, following - 1)]["value"])
    before, after = points[following - 1], points[following]
    passed = (beat - before["beat"]) / ((after["beat"] - before["beat"]) or 1.0)
    return float(before["value"] + (after["value"] - before["value"]) * shape(before["curve"], passed))


def shape(curve: str, passed: float) -> float:
    """As `audio.mixing.envelopes.Curve` tells it; here in beats, at a tempo that stays."""
    shapes = {
        "linear": passed,
        "hold": 0.0,
        "smooth": (1 - math.cos(math.pi * passed)) / 2,
        "slow": passed**2,
        "fast": 1 - (1 - passed) ** 2,
    }
    return shapes[curve]


def _plain(curve: str) -> str:
    return curve if curve == "hold" else "linear"


def _beat(point: dict[str, Any]) -> float:
    return float(point["beat"])


async def judge(draft: Draft, envelope: Entity | None, changed: Entity) -> Collection[str]:
    """What an envelope moves is on its track and stays; its values are in the range of that."""
    if envelope is not None and (moved := [name for name in _WHAT if name in changed]):
        raise wrong(moved[0], "stays: delete the envelope and make another one")
    after = {**(envelope or {}), **changed}
    check(after)
    moves = await _moved_by(draft, after)
    for number, point in enumerate(after["points"]):
        if not moves[0] <= point["value"] <= moves[1]:
            raise wrong(f"points.{number}.value", f"has to lie between {moves[0]:g} and {moves[1]:g}")
    return ()


def check(envelope: Entity) -> None:
    """That what it moves is named as it has to be. Raises ValidationError."""
    for name, target in (("sendId", "send"), ("deviceId", "device"), ("parameter", "device")):
        if (envelope[name] is not None) != (envelope["target"] == target):
            raise wrong(name, f"is for the target {target}, which needs it")


async def _moved_by(draft: Draft, envelope: Entity) -> tuple[float, float]:
    """The range of what an envelope moves."""
    target = envelope["target"]
    if target == "device":
        device = await _here(draft, "device", envelope["deviceId"], envelope["trackId"])
        known = TYPES[device["type"]].parameters
        parameter = known.get(envelope["parameter"])
        if parameter is None or parameter.range is None or parameter.fixed:
            names = ", ".join(name for name, each in known.items() if each.range is not None and not each.fixed)
            raise wrong("parameter", f"has to be one of {names}" if names else "of this device cannot be moved")
        return parameter.range
    if target == "send":
        await _here(draft, "send", envelope["sendId"], envelope["trackId"])
    field = {"send": SEND_FIELDS["level"], "mute": _MUTE}.get(target) or MIXING[target]
    assert isinstance(field, Number) and field.low is not None and field.high is not None
    return field.low, field.high


async def _here(draft: Draft, kind: str, id: str, track_id: str) -> Entity:
    found = await draft.get(kind, id)
    if found["trackId"] != track_id:
        raise missing(kind, id)
    return found


AUTOMATION = EntityType(
    name="automation",
    plural="automations",
    help="an envelope that moves a fader, a send or a parameter of a device",
    table=table_of("automations", FIELDS, "track"),
    fields=FIELDS,
    parent="track",
    within="whole parent",
    references={"sendId": Reference("send"), "deviceId": Reference("device")},
    unique=("trackId", *_WHAT),
    keyed={"points": KeyedPoints()},
    rule=judge,
    ruled=frozenset({*_WHAT, "points"}),
    check=check,
    along=rearranged,
    limit=MAX_ENVELOPES,
    module=__name__,
)
