"""What the routes about documents share: who changes them, and the forms of answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dawg_server.daw.access import Actor
from handlers import actions
from handlers.rest.endpoint import RestCall

_SOCKET_ID = re.compile(r"[\x21-\x7e]{1,100}")


def actor(call: RestCall) -> Actor:
    """`X-Socket-Id` names the socket of the page that asks, which learns from the reply what it has changed."""
    given = call.request.headers.get("X-Socket-Id", "")
    return Actor(call.caller.user_id, "rest", given if _SOCKET_ID.fullmatch(given) else None)


def changes(call: RestCall) -> dict[str, Any]:
    """The body without what says how to store it."""
    return {name: value for name, value in call.body.items() if name not in actions.HOW}


def with_alias(kind: str, entity: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A single object as both published clients read it: at the top level, and under its kind."""
    return {**entity, kind: entity, "success": True, **more}


def deleted(id: str, what: str, **more: Any) -> dict[str, Any]:
    return {"success": True, "deleted": True, "id": id, "message": f"The {what} was deleted.", **more}
