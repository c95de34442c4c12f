"""Musical time: a quarter note is a beat; positions in a project are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
