"""`/projects`: the documents that people work on, and their log; what changes them is in `changes`."""

from __future__ import annotations

from dawg_server.daw.document import Document
from dawg_server.daw.entities.track import TRACK
from handlers import serializers
from handlers.rest import editing
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import projects as schemas
from handlers.schemas import replies

routes = Routes("projects")


@routes.get("/projects", "Own and shared projects", query=schemas.ProjectsQuery, reply=schemas.ProjectList)
async def list_projects(call: RestCall) -> Answer:
    query = call.query
    found, total = await call.services.documents.queries.projects(
        call.caller.user_id,
        search=query["search"],
        sort_by=query["sort_by"],
        sort_order=query["sort_order"],
        page=query["page"],
        limit=query["limit"],
    )
    return serializers.listed("projects", found, total, query)


@routes.post(
    "/projects",
    "Make a project",
    body=schemas.ProjectCreate,
    reply=replies.NewProjectReply,
    status=201,
    idempotent=True,
)
async def create_project(call: RestCall) -> Answer:
    made = await _document(call).create(call.caller.user_id, call.body)
    return editing.with_alias("project", made | {"role": "owner"})


@routes.get("/projects/{project_id}", "A project with everything in it", reply=replies.whole_project, errors=(404,))
async def get_project(call: RestCall) -> Answer:
    """`tracks` (with `clips` and `sends`), `audioFiles`, `collaborators`, and the caller's `role`, of one moment."""
    found = await _document(call).snapshot(call.path["project_id"], call.caller.user_id)
    return editing.with_alias("project", serializers.project(found, call.services.platform.links, call.base_url))


@routes.delete("/projects/{project_id}", "Delete a project", reply=replies.Deleted, errors=(403, 404))
async def delete_project(call: RestCall) -> Answer:
    """With everything in it. Its waiting and running jobs are cancelled; recordings stay with their owners."""
    project_id = call.path["project_id"]
    await call.services.documents.access.require(project_id, call.caller.user_id, "owner")
    await call.services.jobs.generation.cancel_project(project_id)
    await _document(call).delete(project_id, call.caller.user_id)
    return editing.deleted(project_id, "project")


@routes.get(
    "/projects/{project_id}/operations",
    "What was changed",
    query=schemas.OperationsQuery,
    reply=schemas.Operations,
    errors=(404,),
)
async def list_operations(call: RestCall) -> Answer:
    since = call.query["since"]
    found, revision = await call.services.documents.queries.log(
        call.path["project_id"], call.caller.user_id, since=since, limit=call.query["limit"]
    )
    complete = (found[-1]["revision"] if found else since) >= revision
    return {"success": True, "operations": found, "revision": revision, "complete": complete}


@routes.get(
    "/tracks/project/{project_id}",
    "The tracks of a project",
    query=schemas.TracksQuery,
    reply=schemas.TrackList,
    errors=(404,),
)
async def list_tracks(call: RestCall) -> Answer:
    query = call.query
    found, total = await call.services.documents.queries.page(
        TRACK, call.path["project_id"], call.caller.user_id, page=query["page"], limit=query["limit"]
    )
    return serializers.listed("tracks", found, total, query)


def _document(call: RestCall) -> Document:
    return call.services.documents.document
