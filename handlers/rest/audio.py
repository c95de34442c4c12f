"""`/audio`: recordings, their bytes and links to them."""

from __future__ import annotations

import datetime
import re
import uuid
from typing import Any
from urllib.parse import quote

from aiohttp import web

from dawg_server import errors
from dawg_server.database import audio_files
from dawg_server.services import Services
from dawg_server.storage.links import LINK_SECONDS
from handlers.rest import json
from handlers.rest.endpoint import let_in
from handlers.rest.routing import Answer, Call, Routes
from handlers.schemas import audio as schemas

CACHE_CONTROL = "private, max-age=3600, immutable"  # a recording never changes under its id
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")

routes = Routes("audio")


@routes.get("/audio/{audio_id}/content", "The bytes of a recording", query=schemas.ContentQuery, public=True,
            content_type="audio/*", errors=(401, 404, 416))  # fmt: skip
async def content(call: Call) -> Answer:
    """For members, and for whoever holds a signed link, so that a plain `<audio>` element can play it."""
    services, audio_id = call.services, call.path["audio_id"]
    if call.query["signature"]:
        if not services.links.valid(audio_id, call.query["expires"], call.query["signature"]):
            raise errors.Unauthorized("This link has expired or was changed. Ask for a new one.")
        row = await audio_files.get(services.database, audio_id) if _is_uuid(audio_id) else None
    else:
        caller = await let_in(call.request, services)
        row = await _visible(services, audio_id, caller.user_id)
    if row is None:
        raise errors.NotFound(details={"kind": "audio"})
    return await _serve(call.request, services, await _in_format(services, row, call.query["format"]))


@routes.get("/audio/{audio_id}/download", "A link to a recording", query=schemas.DownloadQuery,
            reply=schemas.DownloadLink, errors=(404,))  # fmt: skip
async def download(call: Call) -> Answer:
    row = await _visible(call.services, call.path["audio_id"], call.caller.user_id)
    url = call.services.links.sign(row["id"], call.base_url)
    if call.query["redirect"]:
        return web.Response(status=302, headers={"Location": url})
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=LINK_SECONDS)
    return {
        "success": True, "url": url, "downloadUrl": url, "expiresIn": LINK_SECONDS,
        "expiresAt": json.timestamp(expires), "filename": row["original_name"],
    }  # fmt: skip


async def _visible(services: Services, audio_id: str, user_id: str) -> dict[str, Any]:
    row = await audio_files.get_visible(services.database, audio_id, user_id) if _is_uuid(audio_id) else None
    if row is None:
        raise errors.NotFound("There is no such recording.", details={"kind": "audio"})
    return row


async def _in_format(services: Services, row: dict[str, Any], format: str | None) -> dict[str, Any]:
    if format is None or row["filename"].endswith(f".{format}"):
        return row
    rendition = await audio_files.rendition(services.database, row["id"], format)
    if rendition is None:
        raise errors.NotFound(f"There is no {format} of this recording.", details={"kind": "audio"})
    name = row["original_name"].rpartition(".")[0]
    return row | rendition | {"original_name": f"{name}.{format}"}


async def _serve(request: web.Request, services: Services, row: dict[str, Any]) -> web.StreamResponse:
    size, etag = int(row["size_bytes"]), bytes(row["sha256"]).hex()[:32]
    headers = {
        "ETag": f'"{etag}"', "Accept-Ranges": "bytes", "Cache-Control": CACHE_CONTROL, "Content-Type": row["mime_type"],
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(row['original_name'])}",
    }  # fmt: skip
    if any(known.value in (etag, "*") for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    start, end = _range(request, size, etag)
    whole = (start, end) == (0, size)
    if not whole or (
        "Range" in request.headers and _applies(request, etag) and _RANGE.fullmatch(request.headers["Range"])
    ):
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    reply = web.StreamResponse(status=206 if "Content-Range" in headers else 200, headers=headers)
    reply.content_length = end - start
    await reply.prepare(request)
    if request.method != "HEAD":
        async for piece in services.storage.read(row["storage_key"], start, end):
            await reply.write(piece)
    await reply.write_eof()
    return reply


def _range(request: web.Request, size: int, etag: str) -> tuple[int, int]:
    """(first byte, byte after the last). Several ranges, and units other than bytes, are answered with the whole."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or not _applies(request, etag) or match.groups() == ("", ""):
        return 0, size
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


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
