"""`/lyrics`: what the words of a song are made of, and what could be better."""

from __future__ import annotations

import datetime

from dawg_server import errors
from dawg_server.claude.billing import BillingContext
from dawg_server.lyrics import estimate
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.event_stream import while_connected
from handlers.rest.routing import Routes
from handlers.schemas import lyrics as schemas

PER_MILLION = 1_000_000
UNITS = ("input_tokens", "output_tokens")

routes = Routes("lyrics")


@routes.post(
    "/lyrics/analyze", "Analyse lyrics", body=schemas.AnalyzeLyrics, reply=schemas.LyricsAnalysis, errors=(403, 404)
)
async def analyze(call: RestCall) -> Answer:
    """Sections, repetition and advice: computed, and read by a language model where one is configured.

    `method` says which of the two it was; why a configured model had no part in it is said in `warnings`.
    """
    body = call.body
    project_id = await _project_of(call, body["track_id"], body["project_id"])
    found = await while_connected(
        call.request,
        call.services.assistants.lyrics.analyze(
            body["lyrics"],
            body["genre"],
            body["suggested_structure"],
            by=BillingContext(call.caller.user_id, project_id),
        ),
    )
    checked = await call.services.assistants.lyrics.validate(body["lyrics"])
    if project_id is not None and body["track_id"] is not None:
        await call.services.assistants.lyrics.publish(
            found,
            project_id=project_id,
            track_id=body["track_id"],
            user_id=call.caller.user_id,
            username=await call.services.platform.accounts.name(call.caller.user_id),
        )
    return {"success": True, "analysis": found, "validation": {"warnings": [*checked["warnings"], *found["warnings"]]}}


@routes.post(
    "/lyrics/recommendations",
    "What would make the lyrics better",
    body=schemas.Recommend,
    reply=schemas.Recommendations,
)
async def recommend(call: RestCall) -> Answer:
    """For a form alone or with its words; `method` as in an analysis."""
    body = call.body
    return {
        "success": True,
        **await while_connected(
            call.request,
            call.services.assistants.lyrics.recommend(
                body["structure"], body["genre"], body["lyrics"], by=BillingContext(call.caller.user_id)
            ),
        ),
    }


@routes.get(
    "/lyrics/cost-estimate", "What a model's analysis would cost", query=schemas.CostQuery, reply=schemas.CostEstimate
)
async def cost_estimate(call: RestCall) -> Answer:
    now = datetime.datetime.now(datetime.UTC)
    model, prices = call.services.platform.settings.anthropic_small_model, call.services.platform.costs.prices
    rates = [float(prices.rate("anthropic", model, unit, now) or 0) * PER_MILLION for unit in UNITS]
    length, advice = call.query["lyrics_length"], call.query["include_genre_advice"]
    return {"success": True, "estimate": estimate.estimate_cost(length, advice, estimate.TokenPrices(*rates))}


@routes.post(
    "/lyrics/validate",
    "Check lyrics for what is often a mistake",
    body=schemas.LyricsOnly,
    reply=schemas.LyricsValidation,
)
async def validate(call: RestCall) -> Answer:
    return {"success": True, "validation": await call.services.assistants.lyrics.validate(call.body["lyrics"])}


@routes.post(
    "/lyrics/organize",
    "Sort lyrics into verses, chorus and bridge",
    body=schemas.OrganizeLyrics,
    reply=schemas.OrganizedLyrics,
    errors=(403, 404),
)
async def organize(call: RestCall) -> Answer:
    """Each sung line is in a part, or named in `suggestions` as removed; `method` as in an analysis."""
    by = BillingContext(call.caller.user_id, await _project_of(call, None, call.body["project_id"]))
    found = await while_connected(call.request, call.services.assistants.lyrics.organize(call.body["lyrics"], by=by))
    return {"success": True, **found, "originalLyrics": call.body["lyrics"]}


@routes.post(
    "/ai/organize-lyrics",
    "Sort lyrics into verses, chorus and bridge",
    body=schemas.OrganizeLyrics,
    reply=schemas.OrganizedLyrics,
    errors=(403, 404),
)
async def organize_by_its_older_name(call: RestCall) -> Answer:
    return await organize(call)


async def _project_of(call: RestCall, track_id: str | None, project_id: str | None) -> str | None:
    """The project concerned, if the caller may edit it (a track) or see it (a project alone)."""
    access, user_id = call.services.documents.access, call.caller.user_id
    if track_id is None:
        if project_id is not None:
            await access.require(project_id, user_id, "viewer")
        return project_id
    found = str((await access.require_track(track_id, user_id, "editor"))["projectId"])
    if project_id not in (None, found):
        raise errors.NotFound("There is no such track.", details={"kind": "track"})
    return found
