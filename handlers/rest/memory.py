"""`/ai/memory`: what the assistants remember about the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server import errors
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import brain as brain_schemas
from handlers.schemas import memory as schemas

routes = Routes("ai")


@routes.post(
    "/ai/memory", "Remember something", body=schemas.NewMemory, reply=schemas.MemoryReply, status=201, errors=(404,)
)
async def remember(call: RestCall) -> Answer:
    return _reply(await call.services.assistants.memory.keep(call.caller.user_id, _values(call)))


@routes.get(
    "/ai/memory/{id}",
    "What is remembered about the caller",
    query=schemas.MemoryQuery,
    reply=schemas.MemoriesReply,
    errors=(404,),
)
async def browse(call: RestCall) -> Answer:
    """The id is the caller's own, or `me`. Reading counts as a use."""
    _only_mine(call, call.path["id"])
    rows, total, session = await call.services.assistants.memory.browse(call.caller.user_id, **call.query)
    return {"success": True, "memories": [_view(row) for row in rows], "total": total, "sessionCount": session}


@routes.change(
    "/ai/memory/{id}", "Correct a memory", body=schemas.MemoryChange, reply=schemas.MemoryReply, errors=(404,)
)
async def change(call: RestCall) -> Answer:
    return _reply(await call.services.assistants.memory.change(call.path["id"], call.caller.user_id, _values(call)))


@routes.delete("/ai/memory/{id}", "Forget a memory", reply=brain_schemas.DeletedReply, errors=(404,))
async def forget(call: RestCall) -> Answer:
    await call.services.assistants.memory.forget(call.path["id"], call.caller.user_id)
    return {"success": True, "deleted": True, "id": call.path["id"], "message": "The memory was deleted."}


def _values(call: RestCall) -> dict[str, Any]:
    values = dict(call.body)
    if (claimed := values.pop("user_id", None)) is not None:
        _only_mine(call, claimed)
    return values


def _only_mine(call: RestCall, user_id: str) -> None:
    if user_id not in ("me", call.caller.user_id):
        raise errors.NotFound("There is no such user.", details={"kind": "user"})


def _view(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "type": row["type"],
        "category": row["category"],
        "content": row["content"],
        "metadata": row["metadata"],
        "importance": row["importance"],
        "accessCount": row["access_count"],
        "lastAccessed": row["last_accessed"],
        "expiresAt": row["expires_at"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }


def _reply(row: Mapping[str, Any]) -> Answer:
    shown = _view(row)
    return {"success": True, **shown, "memory": shown}
