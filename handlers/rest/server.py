"""The HTTP server around the application: what every request meets first and every answer last.

A request's id, log line, metrics and headers, and the answer to what is no request.
"""

from __future__ import annotations

import asyncio
import bisect
import logging
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import structlog
from aiohttp import StreamReader, http_exceptions, web

from dawg_server import errors, logs
from dawg_server.metrics import LATENCY_BUCKETS
from dawg_server.platform import Platform
from handlers.addresses import Addresses
from handlers.rest import cors, refusals
from handlers.rest.state import STATE, RequestState

KEPT = 262_144  # bytes of a request's head: browsers say only behind long headers which page it is that asks
MAX_LINE = 8190  # bytes of the address
MAX_HEADER = 16_384  # bytes of one header
HEAD_SECONDS = 10.0  # from the first byte of a head, or from the connection, to the head's last
BODY_PAUSE = 30.0  # seconds in which nothing of a body comes though it would be read
KEEP_ALIVE = 75.0  # seconds between two requests, longer than balancers keep connections
REFUSED_SECONDS = 2.0  # how long the rest of a head that is refused is awaited
TOO_LARGE = errors.PayloadTooLarge.status
SLOW = 1.0  # seconds; slower requests are logged as info even when routine
SOCKETS = "/socket.io"  # answers preflights itself
ROUTINE = ("/health", "/metrics")  # asked every few seconds by machines
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
        self._requests = RequestCounts()
        platform.metrics.count_requests(self._requests.answered, self._requests.latency)

    def around(self, handle: Handle) -> Handle:
        """Outside of the application, which would make middlewares cost as much again.

        Each request is handled in a task of its own, whose context variables end with it.
        """
        requests, lifecycle = self._requests, self._platform.lifecycle

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
                reply = self.refusal(request, refusals.from_aiohttp(error))
            except Exception as error:
                reply = self.refusal(request, refusals.from_exception(request, error))
            if lifecycle.leaving or reply.status == TOO_LARGE:
                # So that a balancer does not send the next request this way, and that no body is awaited for long.
                reply.force_close()
            _account(requests, request, reply.status, time.perf_counter() - clock)
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
        if state.cookies:
            headers.popall("Set-Cookie", None)
            for cookie in state.cookies.values():
                headers.add("Set-Cookie", cookie)
            headers["Cache-Control"] = "no-store"
        if (allowance := state.allowance) is not None:
            if allowance.limit is not None:
                headers["X-RateLimit-Limit"] = f"{allowance.limit:.12g}"
            headers["X-RateLimit-Remaining"] = str(allowance.remaining)
            headers["X-RateLimit-Reset"] = str(math.ceil(allowance.resets_at))

    def refusal(self, request: web.BaseRequest, error: errors.DawgError) -> web.Response:
        return refusals.response(request, error, spoken=bool(self._spoken.fullmatch(request.path)))

    def _preflight(self, request: web.Request) -> web.Response:
        try:
            reply = cors.preflight(self.addresses.accepts_origin(request.headers["Origin"], request))
        except errors.Forbidden as error:
            reply = self.refusal(request, error)
        return self._outside(request, reply, "preflight")

    def _outside(self, request: web.Request, reply: web.Response, kind: str) -> web.Response:
        """An answer that the application has no part in. `kind`: what the metrics show as its address."""
        self.add_headers(request, reply)
        self._requests.count(request.method, kind, reply.status, 0.0)
        return reply


def begin(request: web.BaseRequest) -> RequestState:
    """Gives the request its id: the one that it came with, or one that no other request has."""
    state = request[STATE] = RequestState(logs.request_id(request.headers.get("X-Request-Id")))
    return state


CONTEXT = web.AppKey("context", RequestContext)


class HttpRunner(web.AppRunner):
    """aiohttp's runner for the application of `handlers.rest.application`, in the context that every request has."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        # Bodies are unpacked where they are read, because the parser takes half of a gzip file for a whole one.
        limits: dict[str, Any] = {"max_line_size": MAX_LINE, "max_field_size": MAX_HEADER, "auto_decompress": False}
        limits["keepalive_timeout"] = KEEP_ALIVE
        context, options = self.app[CONTEXT], self._kwargs | limits
        return _Server(context, made.request_handler, request_factory=made.request_factory, **options)


class _Server(web.Server):
    def __init__(self, context: RequestContext, handle: Any, *, request_factory: Any, **options: Any) -> None:
        around: Any = context.around(handle)  # for requests of the application, which are the only ones here
        super().__init__(around, request_factory=request_factory, **options)
        self._context, self._options = context, options

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._context, loop=self._loop, **self._options)


class RequestParser:
    """aiohttp's parser, and the beginning of the request that came in last: it drops the headers of what it refuses.

    What is refused is so when its head is whole, `KEPT` bytes long or not `awaited` any more.
    """

    def __init__(self, parser: Any, refusing: Callable[[], None], fed: Callable[[], None]) -> None:
        """`refusing` is called once the rest of a refused head is awaited, `fed` after each part of a request."""
        self._parser, self._refusing, self._fed = parser, refusing, fed
        self.last: bytes | bytearray = b""
        self.body: StreamReader | None = None  # of the request that came last
        self.refused: http_exceptions.HttpProcessingError | None = None
        self.awaited = True
        self.in_head = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def feed_data(self, data: bytes) -> Any:
        if not self.in_head:
            self.last = data[:KEPT]
        else:
            self.last = self.last if isinstance(self.last, bytearray) else bytearray(self.last)
            self.last += data[: KEPT - len(self.last)]
        if self.refused is not None:
            return self._refuse(len(data))
        in_body = self.body is not None and not self.body.is_eof()
        try:
            found = messages, _, _ = self._parser.feed_data(data)
        except http_exceptions.HttpProcessingError as error:
            if in_body:
                raise
            self.in_head, self.refused = True, error
            return self._refuse(len(data))
        if messages:
            self.body = messages[-1][1]
            self.in_head = False
        elif data:  # aiohttp feeds nothing when it reads on
            self.in_head = not in_body
        self._fed()
        return found

    def _refuse(self, new: int) -> Any:
        assert self.refused is not None
        whole = self.last.find(b"\r\n\r\n", max(0, len(self.last) - new - 3)) >= 0
        if whole or not self.awaited or len(self.last) >= KEPT:
            raise self.refused
        self._refusing()
        return [], False, b""


class _Connection(web.RequestHandler):
    __slots__ = ("_body_at", "_body_timer", "_context", "_head_timer", "_kept", "_refusal")

    def __init__(self, server: web.Server, context: RequestContext, **options: Any) -> None:
        super().__init__(server, **options)
        self._context = context
        self._kept = RequestParser(self._parser, self._await_head, self._look_after)
        self._parser: Any = self._kept
        self._refusal: asyncio.TimerHandle | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._body_at = 0.0  # when the last part of a body came, by the loop's clock

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._head_timer = self._loop.call_later(HEAD_SECONDS, self.force_close)

    def connection_lost(self, exc: BaseException | None) -> None:
        for timer in (self._refusal, self._head_timer, self._body_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _look_after(self) -> None:
        if self._kept.in_head:
            if self._head_timer is None:
                self._head_timer = self._loop.call_later(HEAD_SECONDS, self.force_close)
        elif self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if (body := self._kept.body) is not None and not body.is_eof():
            self._body_at = self._loop.time()
            if self._body_timer is None:
                self._body_timer = self._loop.call_later(BODY_PAUSE, self._look_after_body)

    def _look_after_body(self) -> None:
        self._body_timer = None
        body = self._kept.body
        if body is None or body.is_eof():
            return
        left = BODY_PAUSE if self._reading_paused else self._body_at + BODY_PAUSE - self._loop.time()
        if left > 0:
            self._body_timer = self._loop.call_later(left, self._look_after_body)
            return
        body.set_exception(web.RequestPayloadError("the body pauses for too long"))
        self.close()

    def eof_received(self) -> None:
        """A client that stops in the middle of a request may still listen: it is answered, and the connection closed.

        Not when its head is all right so far, since that is what a client does that wants nothing more.
        """
        if self._kept.refused is not None:
            self._refuse()
            return True  # type: ignore[return-value] # asyncio then leaves the connection open for writing
        if (body := self._kept.body) is None or body.is_eof():
            return super().eof_received()
        body.set_exception(web.RequestPayloadError("the body ends too early"))
        self.close()
        return True  # type: ignore[return-value]

    def _await_head(self) -> None:
        if self._refusal is None:
            self._refusal = self._loop.call_later(REFUSED_SECONDS, self._refuse)

    def _refuse(self) -> None:
        self._kept.awaited = False
        if self.transport is not None:
            self.data_received(b"")

    def log_exception(self, *arguments: Any, **options: Any) -> None:
        """What is left of a broken body is read on after the answer, and breaks again."""
        if not isinstance(options.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*arguments, **options)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that could not be read (`status` 400), or whose answer could not be made."""
        if status == 400:
            request, error = refusals.unreadable(request, self._kept.last, exc, MAX_LINE)
            log.info(
                "A request could not be read.",
                action="request_malformed",
                client=self._context.addresses.client(request),
                code=error.code,
                error=type(exc).__name__,
            )
        else:
            error = errors.DawgError()
            log.error("An answer could not be made.", action="request_broke", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of another answer has been sent already")
        begin(request)
        reply = self._context.refusal(request, error)
        self._context.add_headers(request, reply)
        reply.force_close()
        return reply


def _account(requests: RequestCounts, request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    template = resource.canonical if resource is not None else "unknown"
    requests.count(request.method, template, status, seconds)
    routine = seconds < SLOW and template.startswith(ROUTINE)
    if routine and not _LEVEL.isEnabledFor(logging.DEBUG):
        return
    path = request.path
    write = log.debug if routine else log.info
    write(
        f"{request.method} {path} was answered with {status}.",
        action="request",
        service=logs.service_of(path),
        method=request.method,
        path=path,
        status=status,
        duration_ms=round(seconds * 1000, 1),
    )


class RequestCounts:
    """HTTP requests by method, route and status, and how long they took, as `dawg_server.metrics` shows them.

    Counted on the event loop alone, so without the locks and checks of the library's own counters.
    """

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, str, int]] = Counter()
        # Per bucket, the last one without a bound; then the sum.
        self.latency: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * (len(LATENCY_BUCKETS) + 2))

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is a template, so that there are only as many of these as there are routes."""
        self.answered[method, route, status] += 1
        latency = self.latency[method, route]
        latency[bisect.bisect_left(LATENCY_BUCKETS, seconds)] += 1
        latency[-1] += seconds
