"""The mixer of a DAWproject file: tracks with their channels, sends, devices and what moves their parameters."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dawg_server.archives import foreign
from dawg_server.archives.dawproject import BAND, BANDS, LEVELS, SharedParameter, in_unit, number
from dawg_server.archives.dawproject_frames import Element
from dawg_server.archives.dawproject_timeline import Point
from dawg_server.archives.foreign import JsonObject
from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.daw.entities.automation import MAX_POINTS
from dawg_server.daw.entities.track import MASTER, MAX_GAIN
from dawg_server.music import instruments

DIGITS = 9
_EQUALIZER = "equalizer"
_TYPES = {element: type for type, (element, _) in LEVELS.items()} | {"Equalizer": _EQUALIZER}
_BAND_TYPES = {theirs: ours for ours, theirs in BANDS.items()}
_COLOUR = re.compile("#[0-9a-f]{6}", re.IGNORECASE)
_CLIPS = {"notes": "MIDI", "audio": "AUDIO"}


@dataclass(frozen=True, slots=True)
class Strip:
    """A track of theirs, and what of ours it is. `around`: the id of the track that it is in."""

    id: str
    element: Element
    channel: Element
    type: str
    around: str | None


@dataclass(frozen=True, slots=True)
class _Moved:
    """What an envelope of theirs moves: fields of an automation, and the values as ours."""

    fields: JsonObject
    unit: str
    default_unit: str | None
    factor: float
    low: float
    high: float


class Mixer:
    """`tracks` (with their sends) and `devices` grow with `tracks_of`, which is called once for each strip."""

    def __init__(self, root: Element, points: Mapping[str, Sequence[Point]]) -> None:
        self.tracks: list[JsonObject] = []
        self.devices: list[JsonObject] = []
        self.left_out: Counter[str] = Counter()
        self._points = points
        self._moved: list[tuple[str, _Moved]] = []
        structure = root.find("Structure")
        self.strips = list(_strips(structure, None)) if structure is not None else []
        self._only_one_master()
        self.strips = [strip for strip in self.strips if not self._plain(strip)]
        self._ids = {strip.id: foreign.new_id() for strip in self.strips}
        self._by_channel = {strip.channel.get("id"): strip for strip in self.strips if strip.channel.get("id")}

    def tracks_of(self, strip: Strip, kinds: Collection[str]) -> dict[str, JsonObject]:
        """Adds what a strip comes to; by `kinds` of clips (`notes`, `audio`) the tracks that these lie on."""
        own = self._track(strip, self._ids[strip.id], strip.type)
        found = {kind: own for kind in kinds if _CLIPS[kind] == strip.type}
        for kind in sorted(set(kinds) - found.keys()):
            if strip.type in _CLIPS.values() and len(kinds) == 1:
                own["trackType"], found[kind] = _CLIPS[kind], own  # nothing else lies on it
            elif strip.type in _CLIPS.values():
                found[kind] = self._track(strip, foreign.new_id(), _CLIPS[kind])
            else:
                found[kind] = self._beside(strip, own, _CLIPS[kind])
        noted = found.get("notes", own if strip.type == "MIDI" else None)
        if noted is not None:
            noted["instrument"] = self._instrument(strip)
        return found

    def automations(self) -> list[JsonObject]:
        """Of all tracks so far."""
        found = []
        for name, moved in self._moved:
            points = [
                self._value(moved, each) for each in sorted(self._points.get(name, ()), key=lambda each: each.beat)
            ]
            if len(points) > MAX_POINTS:
                self.left_out[f"points of an envelope beyond {MAX_POINTS}"] += len(points) - MAX_POINTS
            if points:
                found.append({"id": foreign.new_id(), **moved.fields, "points": points[:MAX_POINTS]})
        return found

    def _value(self, moved: _Moved, point: Point) -> JsonObject:
        value = in_unit(point.value, point.unit or moved.default_unit, moved.unit) / moved.factor
        held = _held(value, moved.low, moved.high)
        return {"beat": round(max(0.0, point.beat), DIGITS), "value": held, "curve": point.curve}

    def _track(self, strip: Strip, id: str, type: str) -> JsonObject:
        channel = strip.channel
        track = {
            "id": id,
            "name": foreign.text(strip.element.get("name") or "") or type.capitalize(),
            "trackType": type,
            "color": colour(strip.element.get("color") or channel.get("color")),
            "order": len(self.tracks),
            "volume": self._level(channel, "Volume", id, "volume", 1.0),
            "pan": self._pan(channel, id),
            "isMuted": self._mute(channel, id),
            "isSolo": channel.get("solo") == "true",
            "channels": "mono" if channel.get("audioChannels") == "1" else "stereo",
            "sends": [] if type == "MASTER" else self._sends(channel, id),
            **self._way(strip),
        }
        self.tracks.append(track)
        self._add_devices(strip, id)
        return track

    def _beside(self, strip: Strip, own: JsonObject, type: str) -> JsonObject:
        """A track for clips on a bus, which leads into it."""
        way = {"AUX": {"outputDestination": own["id"]}, "GROUP": {"groupId": own["id"]}}.get(strip.type, {})
        track = {"id": foreign.new_id(), "name": own["name"], "trackType": type, "order": len(self.tracks)}
        self.tracks.append({**track, "volume": 1.0, "sends": [], **way})
        return self.tracks[-1]

    def _way(self, strip: Strip) -> JsonObject:
        """Where the sound goes. Any bus but an effect track is a group; around a track is what it lies in, unless its
        sound goes elsewhere."""
        if strip.type == "MASTER":
            return {}
        target = self._by_channel.get(strip.channel.get("destination"))
        around = next((each for each in self.strips if each.id == strip.around), None)
        if target is not None and target.type == "AUX" and target is not strip:
            return {"outputDestination": self._ids[target.id], "groupId": self._ids[around.id] if around else None}
        if target is not None and target.type == "GROUP" and not self._inside(target, strip):
            around = target
        return {"outputDestination": MASTER, "groupId": self._ids[around.id] if around else None}

    def _inside(self, one: Strip | None, other: Strip) -> bool:
        """Whether the sound of one, or where it lies, leads to the other."""
        seen: set[str] = set()
        while one is not None and one.id not in seen:
            if one is other:
                return True
            seen.add(one.id)
            target = self._by_channel.get(one.channel.get("destination"))
            around = next((each for each in self.strips if one is not None and each.id == one.around), None)
            one = target if target is not None and target.type == "GROUP" else around
        return one is not None

    def _sends(self, channel: Element, track_id: str) -> list[JsonObject]:
        found: dict[str, JsonObject] = {}
        for each in channel.iterfind("Sends/Send"):
            target = self._by_channel.get(each.get("destination"))
            if target is None or target.type != "AUX" or self._ids[target.id] in (track_id, *found):
                self.left_out["sends that lead to no effect track"] += 1
                continue
            id, enable = foreign.new_id(), each.find("Enable")
            found[self._ids[target.id]] = {
                "id": id,
                "destinationTrackId": self._ids[target.id],
                "level": self._level(each, "Volume", track_id, "send", 0.0, sendId=id),
                "pan": _pan(each.find("Pan")),
                "preFader": each.get("type") == "pre",
                "enabled": enable is None or enable.get("value") != "false",
            }
        return list(found.values())

    def _level(self, parent: Element, tag: str, track_id: str, target: str, default: float, **names: str) -> float:
        element = parent.find(tag)
        if element is None:
            return default
        self._move(element, {"trackId": track_id, "target": target, **names}, "linear", 1.0, 0.0, MAX_GAIN)
        value = in_unit(_value_of(element, default), element.get("unit"), "linear")
        return _held(value, 0.0, MAX_GAIN)

    def _pan(self, channel: Element, track_id: str) -> float:
        if (element := channel.find("Pan")) is not None:
            self._move(element, {"trackId": track_id, "target": "pan"}, "pan", 1.0, -1.0, 1.0)
        return _pan(element)

    def _mute(self, channel: Element, track_id: str) -> bool:
        if (element := channel.find("Mute")) is None:
            return False
        self._move(element, {"trackId": track_id, "target": "mute"}, "linear", 1.0, 0.0, 1.0)
        return element.get("value") == "true"

    def _move(self, element: Element, fields: JsonObject, unit: str, factor: float, low: float, high: float) -> None:
        if name := element.get("id"):
            self._moved.append((name, _Moved(fields, unit, element.get("unit"), factor, low, high)))

    def _add_devices(self, strip: Strip, track_id: str) -> None:
        order = 0
        for element in strip.channel.iterfind("Devices/*"):
            type = _TYPES.get(element.tag)
            if type is None:
                if element.get("deviceRole") != "instrument" or element.tag != "BuiltinDevice":
                    name = foreign.text(element.get("deviceName") or element.get("name") or element.tag)
                    self.left_out[f"the device “{name}” on “{foreign.text(strip.element.get('name') or '')}”"] += 1
                continue
            id, enabled = foreign.new_id(), element.find("Enabled")
            on = {"trackId": track_id, "target": "device", "deviceId": id}
            parameters = self._bands(element, on) if type == _EQUALIZER else self._levels(element, type, on)
            self.devices.append(
                {
                    "id": id,
                    "trackId": track_id,
                    "type": type,
                    "parameters": TYPES[type].defaults | parameters,
                    "preset": None,
                    "bypassed": enabled is not None and enabled.get("value") == "false",
                    "order": order,
                }
            )
            order += 1

    def _levels(self, element: Element, type: str, on: JsonObject) -> JsonObject:
        found: JsonObject = {}
        for level in LEVELS[type][1]:
            self._read(element, level, type, level.parameter, on, found)
        return found

    def _bands(self, element: Element, on: JsonObject) -> JsonObject:
        bands = element.findall("Band")
        if len(bands) > 8:
            self.left_out["bands of an equalizer beyond 8"] += len(bands) - 8
        found: JsonObject = {}
        for number_, band in enumerate(bands[:8], 1):
            enabled = band.find("Enabled")
            off = enabled is not None and enabled.get("value") == "false"
            found[f"type{number_}"] = "off" if off else _BAND_TYPES.get(band.get("type", ""), "peaking")
            for level in BAND:
                self._read(band, level, _EQUALIZER, f"{level.parameter}{number_}", on, found)
        return found

    def _read(
        self, parent: Element, level: SharedParameter, type: str, parameter: str, on: JsonObject, found: JsonObject
    ) -> None:
        known, element = TYPES[type].parameters[parameter], parent.find(level.child)
        if element is None or known.range is None:
            return
        low, high = known.range
        value = in_unit(_value_of(element, known.default * level.factor), element.get("unit"), level.unit)
        found[parameter] = _held(value / level.factor, low, high)
        if not known.fixed:
            self._move(element, {**on, "parameter": parameter}, level.unit, level.factor, low, high)

    def _instrument(self, strip: Strip) -> str | None:
        """The one that a device names, or else the name of the track."""
        named = [
            foreign.text(each.get("deviceName") or each.get("name") or "")
            for each in strip.channel.iterfind("Devices/*")
            if each.get("deviceRole") == "instrument"
        ]
        for name in (*named, strip.element.get("name") or ""):
            known = name.lower() if name.lower() in instruments.NAMES else instruments.spoken_of(name)
            if known is not None:
                return known
        return None

    def _plain(self, strip: Strip) -> bool:
        """Whether it is a master that changes nothing, which a project has without a track of its own."""
        level, channel = strip.channel.find("Volume"), strip.channel
        return (
            strip.type == "MASTER"
            and (level is None or in_unit(_value_of(level, 1.0), level.get("unit"), "linear") == 1)
            and _pan(channel.find("Pan")) == 0
            and not len(channel.findall("Devices/*"))
            and all(each.get("id") not in self._points for each in channel)
            and all(each.get("value") != "true" for each in channel.iterfind("Mute"))
        )

    def _only_one_master(self) -> None:
        masters = [strip for strip in self.strips if strip.type == "MASTER"]
        for place, strip in enumerate(self.strips):
            if strip in masters[1:]:
                self.strips[place] = Strip(strip.id, strip.element, strip.channel, "GROUP", strip.around)


def colour(text: str | None) -> str | None:
    """Without how much it covers."""
    return text[:7].lower() if text and _COLOUR.match(text) else None


def _strips(parent: Element, around: str | None) -> Iterator[Strip]:
    for element in parent:
        if element.tag == "Track":
            id = element.get("id") or foreign.new_id()
            channel, inner = element.find("Channel"), element.findall("Track")
            if channel is None:
                channel = Element("Channel")
            yield Strip(id, element, channel, _type(element, channel, inner), around)
            yield from _strips(element, id)
        elif element.tag == "Channel" and around is None:
            yield Strip(element.get("id") or foreign.new_id(), element, element, _type(element, element, ()), None)


def _type(element: Element, channel: Element, inner: Sequence[Element]) -> str:
    role, content = channel.get("role"), (element.get("contentType") or "").split()
    if inner or "tracks" in content or role in ("submix", "vca"):
        return "GROUP"  # the channel of a group may call itself its master
    if role in ("master", "effect"):
        return "MASTER" if role == "master" else "AUX"
    return "MIDI" if "notes" in content and "audio" not in content else "AUDIO"


def _value_of(element: Element, default: float) -> float:
    """Values are texts in the schema, because they may be infinite."""
    try:
        value = float(element.get("value", ""))
    except ValueError:
        return default
    return default if math.isnan(value) else value


def _pan(element: Element | None) -> float:
    if element is None:
        return 0.0
    value = in_unit(number(element, "value", 0.5), element.get("unit"), "pan")
    return _held(value, -1.0, 1.0)


def _held(value: float, low: float, high: float) -> float:
    """Rounded first: an end of a range may have more decimals than that."""
    return min(max(value if math.isinf(value) else round(value, DIGITS), low), high)
