"""`/storage`: recordings as the files that published clients see in them. They are those of `/audio`."""

from __future__ import annotations

from typing import Any

from handlers import serializers
from handlers.rest import audio
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import audio as schemas
from handlers.schemas.replies import Deleted

routes = Routes("audio")


@routes.get(
    "/storage/files",
    "Files, newest first",
    aliases=("/storage", "/storage/list"),
    query=schemas.FilesQuery,
    reply=schemas.FileList,
    errors=(404,),
)
async def list_files(call: RestCall) -> Answer:
    """One's own, or those of a project."""
    query = call.query
    rows, total = await call.services.documents.audio.find(
        call.caller.user_id,
        project_id=query["project_id"],
        search=query["search"],
        sort_by=query["sort_by"],
        descending=query["sort_order"] == "desc",
        limit=query["limit"],
        offset=query["offset"],
    )
    shown = [_file(call, row) for row in rows]
    more = query["offset"] + len(shown) < total
    return {"success": True, "files": shown, "total": total, "hasMore": more}


@routes.post(
    "/storage/upload",
    "Upload a file",
    idempotent=True,
    reply=schemas.FileReply,
    multipart=audio.RECORDING,
    errors=(403, 404),
)
async def upload_file(call: RestCall) -> Answer:
    """As `/audio/upload`, with the status and the shape that the file manager waits for."""
    return {"success": True, "file": _file(call, await audio.add(call))}


@routes.get(
    "/storage/download/{audio_id}",
    "A link to a file",
    query=schemas.FileLinkQuery,
    reply=schemas.FileReply,
    errors=(404,),
)
async def download_file(call: RestCall) -> Answer:
    row = await call.services.documents.audio.get(call.path["audio_id"], call.caller.user_id)
    shown = _file(call, row)
    return {"success": True, "url": shown["audioUrl" if call.query["inline"] else "downloadUrl"], "file": shown}


@routes.delete(
    "/storage/files/{audio_id}",
    "Delete a file",
    aliases=("/storage/{audio_id}",),
    reply=Deleted,
    errors=(403, 404, 409),
    beside_words=True,
)
async def delete_file(call: RestCall) -> Answer:
    return await audio.delete_recording(call)


@routes.put(
    "/storage/files/{audio_id}/rename",
    "Rename a file",
    body=schemas.NewName,
    reply=schemas.FileReply,
    errors=(403, 404),
)
async def rename_file(call: RestCall) -> Answer:
    row = await call.services.documents.audio.rename(call.path["audio_id"], call.caller.user_id, call.body["new_name"])
    return {"success": True, "file": _file(call, row)}


@routes.get("/storage/quota", "How much is stored", reply=schemas.StorageQuota)
async def storage_quota(call: RestCall) -> Answer:
    """`usedSpace` in bytes, other formats of the same recordings included. Nothing limits it: those fields are null."""
    files, used = await call.services.documents.audio.used(call.caller.user_id)
    quota = {
        "userId": call.caller.user_id,
        "totalLimit": None,
        "usedSpace": used,
        "availableSpace": None,
        "fileCount": files,
        "quotaExceeded": False,
        "quotaPercentage": 0,
    }
    return {"success": True, "quota": quota}


def _file(call: RestCall, row: dict[str, Any]) -> dict[str, Any]:
    shown = serializers.audio_file(row, call.services.platform.links, call.base_url)
    about = {"userId": row["owner_id"], "fileName": shown["originalName"], "uploadedAt": shown["createdAt"]}
    return {**shown, **about, "isPublic": False}
