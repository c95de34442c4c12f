"""What the routes of projects, tracks and clips share: running one command for the caller, and the forms of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server import errors, ids
from dawg_server.daw.actor import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.editing import Executed
from handlers.rest.routing import Call

HOW = ("baseRevision", "clientOperationId")  # fields of a body that are not the command's own


async def run(call: Call, project_id: str, name: str, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], Executed]:
    """(what the command has to tell, everything about its execution)."""
    executed = await call.services.documents.document.execute(
        project_id,
        [Command(name, parameters)],
        actor(call),
        base_revision=call.body.get("baseRevision"),
        client_operation_id=call.body.get("clientOperationId"),
    )
    return executed.results[0], executed


def actor(call: Call) -> Actor:
    return Actor(call.caller.user_id, "rest")


def changes(call: Call) -> dict[str, Any]:
    """The body without what says how to store it."""
    return {name: value for name, value in call.body.items() if name not in HOW}


def twice(kind: str, thing: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A single object as both published clients read it: at the top level, and under its kind."""
    return {**thing, kind: thing, "success": True, **more}


def deleted(id: str, what: str, **more: Any) -> dict[str, Any]:
    return {"success": True, "deleted": True, "id": id, "message": f"The {what} was deleted.", **more}


def place(found: Mapping[str, str], id: str, kind: str) -> str:
    """The project of a thing; raises `NotFound`."""
    if (project_id := found.get(id.lower())) is None:
        raise not_found(kind)
    return project_id


def usable(id: str) -> list[str]:
    """The id as a list of those to look for: a malformed one is like an unknown one."""
    return [id] if ids.is_uuid(id) else []


def not_found(kind: str) -> errors.NotFound:
    return errors.NotFound(f"There is no such {kind}.", details={"kind": kind})
