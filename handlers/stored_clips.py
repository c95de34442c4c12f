"""Clips of projects, made ready to be compared: REST and sockets ask for the same."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from dawg_server import errors
from dawg_server.audiofiles.analyses import Excerpt, Question
from dawg_server.audiofiles.comparison import Candidate
from dawg_server.services import Services


async def candidates(
    services: Services, user_id: str, project_id: str | None, named: Sequence[dict[str, Any]]
) -> list[Candidate]:
    """In the order in which they are named, each once; of one project when that is named.

    Raises `NotFound` with those that do not exist for this user, and `NoAudio` with those that play no recording.
    """
    wanted = list(dict.fromkeys(each["clip_id"] for each in named))
    rows = await services.documents.analyses.clips(wanted)
    roles = {
        project: await services.documents.document.role(project, user_id)
        for project in {row["project_id"] for row in rows.values()}
    }
    rows = {
        clip_id: row
        for clip_id, row in rows.items()
        if roles[row["project_id"]] is not None and project_id in (None, row["project_id"])
    }
    if missing := [clip_id for clip_id in wanted if clip_id not in rows]:
        facts = {"kind": "clip", "found": len(rows), "requested": len(wanted), "missing": missing}
        raise errors.NotFound(f"{len(missing)} of {len(wanted)} clips do not exist.", details=facts)
    if silent := [clip_id for clip_id in wanted if rows[clip_id]["id"] is None]:
        raise errors.NoAudio("Some of these clips play no recording.", details={"clipIds": silent})
    said = {each["clip_id"]: each for each in named}
    return [_candidate(services, rows[clip_id], said[clip_id]) for clip_id in wanted]


def _candidate(services: Services, row: dict[str, Any], said: dict[str, Any]) -> Candidate:
    kind = said.get("suggested_type")
    metadata = functools.partial(
        services.documents.analyses.of_stored, row, Excerpt.of_clip(row), Question(kind or "unknown")
    )
    return Candidate(row["clip_id"], said.get("clip_name") or row["clip_name"], row["clip_duration"], kind, metadata)
