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
from dawg_server.database import idempotency_keys
from handlers.rest.routing import Call

RETRY_AFTER = 1.0  # seconds, while the first request still runs
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


async def once(
    call: Call, key: str, path: str, request: dict[str, Any], answer: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Runs `answer` for the first request with that key; later ones get its reply again (24 h).

    A request counts as the same when its path, query and body are. Replies from 500 on and 429 are not remembered.
    """
    if not _KEY.fullmatch(key):
        raise errors.ValidationError(
            "Idempotency-Key has to be 1 to 128 visible ASCII characters.", details={"Idempotency-Key": "is malformed"}
        )
    database, user_id = call.services.platform.database, call.caller.user_id
    digest = hashlib.sha256(path.encode() + b"\n" + orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).digest()
    first = await idempotency_keys.begin(database, user_id, key, path, digest)
    if first is not None:
        return _replay(first, digest)
    try:
        reply = await answer()
    except errors.DawgError as error:
        if error.status < 500 and error.status != 429:
            await idempotency_keys.finish(database, user_id, key, error.status, error.envelope())
        else:
            await idempotency_keys.forget(database, user_id, key)
        raise
    except BaseException:
        await asyncio.shield(idempotency_keys.forget(database, user_id, key))
        raise
    if isinstance(reply, web.Response) and isinstance(reply.body, bytes):
        await idempotency_keys.finish(database, user_id, key, reply.status, orjson.loads(reply.body))
    return reply


def _replay(first: dict[str, Any], digest: bytes) -> web.Response:
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
