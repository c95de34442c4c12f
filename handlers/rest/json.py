"""JSON on the wire."""

from __future__ import annotations

import datetime
from typing import Any

import orjson
from aiohttp import web

from dawg_server import errors
from dawg_server.timestamps import now as now
from dawg_server.timestamps import timestamp as timestamp
from handlers import compression, nesting

COMPRESS_FROM = 1024  # bytes
JSON_TYPES = ("application/json", "text/json")


def response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    data = dumps(body)
    reply = web.Response(body=data, status=status, headers=headers, content_type="application/json")
    if len(data) >= COMPRESS_FROM:
        reply.enable_compression()
    return reply


def raw_response(data: bytes) -> web.Response:
    """Bytes that are JSON already."""
    reply = web.Response(body=data, content_type="application/json")
    reply.enable_compression()
    return reply


def dumps(body: Any) -> bytes:
    return orjson.dumps(body, default=_default, option=orjson.OPT_PASSTHROUGH_DATETIME)


def is_json(content_type: str) -> bool:
    return content_type in JSON_TYPES or content_type.endswith("+json")


async def read_body(request: web.Request) -> bytes:
    """The body as it was before its Content-Encoding.

    Raises `MalformedRequest` when it is incomplete or broken, `UnsupportedMediaType` and `PayloadTooLarge`.
    """
    encoding = compression.encoding(request)
    try:
        data = await request.read()
    except (ConnectionError, web.PayloadAccessError, web.RequestPayloadError) as error:
        raise errors.MalformedRequest("The body ends too early.") from error
    return compression.unpacked(data, encoding, request.client_max_size)


async def read_object(request: web.Request) -> dict[str, Any]:
    """The body as an object; an absent body is an empty one. Raises `MalformedJson`, `UnsupportedMediaType` and what
    `read_body` raises.
    """
    data = await read_body(request)
    if not data.strip():
        return {}
    if not is_json(request.content_type):
        raise errors.UnsupportedMediaType(
            f"Send JSON (Content-Type: application/json), not {request.content_type}.",
            details={"supported": ["application/json"]},
        )
    try:
        body = orjson.loads(data)
    except (orjson.JSONDecodeError, RecursionError):
        raise errors.MalformedJson("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise errors.MalformedJson()
    if nesting.is_too_deep(data, body):
        raise errors.MalformedJson(f"The body is nested more than {nesting.MAX_DEPTH} levels deep.")
    return body


def _default(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return timestamp(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
