"""`/projects/…/export` and `/projects/import`: projects as files."""

from __future__ import annotations

import structlog
from aiohttp import web

from dawg_server import errors, filenames, logs
from dawg_server.settings import MEBIBYTE
from handlers import serializers
from handlers.rest import editing
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.multipart import Multipart
from handlers.rest.routes import Routes
from handlers.schemas import projects as schemas
from handlers.schemas.replies import whole_project

TYPE = "application/zip"

routes = Routes("projects")
log: structlog.stdlib.BoundLogger = logs.get("main")


@routes.get(
    "/projects/{project_id}/export", "A project as a file", query=schemas.ArchiveQuery, content_type=TYPE, errors=(404,)
)
async def export_project(call: RestCall) -> Answer:
    """A zip with `project.json` and the recordings, made while it is sent. A connection that breaks off means that it
    could not be finished."""
    export = await call.services.documents.archives.export(
        call.path["project_id"], call.caller.user_id, audio=call.query["audio"]
    )
    reply = web.StreamResponse(
        headers={
            "Content-Type": TYPE,
            "Cache-Control": "no-store",
            "Content-Disposition": filenames.disposition(export.filename, "zip", attachment=True),
        }
    )
    await reply.prepare(call.request)
    if call.request.method != "HEAD":
        try:
            async for piece in export.content:
                await reply.write(piece)
        except errors.DawgError as error:
            # The head is gone already: only a connection that breaks tells the client that this is no archive.
            log.error("An export broke off.", action="export_broke", code=error.code, error=error.message)
            if call.request.transport is not None:
                call.request.transport.abort()
            return reply
    await reply.write_eof()
    return reply


@routes.post(
    "/projects/import",
    "A project from a file",
    status=201,
    idempotent=True,
    reply=whole_project,
    multipart=Multipart(schemas.ImportForm(), ("file",), lambda settings: settings.max_archive_mb * MEBIBYTE),
)
async def import_project(call: RestCall) -> Answer:
    """Everything gets new ids and belongs to the caller. What is not exactly an archive changes nothing."""
    (file,) = call.files
    project_id = await call.services.documents.archives.take_in(file.path, call.caller.user_id)
    found = await call.services.documents.document.snapshot(project_id, call.caller.user_id)
    return editing.with_alias("project", serializers.project(found, call.services.platform.links, call.base_url))
