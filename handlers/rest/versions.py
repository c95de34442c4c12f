"""`/projects/…/versions`: states of a project that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.schema import Page
from dawg_server.wire import timestamp
from handlers import serializers
from handlers.rest import editing
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import versions as schemas

PATH = "/projects/{project_id}/versions"

routes = Routes("projects")


@routes.get(PATH, "Kept versions of a project", query=Page, reply=schemas.VersionList, errors=(404,))
async def list_versions(call: RestCall) -> Answer:
    rows, total = await call.services.documents.versions.page(
        call.path["project_id"], call.caller.user_id, **call.query
    )
    return serializers.listed("versions", [_shown(row) for row in rows], total, call.query)


@routes.post(
    PATH,
    "Keep the present state",
    body=schemas.VersionCreate,
    reply=schemas.VersionReply,
    status=201,
    errors=(403, 404),
)
async def make_version(call: RestCall) -> Answer:
    row = await call.services.documents.versions.make(call.path["project_id"], call.caller.user_id, **call.body)
    return editing.with_alias("version", _shown(row))


@routes.post(
    PATH + "/{number}/restore",
    "Bring back a version",
    body=schemas.VersionRestore,
    reply=schemas.restored,
    errors=(403, 404, 409),
)
async def restore_version(call: RestCall) -> Answer:
    """All changes are one step for undo. The state before is kept as a version, too."""
    project_id, user_id = call.path["project_id"], call.caller.user_id
    executed = await call.services.documents.versions.restore(
        project_id,
        user_id,
        call.path["number"],
        client_operation_id=call.body.get("clientOperationId"),
        sid=editing.actor(call).sid,
    )
    told = executed.results[0]
    found = await call.services.documents.document.snapshot(project_id, user_id)
    return editing.with_alias(
        "project",
        serializers.project(found, call.services.platform.links, call.base_url),
        revision=executed.revision,
        restoredNumber=told["number"],
        savedNumber=told["savedNumber"],
        missingAudio=told["missingAudio"],
        groupId=executed.group_id,
    )


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "number": row["number"],
        "name": row["name"],
        "description": row["description"],
        "revision": row["revision"],
        "automatic": row["automatic"],
        "createdBy": row["created_by"],
        "createdAt": timestamp(row["created_at"]),
    }
