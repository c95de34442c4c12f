"""What happens around every handler: identity, limits, validation, idempotency, and JSON on the wire."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from aiohttp import web

from dawg_server import errors
from dawg_server import schema as base
from dawg_server.idempotency import IdempotencyKey, Replayed
from dawg_server.identity import Caller, Credentials
from dawg_server.schema.base import checked
from dawg_server.schema.field_errors import FieldError
from dawg_server.services import Services
from dawg_server.wire import TimeSlices, timestamp
from handlers import payloads
from handlers.addresses import ADDRESSES
from handlers.rest import multipart, session_cookie
from handlers.rest.state import STATE
from handlers.schemas import stored

if TYPE_CHECKING:
    from handlers.rest.routes import Route

MAX_JSON = 1024 * 1024  # bytes
JSON = "application/json"
COMPRESS_FROM = 1024  # bytes
ITEMS = 100  # of a list, from which on its JSON is made in parts
LEVELS = 5  # down to which such lists are looked for: project, tracks, track, clips, clip
REPLAY_RETRY_AFTER = 1.0  # seconds, while the first request with the same key still runs
SERVICES = web.AppKey("services", Services)
NOBODY = Caller("", "development")
_KEY = re.compile(r"[\x21-\x7e]{1,128}")

Answer = Mapping[str, Any] | web.StreamResponse
"""A JSON object, which gets the status of the route's declaration, or a response that is ready."""


@dataclass(slots=True)
class RestCall:
    """One request that has been let in: who asks, what for, checked."""

    request: web.Request
    services: Services
    caller: Caller
    path: Mapping[str, str]
    query: dict[str, Any]
    body: dict[str, Any]
    status: int
    files: tuple[multipart.UploadedFile, ...] = ()
    key: IdempotencyKey | None = None  # for what commits with its reply

    @property
    def how(self) -> Mapping[str, Any]:
        """Where `baseRevision` and `clientOperationId` are: in the body, or in the query where there is none."""
        return self.body or self.query

    @property
    def base_url(self) -> str:
        """The address under which the caller reached this server, for absolute links."""
        return self.request.app[ADDRESSES].base_url(self.request)


def handler(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route, for every application that has `SERVICES`."""
    plain = route.body is None and route.multipart is None and not route.idempotent

    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        caller = NOBODY if route.public else await authenticate(request, services)
        query = base.load(route.query, _query(request)) if route.query else {}
        if plain:
            reply = await route.handler(
                RestCall(request, services, caller, request.match_info, query, {}, route.status)
            )
            return await _response(reply, route.status)
        async with _body(route, request, services) as body:
            call = RestCall(request, services, caller, request.match_info, query, body.fields, route.status, body.files)
            if route.idempotent and (given := request.headers.get("Idempotency-Key")) is not None:
                return await once(call, given, body.raw)
            return await answer(call)

    async def once(call: RestCall, given: str, body: Mapping[str, Any]) -> web.StreamResponse:
        """Later requests with that key get the reply to the first one again.

        A request counts as the same when its path, query and body are.
        """
        key = _key(call, given, {**body, "?": call.request.query_string})
        try:
            if route.commits_reply:
                call.key = key
                return await answer(call)
            call.key = replace(key, begun=True)
            return await call.services.platform.first_replies.once(key, lambda: answer(call), _stored)
        except Replayed as first:
            return replay(first.row, key.digest)

    async def answer(call: RestCall) -> web.StreamResponse:
        return await _response(await route.handler(call), call.status)

    return handle


async def authenticate(request: web.Request, services: Services) -> Caller:
    identity = services.platform.identity
    if "Cookie" in request.headers:
        caller = await session_cookie.identify(request, identity)
    else:
        caller = await identity.identify(Credentials.of(request.headers))
    structlog.contextvars.bind_contextvars(user_id=caller.user_id)
    request[STATE].allowance = await services.platform.limits.hit(
        "requests", caller.user_id, services.platform.settings.requests_per_minute
    )
    if services.platform.lifecycle.draining:
        raise errors.Draining(retry_after=2.0)
    return caller


def response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return _of_bytes(dumps(body), status, headers)


def _of_bytes(data: bytes | bytearray, status: int, headers: dict[str, str] | None = None) -> web.Response:
    reply = web.Response(body=data, status=status, headers=headers, content_type=JSON)
    if len(data) >= COMPRESS_FROM:
        reply.enable_compression()
    return reply


def raw_response(data: bytes) -> web.Response:
    """Bytes that are JSON already."""
    reply = web.Response(body=data, content_type=JSON)
    reply.enable_compression()
    return reply


def replay(first: dict[str, Any], digest: bytes) -> web.Response:
    """The reply in the row `first`; raises when another request had that key, or when it still runs."""
    if bytes(first["request_hash"]) != digest:
        raise errors.IdempotencyConflict()
    if first["state"] == "running":
        raise errors.IdempotencyInProgress(retry_after=REPLAY_RETRY_AFTER)
    return web.Response(
        body=orjson.dumps(first["body"]),
        status=first["status"],
        content_type=JSON,
        headers={"Idempotency-Replayed": "true"},
    )


def dumps(body: Any) -> bytes:
    return orjson.dumps(body, default=_default, option=orjson.OPT_PASSTHROUGH_DATETIME)


async def read_body(request: web.Request) -> bytes:
    """The body as it was before its Content-Encoding.

    Raises `MalformedRequest` when it is incomplete or broken, `UnsupportedMediaType` and `PayloadTooLarge`.
    """
    encoding = payloads.encoding(request) if "Content-Encoding" in request.headers else ""
    if (request.content_length or 0) > request.client_max_size:  # it says so before it is sent, and may wait to be
        raise errors.PayloadTooLarge(details={"limit": request.client_max_size, "unit": "bytes"})
    try:
        data = await request.read()
    except (ConnectionError, web.PayloadAccessError, web.RequestPayloadError) as error:
        raise errors.MalformedRequest("The body ends too early.") from error
    return payloads.unpacked(data, encoding, request.client_max_size) if encoding else data


async def read_object(request: web.Request) -> dict[str, Any]:
    """The body as an object; an absent body is an empty one. Raises `MalformedJson`, `UnsupportedMediaType` and what
    `read_body` raises.
    """
    data = await read_body(request)
    if not data.strip():
        return {}
    if request.content_type != JSON and not payloads.is_json(request.content_type):
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
    if len(data) > 2 * payloads.MAX_DEPTH and payloads.is_too_deep(data, body):
        raise errors.MalformedJson(f"The body is nested more than {payloads.MAX_DEPTH} levels deep.")
    return body


async def _response(answer: Answer, status: int) -> web.StreamResponse:
    if isinstance(answer, web.StreamResponse):
        return answer
    if not _is_long(answer):
        return response(answer, status)
    slices, body = TimeSlices(), bytearray()
    for part in _parts(answer, {}):
        body += part  # at one go it would take as long as a hundred small requests
        await slices.pause()
    return _of_bytes(body, status)


def _is_long(value: Any, levels: int = LEVELS) -> bool:
    """Whether a list in it, down to so many levels, has so many items that its JSON is made in parts."""
    if isinstance(value, dict):
        return levels > 0 and any(_is_long(each, levels - 1) for each in value.values() if type(each) in (dict, list))
    if not isinstance(value, list):
        return False
    return len(value) > ITEMS or (levels > 0 and any(_is_long(each, levels - 1) for each in value))


def _parts(value: Any, known: dict[int, list[bytes]], levels: int = LEVELS) -> Iterator[bytes]:
    """The same bytes as `dumps`. `known` are the parts of lists that come again, as a project does under its alias."""
    if isinstance(value, dict) and _is_long(value, levels):
        for number, (name, each) in enumerate(value.items()):
            yield (b"," if number else b"{") + dumps(name) + b":"
            yield from _parts(each, known, levels - 1)
        yield b"}"
    elif isinstance(value, list) and _is_long(value, levels):
        if (parts := known.get(id(value))) is None:
            parts = known[id(value)] = []
            for number, each in enumerate(value):
                parts.append(b"," if number else b"[")
                for part in _parts(each, known, levels - 1):
                    parts.append(part)
                    yield b""  # a place to pause
            parts.append(b"]")
        yield from parts
    else:
        yield dumps(value)


@contextlib.asynccontextmanager
async def _body(route: Route, request: web.Request, services: Services) -> AsyncIterator[multipart.Received]:
    if route.multipart and (route.body is None or request.content_type == multipart.TYPE):
        async with multipart.received(
            request, route.multipart, services.platform.settings, services.platform.work
        ) as received:
            yield received
    else:
        raw = await read_object(request) if route.body else {}
        try:
            fields = checked(route.body, raw) if route.body else {}
        except FieldError as error:
            raise stored.refusal(error) from None
        yield multipart.Received(raw, fields)


def _query(request: web.Request) -> dict[str, str]:
    """The first value of each parameter, as most servers read it."""
    return {name: request.query[name] for name in request.query}


def _key(call: RestCall, given: str, request: dict[str, Any]) -> IdempotencyKey:
    if not _KEY.fullmatch(given):
        raise errors.ValidationError(
            "Idempotency-Key has to be 1 to 128 visible ASCII characters.", details={"Idempotency-Key": "is malformed"}
        )
    path = call.request.path
    digest = hashlib.sha256(path.encode() + b"\n" + orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).digest()
    return IdempotencyKey(call.caller.user_id, given, path, digest)


def _stored(reply: web.StreamResponse) -> tuple[int, Any] | None:
    """(status, body) of a reply that can be repeated; streams and files cannot."""
    if isinstance(reply, web.Response) and isinstance(reply.body, bytes):
        return reply.status, orjson.loads(reply.body)
    return None


def _default(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return timestamp(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
