"""Projects with anything in them that the server takes, whatever kinds of things there are: by their declarations."""

from __future__ import annotations

import random
from typing import Any

from dawg_server import errors
from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.daw import commands
from dawg_server.daw import entity as registry
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.entities.automation import CURVES
from dawg_server.daw.notes import EVENTS, SETTINGS
from dawg_server.schema.parameters import json_schema
from tests.daw import editors
from tests.servers import dawg

TEXTS = (
    "x",
    "Ünï “quoted” <&>",
    "עברית 🎛",
    "a\u0301\u200b",
    "tab\there",
    "CON",
    "line\nbreak\r\n",
    "\u2028",
    "q" * 120,
)
WORDS = {
    "key": ("C", "F#m", "Bb"),
    "timeSignature": ("4/4", "7/8", "3/16", "32/32"),
    "symbol": ("Cm7/G", "Bb", "F#dim"),
}
BEATS = (0, 1 / 3, 4, 7.5, 123.456789012345, 999_999.5)
FEW_BEATS = (0, 1 / 3, 0.5, 1.234567890123, 6)
REFUSALS = (errors.ValidationError, errors.Conflict, errors.NotFound)


async def fill(server: dawg.Dawg, project_id: str, recordings: list[str], dice: random.Random, count: int) -> set[str]:
    """Makes `count` things, and a few changes; returns the kinds and the commands that were not refused."""
    document, taken = server.services.documents.document, set[str]()
    by = Actor("ada", "rest")
    shown: Any = None
    for step in range(count):
        if step % 4 == 0:  # what is younger is not led to
            shown = await document.snapshot(project_id, "ada")
        kind = dice.choice((*registry.every(), registry.find("clip"), registry.find("track")))
        name = f"create{kind.title}"
        values = _values(kind, shown, recordings, dice)
        if kind.name == "project":
            changes = {each: values[each] for each in dice.sample(sorted(values), min(len(values), 4))}
            name, values = "updateProject", {"changes": changes}
        elif dice.random() < 0.03:
            await server.services.documents.versions.make(
                project_id, "ada", name=dice.choice(TEXTS).strip(), description=None
            )
        elif dice.random() < 0.1 and shown["tracks"]:
            track = dice.choice(shown["tracks"])["id"]
            name, values = dice.choice(
                (
                    ("setTrackMetadata", {"trackId": track, "metadata": {"peaks": [0.1, None, {"a": "\u2028"}]}}),
                    ("setLyrics", {"trackId": track, "lyrics": "[Verse]\n" + dice.choice(TEXTS)}),
                    ("groupTracks", {"trackIds": [track], "name": "Group"}),
                )
            )
        command = Command(name, values)
        if dice.random() < 0.25 and (edit := editors.any_change(shown, dice)) is not None:
            command = edit
        try:
            await document.execute(project_id, [command], by)
            taken.add(kind.name if command.name == name else command.name)
        except REFUSALS:
            pass
    return taken


def _values(kind: Any, shown: Any, recordings: list[str], dice: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if kind.parent == "track" and kind.stays:
        found[kind.parent_field] = _any(shown["tracks"], dice)
    for name, field in kind.fields.items():
        if not field.required and dice.random() < 0.45:
            continue
        reference = kind.references.get(name)
        if name == kind.recording:
            found[name] = dice.choice(recordings)
        elif reference is not None:
            fitting = [each for each in _all(shown, reference.entity) if reference.sound in ("", each.get("trackType"))]
            found[name] = _any(fitting, dice, reference.cleared)
        elif name == "sidechainTrackId":
            found[name] = _any(shown["tracks"], dice)
        else:
            found[name] = _value(name, json_schema(field), dice)
    for pair in (("volume", "volumeDb"), ("level", "levelDb")):
        found.pop(dice.choice(pair), None)
    return _SPECIAL.get(kind.name, lambda values, shown, recordings, dice: values)(found, shown, recordings, dice)


def _all(shown: Any, kind: str) -> list[Any]:
    if kind == "send":
        return [send for track in shown["tracks"] for send in track["sends"]]
    if kind in ("clip", "device"):
        return [each for track in shown["tracks"] for each in track[f"{kind}s"]]
    return list(shown[f"{kind}s"])


def _any(found: list[Any], dice: random.Random, otherwise: Any = "00000000-0000-4000-8000-000000000000") -> Any:
    return dice.choice(found)["id"] if found else otherwise


def _value(name: str, schema: Any, dice: random.Random) -> Any:
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "null" in types and dice.random() < 0.2:
        return None
    if "enum" in schema:
        return dice.choice([each for each in schema["enum"] if each is not None])
    if types[0] == "boolean":
        return dice.random() < 0.5
    if types[0] in ("number", "integer"):
        low, high = schema.get("minimum", schema.get("exclusiveMinimum", 0)), schema.get("maximum", 10)
        if "exclusiveMinimum" in schema:
            low += 1e-3
        if "beat" in name.lower() or name == "length":
            return dice.choice([each for each in BEATS if low <= each <= high])
        if high > 1000:  # seconds
            high = low + dice.choice((0.5, 3, 60))
        value = dice.choice((low, high, dice.uniform(low, high)))
        return round(value) if types[0] == "integer" else value
    if name in WORDS:
        return dice.choice(WORDS[name])
    if name == "color":
        return f"#{dice.randrange(2**24):06X}"
    return dice.choice(TEXTS)


_FADES = (("fadeIn", "fadeInBeats"), ("fadeOut", "fadeOutBeats"))


def _clip(values: Any, shown: Any, recordings: list[str], dice: random.Random) -> Any:
    """Notes on tracks of notes, and recordings on others; one unit of each time."""
    tracks = {each["id"]: each["trackType"] for each in shown["tracks"]}
    noted = tracks.get(values["trackId"]) in ("MIDI", "INSTRUMENT")
    values["midiData"] = _notes(dice) if noted else None
    values["audioFileId"] = None if noted else dice.choice(recordings)
    for pair in (("startTime", "startBeat"), ("duration", "lengthBeats"), ("offset", "offsetBeats"), *_FADES):
        name, low = dice.choice(pair), 0.0 if pair[0] in ("offset", "fadeIn", "fadeOut") else 0.05
        values = {each: value for each, value in values.items() if each not in pair}
        if pair[0] == "startTime" or dice.random() < 0.6:
            values[name] = low + dice.choice((0, 0.01, 0.04 / 3) if low == 0 else (0, 1 / 3, 12.5))
    return values


def _notes(dice: random.Random) -> dict[str, Any]:
    notes = [
        {"pitch": dice.randrange(128), "start": dice.choice(FEW_BEATS), "duration": 1 / 7, "velocity": 1 + n}
        for n in range(dice.randrange(6))
    ]
    found: dict[str, Any] = {"notes": [{**each, "id": f"own-{n}"} if n == 3 else each for n, each in enumerate(notes)]}
    for name, ranges in EVENTS.items():
        if dice.random() < 0.4:
            found[name] = [
                {"beat": dice.choice(FEW_BEATS), **{each: dice.choice(ends) for each, ends in ranges.items()}}
                for _ in range(2)
            ]
    return found | {name: dice.choice(ends) for name, ends in SETTINGS.items() if dice.random() < 0.4}


def _device(values: Any, shown: Any, recordings: list[str], dice: random.Random) -> Any:
    """All parameters of a type, each at its ends or between."""
    kind = TYPES[values["type"]]
    if "preset" in values:
        values["preset"] = dice.choice((None, *kind.presets))
    values["parameters"] = {
        name: _value("", each.described(), dice) for name, each in kind.parameters.items() if dice.random() < 0.7
    }
    values.pop("audioFileId", None)
    if kind.recording:
        values["audioFileId"] = dice.choice(recordings)
    if not kind.sidechain:
        values.pop("sidechainTrackId", None)
    return values


def _automation(values: Any, shown: Any, recordings: list[str], dice: random.Random) -> Any:
    track = next((each for each in shown["tracks"] if each["id"] == values["trackId"]), None)
    values = {"trackId": values["trackId"], "target": values["target"], "enabled": dice.random() < 0.7}
    low, high = {"pan": (-1.0, 1.0)}.get(values["target"], (0.0, 1.0))
    if track and values["target"] == "send":
        values["sendId"] = _any(track["sends"], dice)
    if track and values["target"] == "device" and track["devices"]:
        device = dice.choice(track["devices"])
        moved = {name: each.range for name, each in TYPES[device["type"]].parameters.items() if each.range}
        values |= {"deviceId": device["id"], "parameter": dice.choice(sorted(moved))}
        low, high = moved[values["parameter"]]
    values["points"] = [
        {"beat": dice.choice(BEATS), "value": dice.choice((low, high, dice.uniform(low, high))), "curve": curve}
        for curve in dice.sample(CURVES, dice.randrange(1, len(CURVES)))
    ]
    return values


def _take(values: Any, shown: Any, recordings: list[str], dice: random.Random) -> Any:
    values["ranges"] = [{"start": n, "end": n + dice.choice((0.1, 1 / 3))} for n in range(dice.randrange(3))]
    played = [each for each in _all(shown, "clip") if each["audioFileId"]]
    values["clipId"] = _any(played, dice)
    return values


def _freeze(values: Any, shown: Any, recordings: list[str], dice: random.Random) -> Any:
    return {name: value for name, value in values.items() if name != "soundDigest"}


_SPECIAL = {"freeze": _freeze, "clip": _clip, "device": _device, "automation": _automation, "take": _take}
assert commands  # registers all kinds
