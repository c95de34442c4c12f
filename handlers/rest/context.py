"""The outermost layer of every request: its id, its log line, its metrics, its headers, and errors as envelopes."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from dawg_server import errors, logs
from handlers.addresses import Addresses
from handlers.rest import cors, json
from handlers.rest.endpoint import ALLOWANCE
from handlers.rest.routing import ADDRESSES, MAX_JSON, SERVICES

REQUEST_ID = web.RequestKey("request_id", str)
SLOW = 1.0  # seconds; slower requests are logged as info even when routine
SOCKETS = "/socket.io"  # answers preflights itself
ROUTINE = ("/health", "/metrics")  # asked every few seconds by machines
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log: structlog.stdlib.BoundLogger = logs.get("main")
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def request_context(request: web.Request, handler: Next) -> web.StreamResponse:
    request_id = begin(request)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    clock = time.perf_counter()
    reply = await _answer(request, handler)
    if request.app[SERVICES].platform.lifecycle.leaving:
        reply.force_close()  # so that a balancer does not send the next request this way
    _account(request, reply.status, time.perf_counter() - clock)
    return reply


def begin(request: web.BaseRequest) -> str:
    """Gives the request its id."""
    given = request.headers.get("X-Request-Id", "")
    request[REQUEST_ID] = request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
    return request_id


async def add_headers(request: web.Request, reply: web.StreamResponse) -> None:
    """Signal handler: runs before headers are sent, also for errors and for streams."""
    common_headers(request, reply, request.app[ADDRESSES])
    if allowance := request.get(ALLOWANCE):
        reply.headers["X-RateLimit-Limit"] = str(allowance.limit)
        reply.headers["X-RateLimit-Remaining"] = str(allowance.remaining)
        reply.headers["X-RateLimit-Reset"] = str(int(allowance.resets_at))


def common_headers(request: web.BaseRequest, reply: web.StreamResponse, addresses: Addresses) -> None:
    """What every answer carries."""
    reply.headers["X-Request-Id"] = request.get(REQUEST_ID, "")
    reply.headers["X-Content-Type-Options"] = "nosniff"
    reply.headers["Referrer-Policy"] = "no-referrer"
    if "Origin" not in reply.headers.get("Vary", ""):
        reply.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is not None and addresses.accepts_origin(origin, request):
        cors.add_headers(reply, origin)
    if addresses.scheme(request) == "https":
        reply.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"


async def _answer(request: web.Request, handler: Next) -> web.StreamResponse:
    try:
        if cors.is_preflight(request) and not request.path.startswith(SOCKETS):
            return cors.preflight(request.app[ADDRESSES].accepts_origin(request.headers["Origin"], request))
        return await handler(request)
    except errors.DawgError as error:
        return refusal(request, error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return refusal(request, _from_aiohttp(error))
    except web.RequestPayloadError:
        return refusal(request, errors.MalformedRequest())
    except Exception as error:
        if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            return refusal(request, errors.MalformedRequest("The client has gone."))  # nobody reads it
        log.exception("A request broke.", action="request_broke", method=request.method, path=request.path)
        return refusal(request, errors.DawgError())


def refusal(request: web.BaseRequest, error: errors.DawgError) -> web.Response:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    if isinstance(error, errors.MethodNotAllowed) and error.details:
        headers["Allow"] = ", ".join(error.details["allowed"])
    return json.response(error.envelope(request[REQUEST_ID]), error.status, headers)


def _from_aiohttp(error: web.HTTPException) -> errors.DawgError:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return errors.MethodNotAllowed(details={"allowed": sorted(error.allowed_methods)})
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return errors.PayloadTooLarge(details={"limit": MAX_JSON, "unit": "bytes"})
    if error.status == 404:
        return errors.NotFound("There is nothing under this address.", details={"kind": "route"})
    return errors.MalformedRequest(error.reason) if error.status < 500 else errors.DawgError()


def _account(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    template = resource.canonical if resource is not None else "unknown"
    metrics = request.app[SERVICES].platform.metrics
    metrics.requests.labels(request.method, template, status).inc()
    metrics.latency.labels(request.method, template).observe(seconds)
    write = log.debug if request.path.startswith(ROUTINE) and seconds < SLOW else log.info
    write(
        f"{request.method} {request.path} was answered with {status}.",
        action="request",
        service=_service(request.path),
        method=request.method,
        path=request.path,
        status=status,
        duration_ms=round(seconds * 1000, 1),
    )


def _service(path: str) -> logs.Service:
    if "/ai-brain" in path or path.endswith("/chat"):
        return "ai-brain"
    return "voice" if "/voice" in path or "/functions" in path else "main"
