"""Analyses, each declared once and mounted as a route and as a socket event: lyrics, and how clips fit together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus import events
from dawg_server import errors
from dawg_server.audiofiles.analyses import Excerpt, Question
from dawg_server.audiofiles.comparison import Candidate, ComparisonRequest
from dawg_server.claude.small import BillingContext
from dawg_server.schema import Body
from dawg_server.services import Services
from handlers.schemas import analysis as analysis_schemas
from handlers.schemas import lyrics as lyrics_schemas


@dataclass(frozen=True, slots=True)
class AnalysisRequester:
    """`sid` is the socket that asks; the others in the room are told that it does."""

    user_id: str
    username: str | None = None
    sid: str | None = None


Perform = Callable[[Services, AnalysisRequester, Mapping[str, Any]], Coroutine[Any, Any, dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """One that is mounted as a route and as a socket event, where the project has to be named and joined as `role`.

    `body` and `payload` are what is taken there and here; `perform` gets its fields and makes the reply.
    """

    name: str
    summary: str
    tag: str
    path: str
    event: str
    body: type[Body]
    payload: type[Body]
    reply: type[Body]
    role: str
    errors: tuple[int, ...]
    about: str
    perform: Perform


async def _analyze_lyrics(services: Services, by: AnalysisRequester, asked: Mapping[str, Any]) -> dict[str, Any]:
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
    checked = await lyrics.validate(asked["lyrics"])
    return {"analysis": found, "validation": {"warnings": [*checked["warnings"], *found["warnings"]]}}


async def _analyze_clips(services: Services, by: AnalysisRequester, asked: Mapping[str, Any]) -> dict[str, Any]:
    project_id, bus = asked["project_id"], services.platform.bus
    named = [{"clip_id": clip_id} for clip_id in asked["clip_ids"]]
    found = await candidates(services, by.user_id, project_id, named)
    if by.sid is None:
        return await compare(services, by.user_id, asked, found)
    who = (project_id, by.user_id, by.username or "")
    await bus.publish(events.ClipsAnalyzing(*who, {"clipIds": asked["clip_ids"]}, by.sid))
    told = {"analysis": await _compared(services, by.user_id, asked, found)}
    await bus.publish(events.ClipsAnalyzed(*who, told, to_user=True))
    return told


LYRICS = Analysis(
    name="analyze_lyrics",
    summary="Analyse lyrics",
    tag="lyrics",
    path="/lyrics/analyze",
    event="lyrics:analyze-request",
    body=lyrics_schemas.AnalyzeLyrics,
    payload=lyrics_schemas.AnalyzeTrackLyrics,
    reply=lyrics_schemas.LyricsAnalysis,
    role="editor",
    errors=(403, 404),
    about="Sections, repetition and advice: computed, and read by a language model where one is configured. `method`"
    " says which of the two it was; why a configured model had no part in it is said in `warnings`. With a track its"
    " project hears the analysis, its labels and its advice, and of an event `lyrics:analyzing` at once.",
    perform=_analyze_lyrics,
)
CLIPS = Analysis(
    name="analyze_clips_by_ids",
    summary="Analyse clips together",
    tag="analysis",
    path="/clips/analyze-by-ids",
    event="clips:analyze-request",
    body=analysis_schemas.ClipIds,
    payload=analysis_schemas.ClipsAnalyzeRequest,
    reply=analysis_schemas.ClipsAnalysis,
    role="viewer",
    errors=(404, 409, 415, 504),
    about="Of an event the room hears `clips:analyzing` at once and `clips:analyzed` when it is known; so does the"
    " sender.",
    perform=_analyze_clips,
)
ALL = (LYRICS, CLIPS)


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
    """The reply to whoever asks over REST, whose own sockets hear it too.

    `asked` says `project_id` and whether to `detect_conflicts` and `suggest_arrangement`.
    """
    analysis = await _compared(services, user_id, asked, clips)
    told = events.ClipsCompared(user_id=user_id, project_id=asked["project_id"], analysis=analysis)
    await services.platform.bus.publish(told)
    return {"analysis": analysis}


async def _compared(
    services: Services, user_id: str, asked: Mapping[str, Any], clips: Sequence[Candidate]
) -> dict[str, Any]:
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
