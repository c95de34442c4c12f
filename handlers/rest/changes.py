"""The routes of `handlers.actions` (making, changing and deleting what is in a project) and of looking at it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from dawg_server.daw import entity as registry
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Executed
from dawg_server.daw.entities.track import TRACK
from dawg_server.daw.entity import EntityType, missing
from dawg_server.wire import is_uuid
from handlers import actions
from handlers.action import Action
from handlers.rest import editing
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Handler, Route, Routes
from handlers.schemas import replies
from handlers.schemas.collaboration import Deletion

VERBS = {"POST": "create", "PUT": "change", "PATCH": "patch", "DELETE": "delete"}  # begin operation ids


def routes() -> Routes:
    made = Routes("document")
    for action in actions.every():
        for each in action.paths:
            method, _, path = each.partition(" ")
            made.all.append(_route(action, method, path))
    for kind in registry.contents():
        if kind.within != "parent":
            made.all += _reading(kind)
    return made


@functools.cache
def _route(action: Action, method: str, path: str) -> Route:
    async def handle(call: RestCall) -> Answer:
        given = editing.changes(call)
        project_id, id, on = await _place(call, action, given)
        gesture = call.how.get("gesture")
        executed = await call.services.documents.document.execute(
            project_id,
            [Command(action.command, _parameters(action, id, on, given), checked=True)],
            editing.actor(call),
            group=actions.group_of(project_id, call.caller.user_id, gesture) if gesture else None,
            base_revision=call.how.get("baseRevision"),
            client_operation_id=call.how.get("clientOperationId"),
        )
        return _answer(action, id, executed)

    handler: Handler = handle
    handle.__name__ = action.command if action.name else f"{VERBS[method]}_{action.kind.name}"
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
        status=action.status,
        idempotent=action.repeatable,
        errors=(403, 404, 409),
    )


def _parameters(action: Action, id: str | None, on: Mapping[str, str], given: dict[str, Any]) -> dict[str, Any]:
    """Of the command; `id` names what is there already, and `on` the track that it has to be on."""
    named = {**({action.kind.id: id} if id is not None and action.names_one else {}), **on}
    if action.updates:
        given["changes"] = given.pop(action.updates)
    return {**named, **({"changes": given} if action.under and not action.makes else given)}


def _answer(action: Action, id: str | None, executed: Executed) -> dict[str, Any]:
    result, kind, revision = dict(executed.results[0]), action.kind, executed.revision
    if id is not None and not action.fields:
        parts = {name: result[name] for name in (kind.name, kind.parent) if name in result}
        return editing.deleted(id, str(kind), **parts, revision=revision)
    if action.under and kind.within != "parent":
        return editing.with_alias(kind.name, result.pop(kind.name), **result, revision=revision)
    log = {"operations": executed.operations} if action.travels else {}
    return {"success": True, **result, "revision": revision, **log}


async def _place(call: RestCall, action: Action, given: dict[str, Any]) -> tuple[str, str | None, Mapping[str, str]]:
    """(the project, the id of what is there already, on which track it is); takes out of the fields what only says
    where a new one belongs."""
    queries, kind, path = call.services.documents.queries, action.kind, call.path
    if "project_id" in path:
        return path["project_id"], None, {}
    if action.makes and kind.parent == "project":
        return str(given.pop("projectId")), None, {}
    if "track_id" in path and kind is not TRACK:
        project_id, on = await queries.home(TRACK, path["track_id"]), {"trackId": path["track_id"].lower()}
        id = path.get(f"{kind.name}_id")
        if id is not None and not is_uuid(id):
            raise missing(kind.name, id)
        return project_id, id.lower() if id else None, on
    if action.makes:
        return await queries.home(TRACK, str(given["trackId"])), None, {}
    if (id := path.get(f"{kind.name}_id")) is None:  # several: all of them have to be in the project of the first
        return await queries.home(kind, given[f"{kind.name}Ids"][0]), None, {}
    repeated = (call.caller.user_id, call.how.get("clientOperationId"))
    return await queries.home(kind, id, repeated=repeated), id.lower(), {}


@functools.cache
def _reading(kind: EntityType) -> tuple[Route, ...]:
    async def show(call: RestCall) -> Answer:
        found = await call.services.documents.queries.one(kind, call.path[f"{kind.name}_id"], call.caller.user_id)
        return editing.with_alias(kind.name, found)

    async def of_project(call: RestCall) -> Answer:
        queries, project_id = call.services.documents.queries, call.path["project_id"]
        return _listed(kind, await queries.all(kind, project_id, call.caller.user_id))

    async def on_parent(call: RestCall) -> Answer:
        queries, parent_id = call.services.documents.queries, call.path[f"{kind.parent}_id"]
        return _listed(kind, await queries.on(kind, parent_id, call.caller.user_id))

    show.__name__, of_project.__name__ = f"get_{kind.name}", f"list_{kind.plural}"
    on_parent.__name__ = f"list_{kind.plural}_of_{kind.parent}"
    made, reply, home = Routes(kind.plural), replies.listed(kind), f"/{kind.plural}"
    if kind is not TRACK:  # whose list has pages
        about = f"The {kind.plural} of a project"
        made.get(f"{home}/project/{{project_id}}", about, reply=reply, errors=(404,))(of_project)
    if kind.parent != "project":
        about = f"The {kind.plural} of a {kind.parent}"
        made.get(f"{home}/{kind.parent}/{{{kind.parent}_id}}", about, reply=reply, errors=(404,))(on_parent)
    made.get(f"{home}/{{{kind.name}_id}}", f"One of the {kind.plural}", reply=replies.of(kind), errors=(404,))(show)
    return tuple(made)


def _listed(kind: EntityType, found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"success": True, kind.plural: found, "total": len(found)}
