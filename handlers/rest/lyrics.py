"""`/lyrics`: what the words of a song are made of, and what could be better."""

from __future__ import annotations

import datetime

from dawg_server.claude.small import BillingContext
from dawg_server.lyrics import estimate
from handlers import analyses
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.event_stream import while_connected
from handlers.rest.routes import Routes
from handlers.schemas import lyrics as schemas

PER_MILLION = 1_000_000
UNITS = ("input_tokens", "output_tokens")

routes = Routes("lyrics")


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
    aliases=("/ai/organize-lyrics",),
    body=schemas.OrganizeLyrics,
    reply=schemas.OrganizedLyrics,
    errors=(403, 404),
)
async def organize(call: RestCall) -> Answer:
    """Each sung line is in a part, or named in `suggestions` as removed; `method` as in an analysis."""
    user_id = call.caller.user_id
    by = BillingContext(user_id, await analyses.project_of(call.services, user_id, None, call.body["project_id"]))
    found = await while_connected(call.request, call.services.assistants.lyrics.organize(call.body["lyrics"], by=by))
    return {"success": True, **found, "originalLyrics": call.body["lyrics"]}
