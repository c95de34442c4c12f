"""What files of other programs come to: the document of an archive that would have the same content."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from typing import Any

from dawg_server.archives.layout import FORMAT, FORMAT_VERSION
from dawg_server.archives.unpacking import refuse
from dawg_server.schema.base import CONTROL

LOWEST, HIGHEST = 20, 300  # beats per minute that a project may have
MAX_EVENTS = 1000  # tempi, time signatures, markers: what a project may have of each

JsonObject = dict[str, Any]


def document(project: JsonObject, **lists: list[JsonObject]) -> JsonObject:
    """Raises `InvalidArchive` for more than a project may have."""
    for name, what in (("tempoEvents", "tempi"), ("timeSignatureEvents", "time signatures"), ("markers", "markers")):
        if len(lists.get(name, ())) > MAX_EVENTS:
            refuse(f"it has more than {MAX_EVENTS} {what}", limit=MAX_EVENTS)
    empty: dict[str, Any] = {"tracks": [], "clips": [], "audioFiles": []}
    return {"format": FORMAT, "formatVersion": FORMAT_VERSION, "project": project, **empty, **lists}


def bars(metres: Mapping[float, str]) -> list[tuple[int, str]]:
    """(bar, time signature) by their beats; one inside of a bar comes into force with the next bar line."""
    found: dict[int, str] = {0: "4/4"}
    bar, at, length = 0, 0.0, 4.0
    for beat, signature in sorted(metres.items()):
        count, unit = (int(each) for each in signature.split("/"))
        if not 1 <= count <= 32 or unit not in (1, 2, 4, 8, 16, 32):
            refuse(f"it has a time signature of {signature}; 1 to 32 over 1 to 32 is what a project may have")
        passed = math.ceil((beat - at) / length - 1e-6)
        bar, at, length = bar + passed, at + passed * length, count * 4 / unit
        if found[max(found)] != signature or bar == 0:
            found[bar] = signature
    return sorted(found.items())


def text(raw: str, limit: int = 120) -> str:
    """On one line, without what is not seen."""
    return " ".join(CONTROL.sub("", raw).split())[:limit].strip()


def new_id() -> str:
    return str(uuid.uuid4())
