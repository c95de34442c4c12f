"""A project as DAWproject, the open exchange format of several workstations: `project.xml`, `metadata.xml`, recordings.

Source: Project.xsd and MetaData.xsd of github.com/bitwig/dawproject, version 1.0. Time is in beats, but in seconds
inside of recordings and for clips that keep their seconds; volumes are linear, pan and sends' levels as well (0.5 is
the middle of a pan). The order of elements is the schema's. Runs in a worker process.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import orjson

from dawg_server.archives.dawproject import BAND, BANDS, LEVELS, SharedParameter
from dawg_server.archives.layout import DAWPROJECT
from dawg_server.daw import timing
from dawg_server.daw.entities import automation
from dawg_server.daw.notes import BEND_RANGE

PROJECT, METADATA = DAWPROJECT, "metadata.xml"
_UNSAYABLE = re.compile("[\x0b\x0c\ufffe\uffff]")  # not in XML 1.0, though in names
_ROLES = {"MASTER": "master", "AUX": "effect", "GROUP": "submix"}
_CONTENT = {"AUDIO": "audio", "MIDI": "notes", "INSTRUMENT": "notes", "GROUP": "tracks"}
CURVE_STEPS = 8  # straight lines that a curve becomes
MUTED = 0.5  # what mutes of an envelope of mute

_Entity = Mapping[str, Any]
_Element = ElementTree.Element


def written(state: bytes, recordings: Mapping[str, _Entity], version: str) -> dict[str, bytes]:
    """The two documents by name. `state`: JSON of `projects.snapshot`; `recordings`: by id, `path` in the zip,
    `duration` (s), `channels` and `rate` (Hz)."""
    found = orjson.loads(state)
    root = ElementTree.Element("Project", version="1.0")
    _add(root, "Application", name="DAWG", version=version)
    transport = _add(root, "Transport")
    _real(transport, "Tempo", found["project"]["bpm"], "bpm", id="tempo", min=20, max=300)
    count, unit = found["project"]["timeSignature"].split("/")
    _add(transport, "TimeSignature", id="metre", numerator=count, denominator=unit)
    structure = _add(root, "Structure")
    _structure(structure, found)
    parameters = dict(_parameters(structure))
    _arrangement(_add(root, "Arrangement", id="arrangement"), found, recordings, parameters)
    metadata = ElementTree.Element("MetaData")
    _add(metadata, "Title").text = _text(found["project"]["name"])
    return {name: _bytes(each) for name, each in ((PROJECT, root), (METADATA, metadata))}


def _structure(structure: _Element, state: _Entity) -> None:
    tracks = sorted(state["tracks"], key=lambda each: each["order"])
    devices = defaultdict(list)
    for device in sorted(state["devices"], key=lambda each: each["order"]):
        devices[device["trackId"]].append(device)
    if not any(each["trackType"] == "MASTER" for each in tracks):
        master = _add(structure, "Track", id="t-master", name="Master", contentType="audio")
        _real(_add(master, "Channel", id="c-master", role="master"), "Volume", 1, "linear", id="v-master")
    made: dict[str, _Element] = {}
    waiting = list(tracks)
    while waiting:  # a group comes before what is in it
        track = next(each for each in waiting if each["groupId"] is None or each["groupId"] in made)
        waiting.remove(track)
        parent = structure if track["groupId"] is None else made[track["groupId"]]
        content = _CONTENT.get(track["trackType"], "audio")
        element = _add(parent, "Track", id=f"t-{track['id']}", name=track["name"], contentType=content)
        if track["color"]:
            element.set("color", track["color"])
        _channel(element, track, devices[track["id"]], _master(tracks))
        made[track["id"]] = element


def _master(tracks: Iterable[_Entity]) -> str:
    return next((f"c-{each['id']}" for each in tracks if each["trackType"] == "MASTER"), "c-master")


def _channel(element: _Element, track: _Entity, devices: Iterable[_Entity], master: str) -> None:
    id, role = track["id"], _ROLES.get(track["trackType"], "regular")
    channel = _add(element, "Channel", id=f"c-{id}", role=role, audioChannels=1 if track["channels"] == "mono" else 2)
    channel.set("solo", str(track["isSolo"]).lower())
    if role != "master":
        output = track["outputDestination"]
        if output != "master":
            channel.set("destination", f"c-{output}")
        else:
            channel.set("destination", f"c-{track['groupId']}" if track["groupId"] else master)
    known = [made for device in devices if (made := _device(device)) is not None]
    if instrument := track["instrument"]:
        known.insert(0, ElementTree.Element("BuiltinDevice", deviceName=instrument, deviceRole="instrument"))
    if known:
        _add(channel, "Devices").extend(known)
    _add(channel, "Mute", id=f"m-{id}", value=str(track["isMuted"]).lower())
    _real(channel, "Pan", (track["pan"] + 1) / 2, "normalized", id=f"p-{id}", min=0, max=1)
    if track["sends"]:
        sends = _add(channel, "Sends")
        for send in track["sends"]:
            way = "pre" if send["preFader"] else "post"
            made = _add(sends, "Send", id=f"s-{send['id']}", destination=f"c-{send['destinationTrackId']}", type=way)
            _add(made, "Enable", value=str(send["enabled"]).lower())
            _real(made, "Pan", (send["pan"] + 1) / 2, "normalized")
            _real(made, "Volume", send["level"], "linear", id=f"l-{send['id']}")
    _real(channel, "Volume", track["volume"], "linear", id=f"v-{id}", min=0, max=2)


def _parameters(structure: _Element) -> Iterator[tuple[str, SharedParameter | None]]:
    levels = {each.child: each for _, several in LEVELS.values() for each in several} | {
        each.child: each for each in BAND
    }
    for element in structure.iter():
        if (id := element.get("id")) and element.tag in ("Volume", "Pan", "Mute", *levels):
            yield id, levels.get(element.tag)


def _device(device: _Entity) -> _Element | None:
    """None for what the format has no element for."""
    type, values, id = device["type"], device["parameters"], device["id"]
    name = "Equalizer" if type == "equalizer" else LEVELS[type][0] if type in LEVELS else None
    if name is None:
        return None
    element = ElementTree.Element(name, id=f"d-{id}", deviceName=name, deviceRole="audioFX")
    _add(element, "Enabled", value=str(not device["bypassed"]).lower())
    if type == "equalizer":
        for number in range(1, 9):
            if (kind := BANDS.get(values.get(f"type{number}", "off"))) is not None:
                band = _add(element, "Band", type=kind)
                for level in BAND:
                    parameter = f"{level.parameter}{number}"
                    _real(band, level.child, values[parameter], level.unit, id=f"{parameter}-{id}")
        return element
    for level in LEVELS[type][1]:
        value = values[level.parameter] * level.factor
        _real(element, level.child, value, level.unit, id=f"{level.parameter}-{id}")
    return element


def _arrangement(
    arrangement: _Element,
    state: _Entity,
    recordings: Mapping[str, _Entity],
    parameters: Mapping[str, SharedParameter | None],
) -> None:
    lanes = _add(arrangement, "Lanes", id="lanes", timeUnit="beats")
    on: dict[str, list[_Entity]] = defaultdict(list)
    for clip in state["clips"]:
        on[clip["trackId"]].append(clip)
    moved: dict[str, list[_Entity]] = defaultdict(list)
    for envelope in state["automations"]:
        if envelope["enabled"]:
            moved[envelope["trackId"]].append(envelope)
    for track in sorted(state["tracks"], key=lambda each: each["order"]):
        lane = _add(lanes, "Lanes", id=f"lane-{track['id']}", track=f"t-{track['id']}")
        clips = _add(lane, "Clips", id=f"clips-{track['id']}")
        for clip in on[track["id"]]:
            if clip["midiData"] is not None or clip["audioFileId"] in recordings:
                _clip(clips, clip, recordings.get(clip["audioFileId"]))
        for envelope in moved[track["id"]]:
            _envelope(lane, envelope, parameters)
    if places := [*state["markers"], *state["sections"]]:
        markers = _add(arrangement, "Markers", id="markers", timeUnit="beats")
        for each in sorted(places, key=lambda each: each["beat"]):
            made = _add(markers, "Marker", time=each["beat"], name=each["name"])
            if each["color"]:
                made.set("color", each["color"])
    tempo = timing.of_project({**state, **state["project"]})
    if state["tempoEvents"]:
        points = _points(arrangement, "TempoAutomation", "tempo", "bpm")
        for change in tempo.changes:
            way = "linear" if change.curve == "linear" else "hold"
            _add(points, "RealPoint", time=max(0, change.beat), value=change.bpm, interpolation=way)
    if len(tempo.metres) > 1:
        points = _points(arrangement, "TimeSignatureAutomation", "metre", None)
        for metre in tempo.metres:
            count, unit = metre.signature.split("/")
            beat = tempo.beat_of_bar(metre.bar)
            _add(points, "TimeSignaturePoint", time=beat, numerator=count, denominator=unit)


def _clip(clips: _Element, clip: _Entity, recording: _Entity | None) -> None:
    musical = clip["midiData"] is not None
    element = _add(clips, "Clip", name=clip["name"], time=clip["startBeat"], duration=clip["lengthBeats"])
    if clip["color"]:
        element.set("color", clip["color"])
    element.set("contentTimeUnit", "beats" if musical else "seconds")
    element.set("playStart", _text(clip["offsetBeats" if musical else "offset"]))
    if clip["fadeIn"] or clip["fadeOut"]:
        element.set("fadeTimeUnit", "beats")
        element.set("fadeInTime", _text(clip["fadeInBeats"]))
        element.set("fadeOutTime", _text(clip["fadeOutBeats"]))
    if musical:
        channel = clip["midiData"].get("channel", 0)
        moving = list(_expressions(clip["midiData"], channel))
        parent = _add(element, "Lanes", id=f"i-{clip['id']}") if moving else element
        notes = _add(parent, "Notes", id=f"n-{clip['id']}")
        if moving:
            parent.extend(moving)
        for note in clip["midiData"]["notes"]:
            at = {"time": note["start"], "duration": note["duration"], "channel": channel, "key": note["pitch"]}
            _add(notes, "Note", **at, vel=round(note["velocity"] / 127, 6))
        return
    assert recording is not None
    about = {"channels": recording["channels"], "duration": recording["duration"], "sampleRate": recording["rate"]}
    parent, warps = element, None
    if clip["stretch"]:
        parent = warps = _add(element, "Warps", contentTimeUnit="seconds", timeUnit="beats")
        element.set("contentTimeUnit", "beats")
        element.set("playStart", _text(clip["offset"] * clip["originalBpm"] / 60))
    audio = _add(parent, "Audio", id=f"a-{clip['id']}", **about)
    _add(audio, "File", path=recording["path"])
    if warps is not None:
        _add(warps, "Warp", time=0, contentTime=0)
        end = recording["duration"]
        _add(warps, "Warp", time=end * clip["originalBpm"] / 60, contentTime=end)


def _expressions(midi: _Entity, channel: int) -> Iterator[_Element]:
    """Controllers, pressure and programs are normalised, bends in semitones."""
    streams: dict[tuple[str, int | None], list[tuple[float, float]]] = defaultdict(list)
    for each in midi.get("controllers", ()):
        streams["channelController", each["controller"]].append((each["beat"], each["value"] / 127))
    for each in midi.get("pitchBends", ()):
        bend = each["value"] / 8192 * midi.get("bendRange", BEND_RANGE)
        streams["pitchBend", None].append((each["beat"], bend))
    for name, kind, field in (
        ("channelPressures", "channelPressure", "value"),
        ("programs", "programChange", "program"),
    ):
        for each in midi.get(name, ()):
            streams[kind, None].append((each["beat"], each[field] / 127))
    for (kind, controller), values in streams.items():
        unit = "semitones" if kind == "pitchBend" else "normalized"
        points = ElementTree.Element("Points", unit=unit)
        target = _add(points, "Target", expression=kind, channel=channel)
        if controller is not None:
            target.set("controller", str(controller))
        for beat, value in values:
            _add(points, "RealPoint", time=beat, value=float(value), interpolation="hold")
        yield points


def _envelope(lane: _Element, envelope: _Entity, parameters: Mapping[str, SharedParameter | None]) -> None:
    """`parameters`: those that have an element, by its id; of devices with their units."""
    target, on = envelope["target"], envelope["trackId"]
    ids = {"volume": f"v-{on}", "pan": f"p-{on}", "mute": f"m-{on}", "send": f"l-{envelope['sendId']}"}
    id = ids.get(target, f"{envelope['parameter']}-{envelope['deviceId']}")
    if id not in parameters:
        return
    level = parameters[id]
    unit = {"pan": "normalized", "mute": None}.get(target, level.unit if level else "linear")
    points = _points(lane, "Points", id, unit)
    if target == "mute":
        for beat, muted in _mutes(list(_steps(envelope["points"]))):
            _add(points, "BoolPoint", time=beat, value=str(muted).lower())
        return
    for beat, value, hold in _steps(envelope["points"]):
        said = (value + 1) / 2 if target == "pan" else value * (level.factor if level else 1)
        _add(points, "RealPoint", time=beat, value=said, interpolation="hold" if hold else "linear")


def _mutes(steps: Sequence[tuple[float, float, bool]]) -> Iterator[tuple[float, bool]]:
    """(beat, whether it is silent from there on): a line is at one of its beats loud enough to be heard."""
    for (beat, value, hold), following in itertools.zip_longest(steps, steps[1:]):
        yield beat, value >= MUTED
        if following is not None and not hold and (value >= MUTED) != (following[1] >= MUTED):
            passed = (MUTED - value) / (following[1] - value)
            yield beat + (following[0] - beat) * passed, following[1] >= MUTED


def _steps(points: Sequence[_Entity]) -> Iterator[tuple[float, float, bool]]:
    """(beat, value, whether it is held) of straight lines; a curve is several of them."""
    for point, following in itertools.zip_longest(points, points[1:]):
        beat, value, curve = float(point["beat"]), float(point["value"]), point["curve"]
        yield beat, value, curve == "hold"
        if following is not None and curve not in ("linear", "hold") and following["value"] != value:
            for passed in (step / CURVE_STEPS for step in range(1, CURVE_STEPS)):
                way = automation.shape(curve, passed)
                at = beat + (following["beat"] - beat) * passed
                yield at, value + (following["value"] - value) * way, False


def _points(parent: _Element, name: str, parameter: str, unit: str | None) -> _Element:
    points = _add(parent, name, timeUnit="beats", **({"unit": unit} if unit else {}))
    _add(points, "Target", parameter=parameter)
    return points


def _real(parent: _Element, tag: str, value: float, unit: str, /, **more: Any) -> None:
    _add(parent, tag, value=round(value, 9), unit=unit, **more)


def _add(parent: _Element, tag: str, /, **attributes: Any) -> _Element:
    return ElementTree.SubElement(parent, tag, {key: _text(value) for key, value in attributes.items()})


def _text(value: Any) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else _UNSAYABLE.sub(" ", str(value))


def _bytes(element: _Element) -> bytes:
    ElementTree.indent(element)
    data: bytes = ElementTree.tostring(element, encoding="utf-8", xml_declaration=True)
    return data
