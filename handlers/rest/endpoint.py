"""What happens around every handler: identity, limits, validation, idempotency, and the answer as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from dawg_server import errors
from dawg_server.identity import Caller
from dawg_server.limits import Allowance
from dawg_server.services import Services
from handlers.rest import idempotency, json
from handlers.rest.routing import SERVICES, Call, Route
from handlers.schemas import base

ALLOWANCE = web.RequestKey("allowance", Allowance)
NOBODY = Caller("", "development")


def endpoint(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        caller = NOBODY if route.public else await let_in(request, services)
        query = base.load(route.query, _query(request)) if route.query else {}
        raw = await json.read_object(request) if route.body else {}
        body = base.load(route.body, raw) if route.body else {}
        call = Call(request, services, caller, request.match_info, query, body, route.status)
        if route.idempotent and (key := request.headers.get("Idempotency-Key")) is not None:
            return await idempotency.once(
                call, key, request.path, {**raw, "?": request.query_string}, lambda: answer(call)
            )
        return await answer(call)

    async def answer(call: Call) -> web.StreamResponse:
        reply = await route.handler(call)
        return reply if isinstance(reply, web.StreamResponse) else json.response(reply, call.status)

    return handle


async def let_in(request: web.Request, services: Services) -> Caller:
    caller = await services.identity.identify(bearer(request), request.headers.get("X-User-Id"))
    structlog.contextvars.bind_contextvars(user_id=caller.user_id)
    request[ALLOWANCE] = await services.limits.hit("requests", caller.user_id, services.settings.requests_per_minute)
    if services.lifecycle.draining:
        raise errors.Draining(retry_after=2.0)
    return caller


def bearer(request: web.Request) -> str | None:
    """The access token that came with the request."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _query(request: web.Request) -> dict[str, str]:
    """The first value of each parameter, as most servers read it."""
    return {name: request.query[name] for name in request.query}
