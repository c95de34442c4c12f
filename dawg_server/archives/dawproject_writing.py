"""A project as DAWproject, the open exchange format of several workstations: `project.xml`, `metadata.xml`, recordings.

Source: Project.xsd and MetaData.xsd of github.com/bitwig/dawproject, version 1.0. Time is in beats, but in seconds
inside of recordings and for clips that keep their seconds; volumes are linear, pan and sends' levels as well (0.5 is
the middle of a pan). The order of elements is the schema's. Runs in a worker process.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

import orjson

from dawg_server.daw import timing

PROJECT, METADATA = "project.xml", "metadata.xml"
_UNSAYABLE = re.compile("[\x0b\x0c\ufffe\uffff]")  # not in XML 1.0, though in names
_ROLES = {"MASTER": "master", "AUX": "effect", "GROUP": "submix"}
_CONTENT = {"AUDIO": "audio", "MIDI": "notes", "INSTRUMENT": "notes", "GROUP": "tracks"}
_BANDS = {
    "highpass": "highPass",
    "lowpass": "lowPass",
    "bandpass": "bandPass",
    "highshelf": "highShelf",
    "lowshelf": "lowShelf",
    "peaking": "bell",
    "notch": "notch",
}
# By type: the element, and its children (name, parameter, unit, factor) as the schema orders them.
_LEVELS: dict[str, tuple[str, tuple[tuple[str, str, str, float], ...]]] = {
    "compressor": (
        "Compressor",
        (
            ("Attack", "attack", "seconds", 0.001),
            ("OutputGain", "makeup", "decibel", 1),
            ("Ratio", "ratio", "linear", 1),
            ("Release", "release", "seconds", 0.001),
            ("Threshold", "threshold", "decibel", 1),
        ),
    ),
    "gate": (
        "NoiseGate",
        (
            ("Attack", "attack", "seconds", 0.001),
            ("Range", "range", "decibel", 1),
            ("Release", "release", "seconds", 0.001),
            ("Threshold", "threshold", "decibel", 1),
        ),
    ),
    "limiter": (
        "Limiter",
        (
            ("InputGain", "gain", "decibel", 1),
            ("Release", "release", "seconds", 0.001),
            ("Threshold", "ceiling", "decibel", 1),
        ),
    ),
}

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
    _structure(_add(root, "Structure"), found)
    _arrangement(_add(root, "Arrangement", id="arrangement"), found, recordings)
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


def _device(device: _Entity) -> _Element | None:
    """None for what the format has no element for."""
    type, values = device["type"], device["parameters"]
    name = "Equalizer" if type == "equalizer" else _LEVELS[type][0] if type in _LEVELS else None
    if name is None:
        return None
    element = ElementTree.Element(name, id=f"d-{device['id']}", deviceName=name, deviceRole="audioFX")
    _add(element, "Enabled", value=str(not device["bypassed"]).lower())
    if type == "equalizer":
        for number in range(1, 9):
            if (kind := _BANDS.get(values.get(f"type{number}", "off"))) is not None:
                band = _add(element, "Band", type=kind)
                _real(band, "Freq", values[f"frequency{number}"], "hertz")
                _real(band, "Gain", values[f"gain{number}"], "decibel")
                _real(band, "Q", values[f"q{number}"], "linear")
        return element
    for child, parameter, unit, factor in _LEVELS[type][1]:
        _real(element, child, values[parameter] * factor, unit)
    return element


def _arrangement(arrangement: _Element, state: _Entity, recordings: Mapping[str, _Entity]) -> None:
    lanes = _add(arrangement, "Lanes", id="lanes", timeUnit="beats")
    on: dict[str, list[_Entity]] = defaultdict(list)
    for clip in state["clips"]:
        on[clip["trackId"]].append(clip)
    moved: dict[str, list[_Entity]] = defaultdict(list)
    for envelope in state["automations"]:
        if envelope["enabled"] and envelope["target"] in ("volume", "pan"):
            moved[envelope["trackId"]].append(envelope)
    for track in sorted(state["tracks"], key=lambda each: each["order"]):
        lane = _add(lanes, "Lanes", id=f"lane-{track['id']}", track=f"t-{track['id']}")
        clips = _add(lane, "Clips", id=f"clips-{track['id']}")
        for clip in on[track["id"]]:
            if clip["midiData"] is not None or clip["audioFileId"] in recordings:
                _clip(clips, clip, recordings.get(clip["audioFileId"]))
        for envelope in moved[track["id"]]:
            _envelope(lane, envelope)
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
        notes = _add(element, "Notes", id=f"n-{clip['id']}")
        channel = clip["midiData"].get("channel", 0)
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


def _envelope(lane: _Element, envelope: _Entity) -> None:
    pan = envelope["target"] == "pan"
    parameter = f"{'p' if pan else 'v'}-{envelope['trackId']}"
    points = _points(lane, "Points", parameter, "normalized" if pan else "linear")
    for point in envelope["points"]:
        value = (point["value"] + 1) / 2 if pan else point["value"]
        way = "hold" if point["curve"] == "hold" else "linear"
        _add(points, "RealPoint", time=point["beat"], value=value, interpolation=way)


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
