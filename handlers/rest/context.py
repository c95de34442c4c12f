"""The outermost layer of every request: its id, its log line, its metrics, its headers, and errors as envelopes."""

from __future__ import annotations

import itertools
import logging
import math
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Collection

import structlog
from aiohttp import web

from dawg_server import errors, logs
from dawg_server.limits import Allowance
from dawg_server.metrics import Metrics
from dawg_server.platform import Platform
from handlers.addresses import Addresses
from handlers.rest import cors, json
from handlers.rest.routing import MAX_JSON, STATE, RequestState

SLOW = 1.0  # seconds; slower requests are logged as info even when routine
SOCKETS = "/socket.io"  # answers preflights itself
ROUTINE = ("/health", "/metrics")  # asked every few seconds by machines
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROCESS, _NUMBERS = secrets.token_hex(8), itertools.count(1)
_LEVEL = logging.getLogger(__name__)

log: structlog.stdlib.BoundLogger = logs.get("main")
Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RequestContext:
    """Made once: `around` is what a request meets first, `add_headers` what its answer meets last.

    `spoken`: the paths, as routes have them, whose errors are told as an answer of the assistant too.
    """

    def __init__(self, platform: Platform, addresses: Addresses, spoken: Collection[str] = ()) -> None:
        self.addresses = addresses
        self._platform = platform
        self._spoken = re.compile("|".join(re.sub(r"{\w+}", "[^/]+", path) for path in spoken) or r"\Z.")

    def around(self, handle: Handle) -> Handle:
        """Outside of the application, which would make middlewares cost as much again.

        Each request is handled in a task of its own, whose context variables end with it.
        """
        metrics, lifecycle = self._platform.metrics, self._platform.lifecycle

        async def handle_request(request: web.Request) -> web.StreamResponse:
            clock = time.perf_counter()
            structlog.contextvars.bind_contextvars(request_id=begin(request).id)
            if request.method == "OPTIONS" and cors.is_preflight(request) and not request.path.startswith(SOCKETS):
                return self._preflight(request)
            try:
                self.addresses.require_own_host(request)
            except errors.Forbidden as error:
                return self._outside(request, self.refusal(request, error), "foreign host")
            reply: web.StreamResponse
            try:
                reply = await handle(request)
            except web.HTTPException as error:
                if error.status < 400:
                    raise
                reply = self.refusal(request, _from_aiohttp(error))
            except Exception as error:
                reply = self.refusal(request, _from_exception(request, error))
            if lifecycle.leaving:
                reply.force_close()  # so that a balancer does not send the next request this way
            _account(metrics, request, reply.status, time.perf_counter() - clock)
            return reply

        return handle_request

    async def before_headers(self, request: web.Request, reply: web.StreamResponse) -> None:
        """Signal handler of the application: also for streams, which send their headers before they are answers."""
        self.add_headers(request, reply)

    def add_headers(self, request: web.BaseRequest, reply: web.StreamResponse) -> None:
        """What every answer carries."""
        state, headers = request[STATE], reply.headers
        headers["X-Request-Id"] = state.id
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        if "Vary" not in headers:
            headers["Vary"] = "Origin"
        elif "Origin" not in headers["Vary"]:
            headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin is not None and self.addresses.accepts_origin(origin, request):
            cors.add_headers(reply, origin)
        if self.addresses.scheme(request) == "https":
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if state.cookie is not None:
            headers["Set-Cookie"] = state.cookie
            headers["Cache-Control"] = "no-store"
        if (allowance := state.allowance) is not None:
            if allowance.limit is not None:
                headers["X-RateLimit-Limit"] = f"{allowance.limit:.12g}"
            headers["X-RateLimit-Remaining"] = str(allowance.remaining)
            headers["X-RateLimit-Reset"] = str(math.ceil(allowance.resets_at))

    def refusal(self, request: web.BaseRequest, error: errors.DawgError) -> web.Response:
        headers = {}
        if error.retry_after is not None:
            headers["Retry-After"] = str(max(1, round(error.retry_after)))
        if isinstance(error, errors.MethodNotAllowed) and error.details:
            headers["Allow"] = ", ".join(error.details["allowed"])
        if isinstance(error, errors.RangeNotSatisfiable) and error.details:
            headers["Content-Range"] = f"bytes */{error.details['size']}"
        if isinstance(error, errors.RateLimited):
            request[STATE].allowance = Allowance.used_up(error)
        body = error.envelope(request[STATE].id)
        if self._spoken.fullmatch(request.path):
            # Pages show `response` whatever the status is, and break where it is missing.
            body |= {"response": error.message, "function_call": None}
        return json.response(body, error.status, headers)

    def _preflight(self, request: web.Request) -> web.Response:
        try:
            reply = cors.preflight(self.addresses.accepts_origin(request.headers["Origin"], request))
        except errors.Forbidden as error:
            reply = self.refusal(request, error)
        return self._outside(request, reply, "preflight")

    def _outside(self, request: web.Request, reply: web.Response, kind: str) -> web.Response:
        """An answer that the application has no part in. `kind`: what the metrics show as its address."""
        self.add_headers(request, reply)
        self._platform.metrics.requests.count(request.method, kind, reply.status, 0.0)
        return reply


def begin(request: web.BaseRequest) -> RequestState:
    """Gives the request its id: the one that it came with, or one that no other request has."""
    given = request.headers.get("X-Request-Id")
    if given is None or not _REQUEST_ID.fullmatch(given):
        given = f"{_PROCESS}-{next(_NUMBERS):x}"
    state = request[STATE] = RequestState(given)
    return state


def _from_aiohttp(error: web.HTTPException) -> errors.DawgError:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return errors.MethodNotAllowed(details={"allowed": sorted(error.allowed_methods)})
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return errors.PayloadTooLarge(details={"limit": MAX_JSON, "unit": "bytes"})
    if error.status == 404:
        return errors.NotFound("There is nothing under this address.", details={"kind": "route"})
    return errors.MalformedRequest(error.reason) if error.status < 500 else errors.DawgError()


def _from_exception(request: web.Request, error: Exception) -> errors.DawgError:
    if isinstance(error, errors.DawgError):
        return error
    if isinstance(error, web.RequestPayloadError):
        return errors.MalformedRequest()
    if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
        return errors.HungUp()
    log.error("A request broke.", action="request_broke", method=request.method, path=request.path, exc_info=error)
    return errors.DawgError()


def _account(metrics: Metrics, request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    template = resource.canonical if resource is not None else "unknown"
    metrics.requests.count(request.method, template, status, seconds)
    routine = seconds < SLOW and template.startswith(ROUTINE)
    if routine and not _LEVEL.isEnabledFor(logging.DEBUG):
        return
    path = request.path
    write = log.debug if routine else log.info
    write(
        f"{request.method} {path} was answered with {status}.",
        action="request",
        service=_service(path),
        method=request.method,
        path=path,
        status=status,
        duration_ms=round(seconds * 1000, 1),
    )


def _service(path: str) -> logs.Service:
    if "/ai-brain" in path or path.endswith("/chat"):
        return "ai-brain"
    return "voice" if "/voice" in path or "/functions" in path else "main"


CONTEXT = web.AppKey("context", RequestContext)
