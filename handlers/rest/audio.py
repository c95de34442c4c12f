"""`/audio`: recordings, their bytes and links to them."""

from __future__ import annotations

import asyncio
import datetime
import math
from typing import Any

from aiohttp import web

from dawg_server import errors
from dawg_server.audio import waveform
from dawg_server.audiofiles.service import Incoming
from dawg_server.settings import MEBIBYTE
from dawg_server.storage.links import LINK_SECONDS
from dawg_server.wire import timestamp
from handlers import serializers
from handlers.rest import endpoint, ranges
from handlers.rest.endpoint import Answer, RestCall, authenticate
from handlers.rest.multipart import Multipart
from handlers.rest.routes import Routes
from handlers.schemas import audio as schemas
from handlers.schemas.replies import Deleted

RECORDING = Multipart(schemas.UploadForm(), ("audio", "file"), lambda settings: settings.max_upload_mb * MEBIBYTE)

routes = Routes("audio")


@routes.post(
    "/audio/upload",
    "Upload a recording",
    status=201,
    idempotent=True,
    reply=schemas.AudioFileReply,
    multipart=RECORDING,
    errors=(403, 404),
)
async def upload(call: RestCall) -> Answer:
    """wav, aiff, flac, mp3, ogg, m4a, aac and webm, told by their content. Waveform and loudness follow shortly."""
    return _shown(call, await add(call))


async def add(call: RestCall) -> dict[str, Any]:
    """Stores the file of an upload; returns its row."""
    (file,), project_id = call.files, call.body["project_id"]
    if project_id is not None:
        await call.services.documents.access.require(project_id, call.caller.user_id, "editor")
    incoming = Incoming(file.path, call.body["name"] or file.name, file.sha256)
    return await call.services.documents.audio.add(incoming, owner_id=call.caller.user_id, project_id=project_id)


@routes.get(
    "/audio", "Recordings, newest first", query=schemas.RecordingsQuery, reply=schemas.AudioFileList, errors=(404,)
)
async def list_recordings(call: RestCall) -> Answer:
    query = call.query
    rows, total = await call.services.documents.audio.find(
        call.caller.user_id,
        project_id=query["project_id"],
        limit=query["limit"],
        offset=(query["page"] - 1) * query["limit"],
    )
    shown = [serializers.audio_file(row, call.services.platform.links, call.base_url) for row in rows]
    return {**serializers.listed("audioFiles", shown, total, query), "files": shown}


@routes.get("/audio/{audio_id}", "A recording", reply=schemas.AudioFileReply, errors=(404,))
async def get_recording(call: RestCall) -> Answer:
    return _shown(call, await _row(call))


@routes.get(
    "/audio/{audio_id}/waveform",
    "What a player draws",
    query=schemas.WaveformQuery,
    reply=schemas.Waveform,
    errors=(404, 415),
)
async def get_waveform(call: RestCall) -> Answer:
    """True minima and maxima, which never change. A recording that nobody has measured yet is measured now."""
    row = await _row(call)
    headers = ranges.caching(row, weak=True)
    if ranges.is_known(call.request, row):
        return web.Response(status=304, headers=headers)
    rate, query = row["sample_rate"], call.query
    start, end = query["start"] * rate, math.inf if query["end"] is None else query["end"] * rate
    pyramid = await call.services.documents.audio.pyramid(row)
    part = await asyncio.to_thread(waveform.part, pyramid, query["points"], start, end)
    shown = {
        "peaks": part.peaks,
        "length": len(part.peaks),
        "start": part.start / rate,
        "end": part.end / rate,
        "duration": waveform.frames(pyramid) / rate,
        "sampleRate": rate,
    }
    return endpoint.response({"success": True, "waveform": shown, "waveformData": part.peaks}, headers=headers)


@routes.get(
    "/audio/{audio_id}/content",
    "The bytes of a recording",
    query=schemas.ContentQuery,
    public=True,
    content_type="audio/*",
    errors=(401, 404, 416),
)
async def content(call: RestCall) -> Answer:
    """For members, and for whoever holds a signed link, so that a plain `<audio>` element can play it."""
    services, audio_id = call.services, call.path["audio_id"]
    if call.query["signature"]:
        if not services.platform.links.valid(audio_id, call.query["expires"], call.query["signature"]):
            raise errors.Unauthorized("This link has expired or was changed. Ask for a new one.")
        row = await services.documents.audio.get_shared(audio_id)
    else:
        caller = await authenticate(call.request, services)
        row = await services.documents.audio.get(audio_id, caller.user_id)
    row = await services.documents.audio.in_format(row, call.query["format"])
    return await ranges.serve(call.request, services.platform.storage, row, attachment=call.query["attachment"])


@routes.get(
    "/audio/{audio_id}/download",
    "A link to a recording",
    query=schemas.DownloadQuery,
    reply=schemas.DownloadLink,
    errors=(404,),
)
async def download(call: RestCall) -> Answer:
    row = await _row(call)
    links = call.services.platform.links
    to_be_saved = serializers.download_url(row, links, call.base_url)
    if call.query["redirect"]:
        return web.Response(status=302, headers={"Location": to_be_saved})
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=LINK_SECONDS)
    return {
        "success": True,
        "url": serializers.audio_url(row, links, call.base_url),
        "downloadUrl": to_be_saved,
        "expiresIn": LINK_SECONDS,
        "expiresAt": timestamp(expires),
        "filename": row["original_name"],
    }


@routes.delete("/audio/{audio_id}", "Delete a recording", reply=Deleted, errors=(403, 404, 409))
async def delete_recording(call: RestCall) -> Answer:
    """For the owner of the file or of its project, when no clip plays it."""
    audio_id = call.path["audio_id"]
    await call.services.documents.audio.delete(audio_id, call.caller.user_id)
    return {"success": True, "deleted": True, "id": audio_id, "message": "The recording was deleted."}


async def _row(call: RestCall) -> dict[str, Any]:
    return await call.services.documents.audio.get(call.path["audio_id"], call.caller.user_id)


def _shown(call: RestCall, row: dict[str, Any]) -> dict[str, Any]:
    shown = serializers.audio_file(row, call.services.platform.links, call.base_url)
    return {"success": True, **shown, "audioFile": shown}
