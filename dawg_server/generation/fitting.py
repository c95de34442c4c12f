"""What a project has that music for it fits to, and where in it that music begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.daw import timing
from dawg_server.daw.document import Document
from dawg_server.daw.entities.project import PROJECT

SETTINGS = ("bpm", "key", "timeSignature")


async def project_facts(
    document: Document, project_id: str, user_id: str, *, start_time: float = 0.0, start_bar: int | None = None
) -> dict[str, Any]:
    """`of_project` of one that a user may see; raises `NotFound`."""
    return of_project(await document.snapshot(project_id, user_id), start_time=start_time, start_bar=start_bar)


def of_project(project: Mapping[str, Any], *, start_time: float = 0.0, start_bar: int | None = None) -> dict[str, Any]:
    """`{bpm, key, timeSignature, startBeat, steady}` where music for it begins; `steady`: its tempo never changes.

    `start_bar` counts from 1. Of a project in which no clip lies only what somebody has set: it takes over the rest.
    """
    tempo = timing.of_project(project)
    if not any(track["clips"] for track in project["tracks"]):
        new = PROJECT.create.defaults
        changed = {name: project[name] for name in SETTINGS if project[name] != new[name]}
        return {**changed, "steady": tempo.is_constant}
    beat = tempo.beat(start_time) if start_bar is None else tempo.beat_of_bar(start_bar - 1)
    return {
        "bpm": round(tempo.bpm(beat), 2),
        "key": project["key"],
        "timeSignature": tempo.signature(beat),
        "startBeat": round(beat, 6),
        "steady": tempo.is_constant,
    }
