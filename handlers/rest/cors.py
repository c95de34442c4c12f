"""Cross-origin calls of browsers (the Fetch standard, section 3.2), for every address, also where nothing is.

Headers are added where answers are sent (`handlers.rest.server`), so that errors have them as well.
"""

from __future__ import annotations

from aiohttp import hdrs, web

from dawg_server import errors

MAX_AGE = 3600  # seconds
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS = (
    "Content-Type",
    "Authorization",
    "X-User-Id",
    "X-CSRF-Token",
    "X-Request-Id",
    "X-Socket-Id",
    "Idempotency-Key",
    "Range",
    "Accept",
    "Last-Event-ID",
    # what tracing (W3C, Sentry), older libraries and caches of browsers add to calls of a page
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
    "X-Requested-With",
    "Cache-Control",
    "If-None-Match",
)
EXPOSED_HEADERS = (
    "X-Request-Id",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Idempotency-Replayed",
    "Content-Range",
    "Accept-Ranges",
    "Content-Disposition",
)
_EXPOSED = ",".join(EXPOSED_HEADERS)
_PREFLIGHT = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: ",".join(METHODS),
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ",".join(REQUEST_HEADERS),
    hdrs.ACCESS_CONTROL_MAX_AGE: str(MAX_AGE),
}


def is_preflight(request: web.BaseRequest) -> bool:
    return (
        request.method == "OPTIONS"
        and hdrs.ORIGIN in request.headers
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )


def preflight(allowed: bool) -> web.Response:
    """The answer, `allowed` or not. Raises `Forbidden`."""
    if not allowed:
        raise errors.Forbidden("Pages of this origin may not call this server: add it to CORS_ORIGINS.")
    return web.Response(headers=_PREFLIGHT)


def add_headers(reply: web.StreamResponse, origin: str) -> None:
    """For a page that may read the reply."""
    reply.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
    reply.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
    reply.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED
