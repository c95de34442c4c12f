"""The routes of `handlers.actions`: making, changing and deleting what is in a project."""

from __future__ import annotations

from dawg_server.daw import entities
from dawg_server.daw.entities import PROJECT, TRACK
from dawg_server.daw.entities.base import EntityType
from handlers import actions
from handlers.actions import Action
from handlers.rest import editing
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routing import Handler, Route, Routes
from handlers.schemas import replies
from handlers.schemas.collaboration import Deletion

VERBS = {"POST": "create", "PUT": "change", "PATCH": "patch", "DELETE": "delete"}  # begin operation ids


def routes() -> Routes:
    made = Routes("document")
    for action in actions.every():
        for each in action.paths:
            method, _, path = each.partition(" ")
            made.all.append(_route(action, method, path))
    for kind in entities.declared():
        _reading(made, kind)
    return made


def _route(action: Action, method: str, path: str) -> Route:
    async def handle(call: RestCall) -> Answer:
        fields = editing.changes(call)
        project_id, id = await _place(call, action, fields)
        command = action.command_for(id, fields)
        executed = await actions.perform(call.services, editing.actor(call), project_id, command, call.how)
        result, kind = dict(executed.results[0]), action.kind.name
        if id is not None and not action.fields:
            return editing.deleted(id, kind, revision=executed.revision)
        return editing.with_alias(kind, result.pop(kind), **result, revision=executed.revision)

    handler: Handler = handle
    handle.__name__ = f"{VERBS[method]}_{action.kind.name}"
    handle.__doc__ = action.about
    return Route(
        method,
        path,
        action.summary,
        handler,
        action.kind.plural,
        body=action.body() if action.body else None,
        query=None if action.fields else Deletion(),
        reply=action.reply(),
        status=201 if action.makes else 200,
        idempotent=action.makes,
        errors=(403, 404, 409),
    )


async def _place(call: RestCall, action: Action, fields: dict[str, object]) -> tuple[str, str | None]:
    """(the project, the id in the path); takes out of the fields what only says where a new one belongs."""
    queries = call.services.documents.queries
    if action.makes:
        if "projectId" in action.parent:
            return str(fields.pop("projectId")), None
        return await queries.home(TRACK, str(fields["trackId"])), None
    id = call.path[f"{action.kind.name}_id"]
    if action.kind is PROJECT:
        return id, id
    repeated = (call.caller.user_id, call.how.get("clientOperationId"))
    return await queries.home(action.kind, id, repeated=repeated), id.lower()


def _reading(made: Routes, kind: EntityType) -> None:
    async def show(call: RestCall) -> Answer:
        found = await call.services.documents.queries.one(kind, call.path[f"{kind.name}_id"], call.caller.user_id)
        return editing.with_alias(kind.name, found)

    async def listed(call: RestCall) -> Answer:
        queries, project_id = call.services.documents.queries, call.path["project_id"]
        found = await queries.all(kind, project_id, call.caller.user_id)
        return {"success": True, kind.plural: found, "total": len(found)}

    show.__name__, listed.__name__ = f"get_{kind.name}", f"list_{kind.plural}"
    made.tag = kind.plural
    made.get(f"/{kind.plural}/project/{{project_id}}", f"The {kind.plural} of a project", errors=(404,))(listed)
    made.get(f"/{kind.plural}/{{{kind.name}_id}}", f"One of the {kind.plural}", reply=replies.of(kind), errors=(404,))(
        show
    )
