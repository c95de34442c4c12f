"""`/projects/…/export`, `/projects/import` and `/projects/…/import`: projects as files."""

from __future__ import annotations

import structlog
from aiohttp import web

from dawg_server import errors, filenames, logs
from dawg_server.archives import midi_files
from dawg_server.archives.service import Export
from dawg_server.settings import MEBIBYTE
from handlers import serializers
from handlers.rest import editing
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.multipart import Multipart
from handlers.rest.routes import Routes
from handlers.schemas import projects as schemas

TYPE = "application/zip"

routes = Routes("projects")
log: structlog.stdlib.BoundLogger = logs.get("main")


@routes.get(
    "/projects/{project_id}/export",
    "A project as a file",
    query=schemas.ArchiveQuery,
    content_type=TYPE,
    other_types=(midi_files.TYPE,),
    errors=(404, 413, 414),
)
async def export_project(call: RestCall) -> Answer:
    """A zip with `project.json` and the recordings, made while it is sent: a connection that breaks off means that it
    could not be finished. Or the notes with the tempo map as a MIDI file of format 1."""
    if call.query["format"] == "midi":
        return await _midi(call)
    if call.query["format"] == "dawproject":
        export = await call.services.documents.archives.export_dawproject(call.path["project_id"], call.caller.user_id)
        return await _sent(call, export, "dawproject")
    export = await call.services.documents.archives.export(
        call.path["project_id"],
        call.caller.user_id,
        audio=call.query["audio"],
        notes=call.query["midi"],
        mix=call.query["mix"],
        versions=call.query["versions"],
    )
    return await _sent(call, export, "zip")


async def _sent(call: RestCall, export: Export, extension: str) -> Answer:
    reply = web.StreamResponse(
        headers={
            "Content-Type": TYPE,
            "Cache-Control": "no-store",
            "Content-Disposition": filenames.disposition(
                export.filename.removesuffix(f".{extension}"), extension, attachment=True
            ),
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


async def _midi(call: RestCall) -> Answer:
    clip_ids = [id.strip() for id in call.query["clip_ids"].split(",") if id.strip()] or None
    export = await call.services.documents.midi_files.export(call.path["project_id"], call.caller.user_id, clip_ids)
    disposition = filenames.disposition(export.filename, "mid", attachment=True)
    headers = {"Cache-Control": "no-store", "Content-Disposition": disposition}
    return web.Response(body=export.content, content_type=midi_files.TYPE, headers=headers)


@routes.post(
    "/projects/import",
    "A project from a file",
    status=201,
    idempotent=True,
    reply=schemas.imported_project,
    multipart=Multipart(schemas.ImportForm(), ("file",), lambda settings: settings.max_archive_mb * MEBIBYTE),
)
async def import_project(call: RestCall) -> Answer:
    """An archive, a DAWproject, or a MIDI file of format 0 or 1. Everything gets new ids and belongs to the caller.
    What is none of them changes nothing."""
    (file,) = call.files
    made = await call.services.documents.archives.take_in(file.path, file.name, call.caller.user_id)
    found = await call.services.documents.document.snapshot(made.project_id, call.caller.user_id)
    shown = editing.with_alias("project", serializers.project(found, call.services.platform.links, call.base_url))
    return {**shown, "missingRecordings": list(made.missing), "leftOut": list(made.left_out)}


@routes.post(
    "/projects/{project_id}/import",
    "Notes of a MIDI file into a project",
    status=201,
    idempotent=True,
    reply=schemas.ImportReply,
    multipart=Multipart(schemas.ImportForm(), ("file",), lambda settings: settings.max_archive_mb * MEBIBYTE),
    errors=(403, 404, 409),
)
async def import_into_project(call: RestCall) -> Answer:
    """New tracks with the notes, names, instruments and controllers of the file, as one step. Its tempo map and time
    signatures replace those of a project without clips; else the notes follow the project's own."""
    (file,) = call.files
    executed = await call.services.documents.midi_files.insert(
        call.path["project_id"], file.path, file.name, editing.actor(call)
    )
    ids = [result["track"]["id"] for result in executed.results if "track" in result]
    count = "1 track was" if len(ids) == 1 else f"{len(ids)} tracks were"
    return {
        "success": True,
        "revision": executed.revision,
        "groupId": executed.group_id,
        "trackIds": ids,
        "message": f"{count} added.",
    }
