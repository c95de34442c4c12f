"""Conversations with the assistant, under `/ai-brain` and, as published clients call them, under `/chat`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import orjson

from dawg_server.wire import timestamp
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.schemas import brain as schemas

PATH, ALIASES = "/ai-brain/conversations", ("/chat/conversations",)
ONE, ONE_ALIASES = f"{PATH}/{{conversation_id}}", tuple(f"{each}/{{conversation_id}}" for each in ALIASES)

routes = Routes("ai-brain")


@routes.get(
    PATH,
    "Conversations, those used last first",
    query=schemas.ConversationList,
    reply=schemas.ConversationsReply,
    aliases=ALIASES,
)
async def list_conversations(call: RestCall) -> Answer:
    limit, offset = call.query["limit"], call.query["offset"]
    rows, total = await call.services.assistants.conversations.newest(call.caller.user_id, limit, offset)
    return {
        "success": True,
        "conversations": [_view(row) for row in rows],
        "pagination": {"total": total, "limit": limit, "offset": offset},
    }


@routes.post(
    PATH,
    "Begin a conversation",
    body=schemas.NewConversation,
    reply=schemas.ConversationReply,
    status=201,
    idempotent=True,
    errors=(403, 404),
    aliases=ALIASES,
)
async def create_conversation(call: RestCall) -> Answer:
    row = await call.services.assistants.conversations.create(
        call.caller.user_id, title=call.body["title"], project_id=call.body["project_id"]
    )
    return _reply({**_view(row), "messages": [], "pagination": {"limit": schemas.MESSAGES, "before": None}})


@routes.get(
    ONE,
    "Read a conversation",
    query=schemas.MessageQuery,
    reply=schemas.ConversationReply,
    errors=(404,),
    aliases=ONE_ALIASES,
)
async def read_conversation(call: RestCall) -> Answer:
    """Its newest messages; `pagination.before` of one page is the `before` that asks for the page before it."""
    return await _whole(call)


@routes.change(
    ONE,
    "Rename a conversation",
    body=schemas.Rename,
    reply=schemas.ConversationReply,
    errors=(404,),
    aliases=ONE_ALIASES,
)
async def rename_conversation(call: RestCall) -> Answer:
    await call.services.assistants.conversations.rename(
        call.path["conversation_id"], call.caller.user_id, call.body["title"]
    )
    return await _whole(call)


@routes.delete(ONE, "Delete a conversation", reply=schemas.DeletedReply, errors=(404,), aliases=ONE_ALIASES)
async def delete_conversation(call: RestCall) -> Answer:
    id = call.path["conversation_id"]
    await call.services.assistants.conversations.delete(id, call.caller.user_id)
    return {"success": True, "deleted": True, "id": id, "message": "The conversation was deleted."}


async def _whole(call: RestCall) -> Answer:
    limit, before = call.query.get("limit", schemas.MESSAGES), call.query.get("before")
    row, rows, older = await call.services.assistants.conversations.read(
        call.path["conversation_id"], call.caller.user_id, limit, before
    )
    return _reply({**_view(row), "messages": _messages(rows), "pagination": {"limit": limit, "before": older}})


def _reply(shown: Mapping[str, Any]) -> Answer:
    return {"success": True, **shown, "conversation": shown}


def _view(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "title": row["title"],
        "projectId": row["project_id"],
        "createdAt": timestamp(row["created_at"]),
        "updatedAt": timestamp(row["updated_at"]),
        "messageCount": row.get("message_count", 0),
    }


def _messages(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was said, with each function's result beside its call: the results are in the row that follows."""
    following = [*rows, None][1:]
    results: list[dict[str, Any]] = [
        {block["tool_use_id"]: block for block in row["content"]} if row is not None and row["role"] == "tool" else {}
        for row in following
    ]
    return [
        {
            "id": row["id"],
            "role": row["role"],
            "content": "".join(block["text"] for block in row["content"] if block["type"] == "text"),
            "functionCalls": [_past_call(block, came) for block in row["content"] if block["type"] == "tool_use"],
            "stopReason": row["stop_reason"],
            "usage": row["usage"],
            "origin": row["origin"],
            "createdAt": timestamp(row["created_at"]),
        }
        for row, came in zip(rows, results, strict=True)
        if row["role"] != "tool" and (row["content"] or row["stop_reason"])
    ]


def _past_call(block: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    came: Mapping[str, Any] = results.get(block["id"], {})
    content: Any = came.get("content")
    with contextlib.suppress(orjson.JSONDecodeError, TypeError):
        content = orjson.loads(content)
    return {
        "callId": block["id"],
        "name": block["name"],
        "arguments": block["input"],
        "executed": bool(came) and not came.get("is_error"),
        "result": content,
    }
