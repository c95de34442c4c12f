"""`/projects/…/links` and `/links`: sharing a project with whoever has a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.wire import timestamp
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.rest.state import STATE
from handlers.schemas import share_links as schemas

PATH = "/projects/{project_id}/links"

routes = Routes("projects")


@routes.get(PATH, "Links that share a project", reply=schemas.ShareLinks, errors=(403, 404))
async def list_links(call: RestCall) -> Answer:
    """Those that are good, for the owner. Their secrets are not told again."""
    rows = await call.services.documents.share_links.listed(call.path["project_id"], call.caller.user_id)
    return {"success": True, "links": [_shown(row) for row in rows], "total": len(rows)}


@routes.post(
    PATH,
    "Make a link that shares a project",
    body=schemas.NewShareLink,
    reply=schemas.ShareLinkReply,
    status=201,
    errors=(403, 404, 409, 429),
)
async def make_link(call: RestCall) -> Answer:
    """For the owner. `url` opens the studio, which accepts the link; what comes after its # reaches no server."""
    await _limit(call)
    row, token = await call.services.documents.share_links.make(
        call.path["project_id"], call.caller.user_id, role=call.body["role"], seconds=call.body["expires_in"]
    )
    shown = {**_shown(row), "token": token, "url": f"{call.base_url}/#/share/{token}"}
    return {"success": True, **shown, "link": shown}


@routes.delete(PATH + "/{link_id}", "Revoke a link", reply=schemas.ShareLinkRevoked, errors=(403, 404))
async def revoke_link(call: RestCall) -> Answer:
    """Nobody joins by it any more; members that came by it stay, and can be removed."""
    link_id = call.path["link_id"]
    await call.services.documents.share_links.revoke(call.path["project_id"], call.caller.user_id, link_id)
    return {"success": True, "deleted": True, "id": link_id, "message": "The link was revoked."}


@routes.post("/links/{token}/accept", "Join a project by a link", reply=schemas.ShareLinkAccepted, errors=(404, 429))
async def accept_link(call: RestCall) -> Answer:
    """The caller is a member with the link's role from now on, or with the one they had, if that allows more."""
    await _limit(call)
    accepted = await call.services.documents.share_links.accept(call.path["token"], call.caller.user_id)
    about = {"projectId": accepted.project_id, "name": accepted.name, "role": accepted.role}
    return {"success": True, **about}


async def _limit(call: RestCall) -> None:
    platform = call.services.platform
    call.request[STATE].allowance = await platform.limits.hit(
        "share links", call.caller.user_id, platform.settings.auth_per_minute
    )


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "projectId": row["project_id"],
        "role": row["role"],
        "uses": row["uses"],
        "createdAt": timestamp(row["created_at"]),
        "expiresAt": timestamp(row["expires_at"]),
    }
