"""What reading and writing DAWproject have in common: its words for ours, its units, and XML that nobody vouches for.

Source: Project.xsd of github.com/bitwig/dawproject, version 1.0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from dawg_server.archives.unpacking import refuse

MAX_ELEMENTS = 1_000_000
MAX_DEPTH = 100
MAX_NUMBER = 1e9
NOTE_OF_A440, A440 = 69, 440.0  # a frequency may be said in semitones

BANDS = {
    "highpass": "highPass",
    "lowpass": "lowPass",
    "bandpass": "bandPass",
    "highshelf": "highShelf",
    "lowshelf": "lowShelf",
    "peaking": "bell",
    "notch": "notch",
}


@dataclass(frozen=True, slots=True)
class SharedParameter:
    """A child of a device: the parameter of ours that it is `factor` times of."""

    child: str
    parameter: str
    unit: str
    factor: float = 1.0


# By type: the element, and its children as the schema orders them.
LEVELS: dict[str, tuple[str, tuple[SharedParameter, ...]]] = {
    "compressor": (
        "Compressor",
        (
            SharedParameter("Attack", "attack", "seconds", 0.001),
            SharedParameter("OutputGain", "makeup", "decibel"),
            SharedParameter("Ratio", "ratio", "linear"),
            SharedParameter("Release", "release", "seconds", 0.001),
            SharedParameter("Threshold", "threshold", "decibel"),
        ),
    ),
    "gate": (
        "NoiseGate",
        (
            SharedParameter("Attack", "attack", "seconds", 0.001),
            SharedParameter("Range", "range", "decibel"),
            SharedParameter("Release", "release", "seconds", 0.001),
            SharedParameter("Threshold", "threshold", "decibel"),
        ),
    ),
    "limiter": (
        "Limiter",
        (
            SharedParameter("InputGain", "gain", "decibel"),
            SharedParameter("Release", "release", "seconds", 0.001),
            SharedParameter("Threshold", "ceiling", "decibel"),
        ),
    ),
}
BAND = (
    SharedParameter("Freq", "frequency", "hertz"),
    SharedParameter("Gain", "gain", "decibel"),
    SharedParameter("Q", "q", "linear"),
)


def parsed(data: bytes, name: str) -> ElementTree.Element:
    """The root of a document without declarations of types or entities. Raises `InvalidArchive`."""
    builder, depth, count = ElementTree.TreeBuilder(), 0, 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            refuse(f"{name} has more than {MAX_ELEMENTS} elements, or more than {MAX_DEPTH} in each other")
        builder.start(tag.rpartition(":")[2], attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag.rpartition(":")[2])

    def declared(*_: Any) -> None:
        refuse(f"{name} declares types or entities, which are not needed")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = declared
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        refuse(f"{name} is damaged ({str(error)[:100]})")
    return builder.close()


def number(element: ElementTree.Element, name: str, default: float = 0.0) -> float:
    """An attribute; what is none, or beyond everything that a project has, is the default."""
    try:
        value = float(element.get(name, ""))
    except ValueError:
        return default
    return value if abs(value) <= MAX_NUMBER else default


def in_unit(value: float, unit: str | None, wanted: str) -> float:
    """A value of one unit in another one; as it is where they have nothing to do with each other."""
    if wanted == "decibel" and unit in ("linear", "percent", "normalized"):
        gain = value / 100 if unit == "percent" else value
        return 20 * math.log10(gain) if gain > 0 else -math.inf
    if wanted == "linear" and unit == "decibel":
        return float(10 ** (min(value, 200.0) / 20))
    if wanted == "linear" and unit == "percent":
        return value / 100
    if wanted == "hertz" and unit == "semitones":
        return float(A440 * 2 ** ((min(value, 200.0) - NOTE_OF_A440) / 12))
    if wanted == "pan":
        value = 2 * value - 1 if unit == "normalized" else value / 100 if unit == "percent" else value
    return value
