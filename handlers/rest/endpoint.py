"""What happens around every handler: identity, limits, validation, idempotency, and the answer as JSON."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from aiohttp import web

from dawg_server import errors
from dawg_server import schema as base
from dawg_server.identity import Caller
from dawg_server.services import Services
from handlers.rest import idempotency, json, multipart, session_cookie
from handlers.rest.routing import STATE, Answer, RestCall, Route

NOBODY = Caller("", "development")


def endpoint(route: Route, services: Services) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route."""
    plain = route.body is None and route.multipart is None and not route.idempotent

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = NOBODY if route.public else await authenticate(request, services)
        query = base.load(route.query, _query(request)) if route.query else {}
        if plain:
            reply = await route.handler(
                RestCall(request, services, caller, request.match_info, query, {}, route.status)
            )
            return json.response(reply, route.status) if type(reply) is dict else _response(reply, route.status)
        async with _body(route, request, services) as body:
            call = RestCall(request, services, caller, request.match_info, query, body.fields, route.status, body.files)
            if route.idempotent and (key := request.headers.get("Idempotency-Key")) is not None:
                claimed = idempotency.key(call, key, {**body.raw, "?": request.query_string})
                call.key = claimed if route.commits_reply else None
                return await idempotency.once(call, claimed, lambda: answer(call), committed=route.commits_reply)
            return await answer(call)

    async def answer(call: RestCall) -> web.StreamResponse:
        return _response(await route.handler(call), call.status)

    return handle


def _response(answer: Answer, status: int) -> web.StreamResponse:
    return answer if isinstance(answer, web.StreamResponse) else json.response(answer, status)


@contextlib.asynccontextmanager
async def _body(route: Route, request: web.Request, services: Services) -> AsyncIterator[multipart.Received]:
    if route.multipart and (route.body is None or request.content_type == multipart.TYPE):
        async with multipart.received(
            request, route.multipart, services.platform.settings, services.platform.work
        ) as received:
            yield received
    else:
        raw = await json.read_object(request) if route.body else {}
        yield multipart.Received(raw, base.load(route.body, raw) if route.body else {})


async def authenticate(request: web.Request, services: Services) -> Caller:
    caller = await session_cookie.identify(request, services.platform.identity)
    structlog.contextvars.bind_contextvars(user_id=caller.user_id)
    request[STATE].allowance = await services.platform.limits.hit(
        "requests", caller.user_id, services.platform.settings.requests_per_minute
    )
    if services.platform.lifecycle.draining:
        raise errors.Draining(retry_after=2.0)
    return caller


def _query(request: web.Request) -> dict[str, str]:
    """The first value of each parameter, as most servers read it."""
    return {name: request.query[name] for name in request.query}
