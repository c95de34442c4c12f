"""Errors as answers: which error it is, and its envelope."""

from __future__ import annotations

import re

import structlog
from aiohttp import http_exceptions, web

from dawg_server import errors, logs
from dawg_server.limits import Allowance
from handlers.rest import endpoint
from handlers.rest.state import STATE

_HEADER = re.compile(rb"^(Origin|Host|X-Forwarded-Proto|X-Forwarded-Host): *([\x21-\x7e]{1,300})\r?$", re.I | re.M)

log: structlog.stdlib.BoundLogger = logs.get("main")


def response(request: web.BaseRequest, error: errors.DawgError, *, spoken: bool = False) -> web.Response:
    """`spoken`: told as an answer of the assistant too."""
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
    if spoken:
        # Pages show `response` whatever the status is, and break where it is missing.
        body |= {"response": error.message, "function_call": None}
    return endpoint.response(body, error.status, headers)


def from_aiohttp(error: web.HTTPException) -> errors.DawgError:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return errors.MethodNotAllowed(details={"allowed": sorted(error.allowed_methods)})
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return errors.PayloadTooLarge(details={"limit": endpoint.MAX_JSON, "unit": "bytes"})
    if error.status == 404:
        return errors.NotFound("There is nothing under this address.", details={"kind": "route"})
    return errors.MalformedRequest(error.reason) if error.status < 500 else errors.DawgError()


def from_exception(request: web.Request, error: Exception) -> errors.DawgError:
    if isinstance(error, errors.DawgError):
        return error
    if isinstance(error, web.RequestPayloadError):
        return errors.MalformedRequest()
    if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
        return errors.HungUp()
    if errors.is_full_disk(error):
        log.error("The disk is full.", action="disk_full", method=request.method, path=request.path)
        return errors.full_disk()
    log.error("A request broke.", action="request_broke", method=request.method, path=request.path, exc_info=error)
    return errors.DawgError()


def unreadable(
    request: web.BaseRequest, head: bytes | bytearray, error: BaseException | None, line_limit: int
) -> tuple[web.BaseRequest, errors.DawgError]:
    """(the request with what its head says of the page that asks, what the parser refuses).

    `line_limit` (bytes) is that of the address, others are of headers.
    """
    said = {name.decode(): value.decode() for name, value in _HEADER.findall(head)}
    return request.clone(headers=said), _unreadable(error, line_limit)


def _unreadable(error: BaseException | None, line_limit: int) -> errors.DawgError:
    if isinstance(error, http_exceptions.LineTooLong):
        limit = error.args[1]
        kind = errors.UriTooLong if limit == line_limit else errors.HeadersTooLarge
        return kind(details={"limit": limit, "unit": "bytes"})
    return errors.MalformedRequest()
