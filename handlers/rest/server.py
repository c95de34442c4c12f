"""The HTTP server around the application: the context of every request, and the refusal of what is no request."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import StreamReader, http_exceptions, web

from dawg_server import errors, logs
from handlers.rest.context import CONTEXT, RequestContext, begin

MAX_LINE = 8190  # bytes of the address
MAX_HEADER = 16_384  # bytes of one header
KEPT = 32_768  # bytes
_HEADER = re.compile(rb"^(Origin|Host|X-Forwarded-Proto|X-Forwarded-Host): *([\x21-\x7e]{1,300})\r?$", re.I | re.M)

log = logs.get("main")


class HttpRunner(web.AppRunner):
    """aiohttp's runner for the application of `handlers.rest.application`, in the context that every request has."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        # Bodies are unpacked where they are read, because the parser takes half of a gzip file for a whole one.
        limits = {"max_line_size": MAX_LINE, "max_field_size": MAX_HEADER, "auto_decompress": False}
        return _Server(
            self.app[CONTEXT],
            made.request_handler,
            request_factory=made.request_factory,
            **self._kwargs | limits,
        )


class _Server(web.Server):
    def __init__(self, context: RequestContext, handle: Any, *, request_factory: Any, **options: Any) -> None:
        around: Any = context.around(handle)  # for requests of the application, which are the only ones here
        super().__init__(around, request_factory=request_factory, **options)
        self._context, self._options = context, options

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._context, loop=self._loop, **self._options)


class _Connection(web.RequestHandler):
    """Keeps the beginning of the request that came in last, because the parser drops the headers of what it refuses."""

    __slots__ = ("_body", "_context", "_head", "_last")

    def __init__(self, server: web.Server, context: RequestContext, **options: Any) -> None:
        super().__init__(server, **options)
        self._context = context
        self._last = b""
        self._head = b""  # what has come of a request whose headers are not complete
        self._body: StreamReader | None = None  # of the request that came last

    def data_received(self, data: bytes) -> None:
        self._last = (self._head + data)[:KEPT] if self._head else data[:KEPT]
        in_body = self._body is not None and not self._body.is_eof()
        super().data_received(data)
        self._head = b"" if in_body or self._messages else self._last
        if self._messages:
            self._body = self._messages[-1][1]

    def eof_received(self) -> None:
        """A client that stops in the middle of a body may still listen: it is answered, and the connection closed."""
        if self._body is None or self._body.is_eof():
            return super().eof_received()
        self._body.set_exception(web.RequestPayloadError("the body ends too early"))
        self.close()
        return True  # type: ignore[return-value] # asyncio then leaves the connection open for writing

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
            found = {name.decode(): value.decode() for name, value in _HEADER.findall(self._last)}
            request = request.clone(headers=found)
            error = _refusal_of(exc)
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


def _refusal_of(exc: BaseException | None) -> errors.DawgError:
    if isinstance(exc, http_exceptions.LineTooLong):
        limit = exc.args[1]
        kind = errors.UriTooLong if limit == MAX_LINE else errors.HeadersTooLarge
        return kind(details={"limit": limit, "unit": "bytes"})
    return errors.MalformedRequest()
