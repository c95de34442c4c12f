"""`/voice`: secrets for calls between browser and service, and the catalogue of functions."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from dawg_server.daw.functions.catalogue import Part
from dawg_server.voice.prompt import SessionRequest
from dawg_server.wire import now, timestamp
from handlers.rest import endpoint
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import voice as schemas

routes = Routes("voice")


@routes.post(
    "/voice/session",
    "A secret for a call of the browser's own",
    body=schemas.SecretRequest,
    reply=schemas.SecretReply,
    errors=(403, 404, 502, 504),
)
async def create_secret(call: RestCall) -> Answer:
    """The browser then talks with the service directly, which this server can neither hear nor end.

    So the secret is a session of the user until the last call that it begins must have ended (`expiresIn` and 60
    minutes), counts with 60 minutes of talk for each hour in which it begins calls, and is booked with the most that
    they can cost: some 8 USD an hour, which is more than USER_DAILY_LIMIT_USD grants unless it is raised. 429
    `session_limit` and `budget_exceeded` as for `start-realtime`.
    """
    voice, seconds = call.body["voice"], call.body["expires_in"]
    project_id = call.body["project_id"]
    request = SessionRequest(call.caller.user_id, voice, "semantic", project_id, None, {}, call.base_url)
    secret = await call.services.assistants.voice.mint(request, seconds)
    expires_at = timestamp(secret.expires_at)
    body = {
        "success": True,
        "clientSecret": {"value": secret.value, "expiresAt": expires_at},
        "model": call.services.platform.settings.openai_realtime_model,
        "voice": voice,
        "expiresAt": expires_at,
    }
    return endpoint.response(body, headers={"Cache-Control": "no-store"})


def _functions(name: str) -> dict[str, Any]:
    """Where a route of the catalogue is, and its alias."""
    return {"path": f"/voice/functions/{name}", "aliases": (f"/functions/{name}",)}


@routes.get(**_functions("metadata"), summary="Which catalogue is current", reply=schemas.CatalogueMetadata)
async def catalogue_metadata(call: RestCall) -> Answer:
    return call.services.assistants.voice.published.metadata()


@routes.get(**_functions("voice"), summary="The functions of the voice")
async def voice_functions(call: RestCall) -> Answer:
    """A list of `{type: "function", name, description, parameters}`."""
    return _published(call, "voice")


@routes.get(**_functions("daw"), summary="The functions of the text assistant")
async def daw_functions(call: RestCall) -> Answer:
    """A list of `{name, description, parameters}`."""
    return _published(call, "daw")


@routes.get(**_functions("all"), summary="Both lists", reply=schemas.FunctionCatalogue)
async def all_functions(call: RestCall) -> Answer:
    return _published(call, "all")


@routes.post(
    **_functions("validate"),
    summary="Whether a kept catalogue is current",
    body=schemas.CatalogueClaim,
    reply=schemas.CatalogueVerdict,
)
async def validate_catalogue(call: RestCall) -> Answer:
    published = call.services.assistants.voice.published
    if published.is_current(call.body["version"], call.body["hash"]):
        return {"valid": True}
    return {"valid": False, "metadata": published.metadata()}


@routes.get(**_functions("stats"), summary="How often the catalogue was fetched", reply=schemas.CatalogueStats)
async def catalogue_stats(call: RestCall) -> Answer:
    return call.services.assistants.voice.published.stats()


@routes.get(**_functions("health"), summary="That the catalogue is served", reply=schemas.CatalogueHealth, public=True)
async def catalogue_health(call: RestCall) -> Answer:
    catalogue = call.services.assistants.voice.published.catalogue
    return {
        "status": "healthy",
        "service": "function-cache",
        "version": catalogue.version,
        "functionCount": len(catalogue.all),
        "timestamp": now(),
    }


def _published(call: RestCall, part: Part) -> web.Response:
    published = call.services.assistants.voice.published
    headers = {"ETag": published.etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    asked = call.request.if_none_match or ()
    if any(tag.value in (published.catalogue.hash, "*") for tag in asked):
        published.unchanged(part)
        return web.Response(status=304, headers=headers)
    packed = "gzip" in call.request.headers.get("Accept-Encoding", "").lower()
    if packed:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=published.fetch(part, packed=packed), headers=headers, content_type="application/json")
