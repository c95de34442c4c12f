"""`/projects/…/collaborators`: sharing a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.wire import timestamp
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import collaborators as schemas

PATH = "/projects/{project_id}/collaborators"
ONE = PATH + "/{collaborator_id}"

routes = Routes("projects")


@routes.get(PATH, "Who works on a project", reply=schemas.Collaborators, errors=(404,))
async def list_collaborators(call: RestCall) -> Answer:
    rows = await call.services.documents.sharing.members(call.path["project_id"], call.caller.user_id)
    return {"success": True, "collaborators": [_shown(row) for row in rows], "total": len(rows)}


@routes.post(
    PATH,
    "Share a project",
    body=schemas.Invitation,
    reply=schemas.InvitationReply,
    status=201,
    errors=(403, 404, 409),
)
async def add_collaborator(call: RestCall) -> Answer:
    """A place that waits. `invitation.url`, told this once, is for whom it is meant: whoever opens it, or accepts its
    `token` at `/links/{token}/accept`, takes the place, once, within seven days; until then it can be removed."""
    row, link, token = await call.services.documents.share_links.invite(
        call.path["project_id"], call.caller.user_id, **call.body
    )
    url = f"{call.base_url}/#/share/{token}"
    return _reply(row) | {"invitation": {"token": token, "url": url, "expiresAt": timestamp(link["expires_at"])}}


@routes.change(
    ONE, "Change what a member may do", body=schemas.RoleChange, reply=schemas.CollaboratorReply, errors=(403, 404, 409)
)
async def change_collaborator(call: RestCall) -> Answer:
    row = await call.services.documents.sharing.change(
        call.path["project_id"], call.caller.user_id, call.path["collaborator_id"], **call.body
    )
    return _reply(row)


@routes.delete(ONE, "End a membership or an invitation", reply=schemas.CollaboratorRemoved, errors=(403, 404, 409))
async def remove_collaborator(call: RestCall) -> Answer:
    """Owners remove others, members remove themselves. Sockets of the removed leave the project's room at once."""
    row = await call.services.documents.sharing.remove(
        call.path["project_id"], call.caller.user_id, call.path["collaborator_id"]
    )
    return _reply(row) | {"deleted": True, "message": "The collaborator was removed."}


def _reply(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = _shown(row)
    return {"success": True, **shown, "collaborator": shown}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "projectId": row["project_id"],
        "userId": row["user_id"],
        "email": row["email"],
        "role": row["role"],
        "invitedAt": timestamp(row["invited_at"]),
        "acceptedAt": timestamp(row["accepted_at"]) if row["accepted_at"] else None,
    }
