"""Bytes of a recording on the wire: whole, in part, or not again (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from dawg_server import errors, filenames
from dawg_server.storage import Storage

CACHE_CONTROL = "private, max-age=3600, immutable"  # a recording never changes under its id
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def caching(row: Mapping[str, Any], *, weak: bool = False) -> dict[str, str]:
    """Headers of what is told of a recording and never changes. `weak`: the bytes depend on how they are compressed."""
    return {"ETag": f'{"W/" if weak else ""}"{_etag(row)}"', "Cache-Control": CACHE_CONTROL}


def is_known(request: web.Request, row: Mapping[str, Any]) -> bool:
    """Whether the caller has it already."""
    return any(known.value in (_etag(row), "*") for known in request.if_none_match or ())


def _etag(row: Mapping[str, Any]) -> str:
    return bytes(row["sha256"]).hex()[:32]


async def serve(
    request: web.Request, storage: Storage, row: Mapping[str, Any], *, attachment: bool
) -> web.StreamResponse:
    """The answer to GET and HEAD for a row of `audio_files`, with renditions put over it where one was asked for.

    `attachment`: to be saved rather than played.
    """
    extension = row["storage_key"].rpartition(".")[2]
    size, etag = int(row["size_bytes"]), _etag(row)
    headers = {
        **caching(row),
        "Accept-Ranges": "bytes",
        "Content-Type": row["mime_type"],
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Content-Security-Policy": "sandbox",  # whatever a stranger has put into it, it is no page of this origin
        "Content-Disposition": filenames.disposition(row["original_name"], extension, attachment=attachment),
    }
    if is_known(request, row):
        return web.Response(status=304, headers=headers)
    part = _range(request, size, etag)
    start, end = part or (0, size)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    reply = web.StreamResponse(status=206 if part else 200, headers=headers)
    reply.content_length = end - start
    if request.method == "HEAD":
        await reply.prepare(request)
        return reply
    async with contextlib.aclosing(storage.read(row["storage_key"], start, end)) as pieces:  # type: ignore[type-var]
        first = await anext(pieces)  # before the headers, which could not be taken back
        with contextlib.suppress(ConnectionError):  # whoever listened has heard enough
            await reply.prepare(request)
            await reply.write(first)
            async for piece in pieces:
                await reply.write(piece)
            await reply.write_eof()
    return reply


def _range(request: web.Request, size: int, etag: str) -> tuple[int, int] | None:
    """(first byte, byte after the last). Several ranges, and units other than bytes, are answered with the whole."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip()) if request.method == "GET" else None
    if match is None or not _applies(request, etag) or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last[:18])), size
    else:
        start, end = int(first[:18]), min(size, int(last[:18]) + 1 if last else size)
    if start >= size or start >= end:
        raise errors.RangeNotSatisfiable(details={"size": size})
    return start, end


def _applies(request: web.Request, etag: str) -> bool:
    """`If-Range` asks for the range only while the file is still the same."""
    condition = request.headers.get("If-Range")
    return condition is None or condition.strip('"') == etag
