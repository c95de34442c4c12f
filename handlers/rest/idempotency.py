"""`Idempotency-Key`: a request that is repeated is answered with the first reply instead of being done twice."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from dawg_server import errors
from dawg_server.idempotency import IdempotencyKey, Replayed
from handlers.rest.routing import RestCall

RETRY_AFTER = 1.0  # seconds, while the first request still runs
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


def key(call: RestCall, given: str, request: dict[str, Any]) -> IdempotencyKey:
    """Raises `ValidationError` when the header is malformed."""
    if not _KEY.fullmatch(given):
        raise errors.ValidationError(
            "Idempotency-Key has to be 1 to 128 visible ASCII characters.", details={"Idempotency-Key": "is malformed"}
        )
    path = call.request.path
    digest = hashlib.sha256(path.encode() + b"\n" + orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).digest()
    return IdempotencyKey(call.caller.user_id, given, path, digest)


async def once(
    call: RestCall, key: IdempotencyKey, answer: Callable[[], Awaitable[web.StreamResponse]], *, committed: bool
) -> web.StreamResponse:
    """Runs `answer` for the first request with that key; later ones get its reply again (24 h).

    A request counts as the same when its path, query and body are. Replies from 500 on and 429 are not remembered.
    `committed`: the handler claims the key itself, and its reply commits with what it does.
    """
    if committed:
        try:
            return await answer()
        except Replayed as first:
            return replay(first.row, key.digest)
    replies = call.services.platform.first_replies
    row = await replies.begin(key)
    if row is not None:
        return replay(row, key.digest)
    try:
        reply = await answer()
    except errors.DawgError as error:
        if error.status < 500 and error.status != 429:
            await replies.finish(key, error.status, error.envelope())
        else:
            await replies.forget(key)
        raise
    except BaseException:
        await asyncio.shield(replies.forget(key))
        raise
    if isinstance(reply, web.Response) and isinstance(reply.body, bytes):
        await replies.finish(key, reply.status, orjson.loads(reply.body))
    return reply


def replay(first: dict[str, Any], digest: bytes) -> web.Response:
    if bytes(first["request_hash"]) != digest:
        raise errors.IdempotencyConflict()
    if first["state"] == "running":
        raise errors.IdempotencyInProgress(retry_after=RETRY_AFTER)
    return web.Response(
        body=orjson.dumps(first["body"]),
        status=first["status"],
        content_type="application/json",
        headers={"Idempotency-Replayed": "true"},
    )
