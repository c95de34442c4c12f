"""What tracks sound like, and how clips fit together: measured, never guessed."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Sequence
from typing import Any

from dawg_server import errors
from dawg_server.audio.analysis import artists
from dawg_server.audio.formats import SUPPORTED
from dawg_server.audiofiles import comparison
from dawg_server.audiofiles.analyses import Question
from dawg_server.audiofiles.comparison import Candidate
from dawg_server.schema import camel
from dawg_server.settings import MEBIBYTE
from handlers import analyses
from handlers.analyses import Analysis, AnalysisRequester
from handlers.rest import editing
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.event_stream import while_connected
from handlers.rest.multipart import Multipart, UploadedFile
from handlers.rest.routes import Routes
from handlers.schemas import analysis as schemas

routes = Routes("analysis")


@routes.post(
    "/tracks/{track_id}/analyze",
    "Analyse a track",
    body=schemas.AnalyzeRequest,
    reply=schemas.TrackMetadataReply,
    errors=(403, 404, 409, 415, 504),
)
async def analyze_track(call: RestCall) -> Answer:
    """The longest of its clips, or the named one. Values that a person has set stay."""
    track = await _track(call, "editor")
    metadata, source = await _analyze(call, track, call.body["clip_id"])
    reply = {"success": True, "metadata": metadata, "measuredFrom": source, "message": "The track was analysed."}
    if call.body["artist_reference"]:
        reply |= artists.detect_style(metadata, call.body["artist_reference"])
    return reply


@routes.get(
    "/tracks/{track_id}/metadata",
    "What is known about a track's sound",
    reply=schemas.TrackMetadataReply,
    errors=(404,),
)
async def get_metadata(call: RestCall) -> Answer:
    return {"success": True, "metadata": (await _track(call, "viewer"))["metadata"]}


@routes.put(
    "/tracks/{track_id}/metadata",
    "Say what is known about a track's sound",
    body=schemas.TrackCharacteristics,
    reply=schemas.TrackMetadataReply,
    errors=(403, 404),
)
async def put_metadata(call: RestCall) -> Answer:
    track = await _track(call, "editor")
    values, by = _camel(call.body), editing.actor(call)
    metadata = await call.services.documents.track_metadata.set(track["projectId"], track["id"], by, values)
    return {"success": True, "metadata": metadata, "message": "The values were stored."}


@routes.post(
    "/tracks/{track_id}/detect-style",
    "Whose style a track resembles",
    body=schemas.StyleRequest,
    reply=schemas.StyleReply,
    errors=(403, 404, 409, 415, 504),
)
async def detect_style(call: RestCall) -> Answer:
    """Judged by what was measured of this track, which is measured first if it was not before."""
    track = await _track(call, "editor")
    metadata = track["metadata"]
    if not metadata or not metadata.get("analyzedAt"):
        metadata, _ = await _analyze(call, track, None)
    found = artists.detect_style(metadata, call.body["artist_reference"])
    style = found["detectedStyle"]
    message = f"This track is close to {style.replace('-', ' ')}." if style else "This track is close to nobody known."
    return {"success": True, **found, "message": message}


@routes.post(
    "/clips/analyze-multiple",
    "Analyse clips together",
    body=schemas.ClipsToCompare,
    reply=schemas.ClipsAnalysis,
    multipart=Multipart(
        schemas.ClipsForm(),
        ("audio", "file"),
        lambda settings: settings.max_upload_mb * MEBIBYTE,
        most=comparison.MAX_CLIPS,
    ),
    errors=(404, 409, 504),
)
async def analyze_clips(call: RestCall) -> Answer:
    """Clips of projects, or up to ten uploaded files, which are not kept.

    `suggestArrangement` is paid for: without ANTHROPIC_API_KEY, or over the budget, the request is refused.
    """
    if call.files:
        if call.body["project_id"]:
            await call.services.documents.access.require(call.body["project_id"], call.caller.user_id, "viewer")
        return await _compare(call, await _uploaded(call, call.files))
    named = call.body["clips"] or [{"clip_id": clip_id} for clip_id in call.body["clip_ids"]]
    found = await analyses.candidates(call.services, call.caller.user_id, call.body["project_id"], named)
    return await _compare(call, found)


def _declare(each: Analysis) -> None:
    async def analyze(call: RestCall) -> Answer:
        work = each.perform(call.services, AnalysisRequester(call.caller.user_id), call.body)
        return {"success": True, **await while_connected(call.request, work)}

    analyze.__name__, analyze.__doc__ = each.name, each.about
    routes.post(each.path, each.summary, tag=each.tag, body=each.body, reply=each.reply, errors=each.errors)(analyze)


for declared in analyses.ALL:
    _declare(declared)


@routes.get(
    "/clips/analysis-cost-estimate",
    "What analysing clips would cost",
    query=schemas.EstimateQuery,
    reply=schemas.Estimate,
)
async def estimate_cost(call: RestCall) -> Answer:
    count, arranged = call.query["clip_count"], call.query["include_arrangement"]
    return {
        "success": True,
        "estimate": {"clipCount": count, "includeArrangement": arranged, **_estimate(call, count, arranged)},
    }


@routes.get("/clips/features", "What can be asked about clips", reply=schemas.Features)
async def list_features(call: RestCall) -> Answer:
    configured = bool(call.services.platform.settings.anthropic_key)
    asked = "" if configured else ", which needs ANTHROPIC_API_KEY on this server"
    known = (
        ("tempo and key", "Tempo, metre, key and swing of each clip.", 0, False),
        ("voice and timbre", "Whether a clip is a voice, and how it sounds.", 0, False),
        ("relationships", "How well every two clips fit together, with the reasons.", 0, False),
        ("conflicts", "Where tempo, key, energy or style of two clips clash, and what helps.", 0, True),
        (
            "arrangement",
            f"An order of sections, by a language model{asked}; the cost is that of two clips.",
            _estimate(call, 2, True)["estimatedCost"],
            True,
        ),
    )
    analyses_shown = [
        {
            "name": name,
            "description": description,
            "cost": cost,
            "optional": optional,
            "available": configured or not cost,
        }
        for name, description, cost, optional in known
    ]
    return {
        "success": True,
        "features": {
            "maxClips": comparison.MAX_CLIPS,
            "analyses": analyses_shown,
            "supportedFormats": [*SUPPORTED],
            "recommendations": [
                "Clips of four seconds or more have a tempo and a key that can be trusted.",
                "Say which clips are voices: then they are described as such.",
                "The same clip is analysed once; asking again costs no time.",
            ],
        },
    }


async def _track(call: RestCall, role: str) -> dict[str, Any]:
    track_id = call.path["track_id"].lower()
    return await call.services.documents.access.require_track(track_id, call.caller.user_id, role)


async def _analyze(call: RestCall, track: dict[str, Any], clip_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    said = call.body
    question = Question(said.get("track_type", "unknown"), said.get("suggested_genre"), said.get("suggested_mood"))
    work = call.services.documents.track_metadata.analyze(
        track["projectId"], track["id"], editing.actor(call), question, clip_id
    )
    return await while_connected(call.request, work)


async def _uploaded(call: RestCall, files: Sequence[UploadedFile]) -> list[Candidate]:
    said = call.body["clips"]
    if len(said) > len(files):
        raise errors.ValidationError(
            "clips names more clips than there are files.", details={"clips": "has to have one entry for each file"}
        )
    infos = await asyncio.gather(*(call.services.documents.audio.probe(file.path) for file in files))
    found = []
    for number, (file, info) in enumerate(zip(files, infos, strict=True)):
        about = said[number] if number < len(said) else {}
        kind = about.get("suggested_type")
        metadata = functools.partial(
            call.services.documents.analyses.of_file, file.path, file.sha256, Question(kind or "unknown")
        )
        name = about.get("clip_name") or file.name
        found.append(Candidate(about.get("clip_id") or str(uuid.uuid4()), name, info.duration, kind, metadata))
    return found


async def _compare(call: RestCall, candidates: list[Candidate]) -> Answer:
    work = analyses.compare(call.services, call.caller.user_id, call.body, candidates)
    return {"success": True, **await while_connected(call.request, work)}


def _estimate(call: RestCall, count: int, arranged: bool) -> dict[str, Any]:
    into, out = comparison.tokens(count, arranged)
    if not arranged:
        return {"estimatedCost": 0, "inputTokens": 0, "outputTokens": 0, "breakdown": comparison.LOCAL}
    costs, model = call.services.platform.costs, call.services.platform.settings.anthropic_small_model
    asking = float(costs.estimate("anthropic", model, {"input_tokens": into}))
    answering = float(costs.estimate("anthropic", model, {"output_tokens": out}))
    total = round(asking + answering, 6)
    return {
        "estimatedCost": total,
        "inputTokens": into,
        "outputTokens": out,
        "breakdown": f"Input: {into} tokens (${asking:.6f}), output: {out} tokens (${answering:.6f}), "
        f"total: ${total:.6f}",
    }


def _camel(fields: dict[str, Any]) -> dict[str, Any]:
    return {camel(name): _camel(value) if isinstance(value, dict) else value for name, value in fields.items()}
