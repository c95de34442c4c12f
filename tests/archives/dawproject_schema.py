"""What the published schema of DAWproject 1.0 (Project.xsd) allows, for the elements that this server writes or reads.

An element: its attributes, those that it needs first after `!`, and its children in their order; one in brackets may
come in any order and number.
"""

from __future__ import annotations

from xml.etree import ElementTree

NAMED = "name color comment"
REFERABLE = f"{NAMED} id"
REAL = f"!unit {REFERABLE} parameterID max min value"
FLAG = f"{REFERABLE} parameterID value"
TIMED = f"{REFERABLE} timeUnit track"
TIMELINES = "[Lanes Notes Clips ClipSlot Warps Audio Video Points]"
DEVICE = f"!deviceName !deviceRole {REFERABLE} deviceID deviceVendor loaded"
DEVICES = "[Device Vst2Plugin Vst3Plugin ClapPlugin BuiltinDevice Equalizer Compressor NoiseGate Limiter AuPlugin]"
OWN = "Parameters Enabled State"

ELEMENTS: dict[str, tuple[str, str]] = {
    "Project": ("!version", "Application Transport Structure Arrangement Scenes"),
    "Application": ("!name !version", ""),
    "Transport": ("", "Tempo TimeSignature"),
    "Tempo": (REAL, ""),
    "TimeSignature": (f"!numerator !denominator {REFERABLE} parameterID", ""),
    "Structure": ("", "[Track Channel]"),
    "Track": (f"{REFERABLE} contentType loaded", "Channel [Track]"),
    "Channel": (f"{REFERABLE} audioChannels destination role solo", "Devices Mute Pan Sends Volume"),
    "Devices": ("", DEVICES),
    "BuiltinDevice": (DEVICE, OWN),
    "Equalizer": (DEVICE, f"{OWN} [Band] InputGain OutputGain"),
    "Compressor": (DEVICE, f"{OWN} Attack AutoMakeup InputGain OutputGain Ratio Release Threshold"),
    "NoiseGate": (DEVICE, f"{OWN} Attack Range Ratio Release Threshold"),
    "Limiter": (DEVICE, f"{OWN} Attack InputGain OutputGain Release Threshold"),
    "Band": ("!type order", "Freq Gain Q Enabled"),
    **dict.fromkeys(("Attack", "Release", "Ratio", "Range", "Threshold", "InputGain", "OutputGain"), (REAL, "")),
    **dict.fromkeys(("Freq", "Gain", "Q", "Pan", "Volume"), (REAL, "")),
    **dict.fromkeys(("Mute", "Enable", "Enabled"), (FLAG, "")),
    "Sends": ("", "[Send]"),
    "Send": (f"{REFERABLE} destination type", "Enable Pan Volume"),
    "Arrangement": (REFERABLE, "Lanes Markers TempoAutomation TimeSignatureAutomation"),
    "Lanes": (TIMED, TIMELINES),
    "Clips": (TIMED, "[Clip]"),
    "Clip": (
        f"!time {NAMED} duration contentTimeUnit playStart playStop loopStart loopEnd fadeTimeUnit fadeInTime "
        "fadeOutTime enable reference",
        TIMELINES,
    ),
    "Notes": (TIMED, "[Note]"),
    "Note": ("!time !duration !channel !key vel rel", ""),
    "Warps": (f"!contentTimeUnit {TIMED}", "Audio [Warp]"),
    "Warp": ("!time !contentTime", ""),
    "Audio": (f"!channels !duration !sampleRate {TIMED} algorithm", "File"),
    "File": ("!path external", ""),
    **dict.fromkeys(
        ("Points", "TempoAutomation", "TimeSignatureAutomation"),
        (f"{TIMED} unit", "Target [RealPoint BoolPoint IntegerPoint EnumPoint TimeSignaturePoint]"),
    ),
    "Target": ("parameter expression channel key controller", ""),
    "RealPoint": ("!time !value interpolation", ""),
    "BoolPoint": ("!time !value", ""),
    "TimeSignaturePoint": ("!time !numerator !denominator", ""),
    "Markers": (TIMED, "[Marker]"),
    "Marker": (f"!time {NAMED}", ""),
}
WORDS = {
    "unit": "linear normalized percent decibel hertz semitones seconds beats bpm",
    "timeUnit": "beats seconds",
    "contentTimeUnit": "beats seconds",
    "fadeTimeUnit": "beats seconds",
    "deviceRole": "instrument noteFX audioFX analyzer",
    "role": "regular master effect submix vca",
    "contentType": "audio automation notes video markers tracks",
    "interpolation": "hold linear",
    "expression": "gain pan transpose timbre formant pressure channelController channelPressure polyPressure pitchBend "
    "programChange",
}
NUMBERS = [
    "time",
    "duration",
    "playStart",
    "playStop",
    "loopStart",
    "loopEnd",
    "fadeInTime",
    "fadeOutTime",
    "contentTime",
    "channels",
    "sampleRate",
    "audioChannels",
    "numerator",
    "denominator",
    "channel",
    "key",
    "controller",
    "min",
    "max",
    "vel",
]
FLAGS = ("solo", "loaded", "enable", "external")
REFERENCES = ("track", "destination", "parameter", "reference")


def problems(root: ElementTree.Element) -> list[str]:
    """What the schema does not allow."""
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    found = [f"the id {id} twice" for id in set(ids) if ids.count(id) > 1]
    for element in root.iter():
        found += _of_one(element, set(ids))
    return found


def _of_one(element: ElementTree.Element, ids: set[str | None]) -> list[str]:
    tag = element.tag
    if tag not in ELEMENTS:
        return [f"no element {tag}"]
    attributes, children = ELEMENTS[tag]
    known, needed = attributes.replace("!", "").split(), [each[1:] for each in attributes.split() if each[0] == "!"]
    found = [f"{tag} has no {name}" for name in needed if name not in element.attrib]
    found += [f"{tag} with {name}" for name in element.attrib if name not in known]
    for name, value in element.items():
        if name in WORDS and not set(value.split()) <= set(WORDS[name].split()):
            found.append(f"{tag} with {name}={value}")
        if name in NUMBERS:
            float(value)
        if name in FLAGS and value not in ("true", "false"):
            found.append(f"{tag} with {name}={value}")
        if name in REFERENCES and value not in ids:
            found.append(f"{tag} with {name}={value}, which is not there")
        if name == "id" and not (value[0].isalpha() or value[0] == "_"):
            found.append(f"{tag} with the id {value}")
    return found + _order(element, children)


def _order(element: ElementTree.Element, children: str) -> list[str]:
    groups, many = [], []
    for each in children.replace("[", " [ ").replace("]", " ] ").split():
        if each == "[":
            many = ["["]
        elif each == "]":
            groups.append((many[1:], True))
            many = []
        elif many:
            many.append(each)
        else:
            groups.append(([each], False))
    place, last = 0, None
    for child in element:
        at = next((n for n in range(place, len(groups)) if child.tag in groups[n][0]), None)
        if at is None or (child.tag == last and not groups[at][1]):
            return [f"{child.tag} out of place in {element.tag}"]
        place, last = at, child.tag
    return []
