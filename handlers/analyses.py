"""Analyses that REST and sockets ask for alike: what lyrics are made of, and how clips fit together."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus import events
from dawg_server import errors
from dawg_server.audiofiles.analyses import Excerpt, Question
from dawg_server.audiofiles.comparison import Candidate, ComparisonRequest
from dawg_server.claude.small import BillingContext
from dawg_server.services import Services


@dataclass(frozen=True, slots=True)
class AnalysisRequester:
    """`sid` is the socket that asks; the others in the room are told that it does."""

    user_id: str
    username: str | None = None
    sid: str | None = None


async def analyze_lyrics(services: Services, by: AnalysisRequester, asked: Mapping[str, Any]) -> dict[str, Any]:
    """`asked` is `schemas.lyrics.AnalyzeLyrics`. With a track everybody in its project hears of the analysis."""
    track_id, lyrics = asked["track_id"], services.assistants.lyrics
    project_id = await project_of(services, by.user_id, track_id, asked["project_id"])
    username = by.username or ""
    if track_id is not None and by.username is None:
        username = await services.platform.accounts.name(by.user_id)
    if project_id is not None and track_id is not None and by.sid is not None:
        begun = events.LyricsAnalyzing(project_id, by.user_id, username, {"trackId": track_id}, by.sid)
        await services.platform.bus.publish(begun)
    billed = BillingContext(by.user_id, project_id)
    found = await lyrics.analyze(asked["lyrics"], asked["genre"], asked["suggested_structure"], by=billed)
    if project_id is not None and track_id is not None:
        who = {"user_id": by.user_id, "username": username}
        await lyrics.publish(found, project_id=project_id, track_id=track_id, **who)
    return found


async def project_of(services: Services, user_id: str, track_id: str | None, project_id: str | None) -> str | None:
    """The project that lyrics are of, if that person may edit it (a track) or see it (a project alone)."""
    access = services.documents.access
    if track_id is None:
        if project_id is not None:
            await access.require(project_id, user_id, "viewer")
        return project_id
    found = str((await access.require_track(track_id, user_id, "editor"))["projectId"])
    if project_id not in (None, found):
        raise errors.NotFound("There is no such track.", details={"kind": "track"})
    return found


async def compare(
    services: Services, user_id: str, asked: Mapping[str, Any], clips: Sequence[Candidate]
) -> dict[str, Any]:
    """`asked` says `project_id` and whether to `detect_conflicts` and `suggest_arrangement`."""
    billed = BillingContext(user_id, asked["project_id"])
    request = ComparisonRequest(billed, asked["detect_conflicts"], asked["suggest_arrangement"])
    return await services.documents.comparison.compare(list(clips), request)


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
