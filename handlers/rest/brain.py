"""`/ai-brain`: the assistant over HTTP, as JSON or as a stream of events, and the conversations with it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from dawg_server.brain.turn import Turn
from dawg_server.brain.turn_factory import Asker, ClientContext, UserMessage
from handlers.rest import json
from handlers.rest.event_stream import EventStream, hung_up
from handlers.rest.routing import Answer, RestCall, Routes
from handlers.schemas import brain as schemas

ENDS = ("response-done", "error")
CHECK = 0.1  # seconds between two checks whether the client is still there
MAX_WAITING = 16  # events that a reader is behind, before its words come in longer pieces

routes = Routes("ai-brain")


class QueuedEvents:
    """Keeps the events of a turn for an HTTP stream. Without one (`keep` false) they are dropped."""

    def __init__(self, *, keep: bool) -> None:
        self.events: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue()
        self._keep = keep

    def send(self, event: str, payload: Mapping[str, Any]) -> None:
        if self._keep:
            self.events.put_nowait((event, payload))

    def try_send(self, event: str, payload: Mapping[str, Any]) -> bool:
        """False for a reader that is behind: it gets longer pieces."""
        if self.events.qsize() >= MAX_WAITING:
            return False
        self.send(event, payload)
        return True


@routes.post(
    "/ai-brain/chat",
    "Ask the assistant",
    body=schemas.Ask,
    reply=schemas.Answered,
    aliases=("/chat",),
    spoken_errors=True,
    errors=(403, 404, 409, 502, 504),
)
async def chat(call: RestCall) -> Answer:
    """As JSON, or as server-sent events when `Accept` asks for `text/event-stream`; hanging up cancels the turn."""
    body = call.body
    message = UserMessage(
        Asker(call.caller.user_id, call.base_url),
        body["message"],
        request_id=body["request_id"],
        conversation_id=body["conversation_id"],
        project_id=body["project_id"],
        client=await _client(call),
    )
    streamed = EventStream.wanted(call.request)
    sink = QueuedEvents(keep=streamed)
    turn = await call.services.assistants.brain.ask(message, sink)
    if streamed:
        return await _stream(call, turn, sink)
    done = await finished(call, turn)
    pending = _next(turn)
    return {
        "success": True,
        "response": turn.text or (f"Running {pending['name']}." if pending else done["notice"] or ""),
        **done,
        "model": turn.totals["model"],
        "functionCalls": [_shown(each) for each in turn.runner.done],
        "function_call": pending,
        "usage": turn.totals,
        "timestamp": json.now(),
    }


@routes.get(
    "/ai-brain/conversations",
    "Conversations, those used last first",
    query=schemas.ConversationList,
    reply=schemas.ConversationsReply,
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
    "/ai-brain/conversations",
    "Begin a conversation",
    body=schemas.NewConversation,
    reply=schemas.ConversationReply,
    status=201,
    idempotent=True,
    errors=(403, 404),
)
async def create_conversation(call: RestCall) -> Answer:
    row = await call.services.assistants.conversations.create(
        call.caller.user_id, title=call.body["title"], project_id=call.body["project_id"]
    )
    return _reply({**_view(row), "messages": [], "pagination": {"limit": schemas.MESSAGES, "before": None}})


@routes.get(
    "/ai-brain/conversations/{conversation_id}",
    "Read a conversation",
    query=schemas.MessageQuery,
    reply=schemas.ConversationReply,
    errors=(404,),
)
async def read_conversation(call: RestCall) -> Answer:
    """Its newest messages; `pagination.before` of one page is the `before` that asks for the page before it."""
    return await _whole(call)


@routes.patch(
    "/ai-brain/conversations/{conversation_id}",
    "Rename a conversation",
    body=schemas.Rename,
    reply=schemas.ConversationReply,
    errors=(404,),
)
async def rename_conversation(call: RestCall) -> Answer:
    await call.services.assistants.conversations.rename(
        call.path["conversation_id"], call.caller.user_id, call.body["title"]
    )
    return await _whole(call)


@routes.delete(
    "/ai-brain/conversations/{conversation_id}", "Delete a conversation", reply=schemas.DeletedReply, errors=(404,)
)
async def delete_conversation(call: RestCall) -> Answer:
    id = call.path["conversation_id"]
    await call.services.assistants.conversations.delete(id, call.caller.user_id)
    return {"success": True, "deleted": True, "id": id, "message": "The conversation was deleted."}


@routes.get("/ai-brain/functions", "What the assistant can do", reply=schemas.FunctionsReply)
async def list_functions(call: RestCall) -> Answer:
    catalogue = call.services.assistants.toolbox.catalogue
    return {
        "success": True,
        "version": catalogue.version,
        "hash": catalogue.hash,
        "functions": catalogue.tools(),
    }


@routes.post(
    "/ai/daw-command",
    "Do one thing in a project",
    body=schemas.DawCommand,
    reply=schemas.CommandDone,
    errors=(403, 404, 409, 502, 504),
)
async def daw_command(call: RestCall) -> Answer:
    """One sentence is turned into functions of the catalogue and executed, outside of every conversation."""
    message = UserMessage(
        Asker(call.caller.user_id, call.base_url),
        call.body["command"],
        project_id=call.body["project_id"],
        client=ClientContext(browser=call.body["current_state"]),
        stored=False,
    )
    turn = await call.services.assistants.brain.ask(message, QueuedEvents(keep=False))
    done = await finished(call, turn)
    calls = turn.runner.done
    return {
        "success": True,
        "action": calls[0]["name"] if calls else None,
        "message": turn.text or done["notice"] or "",
        "result": next((each["result"] for each in calls if each["executed"]), None),
        "revision": done["revision"],
        "functionCalls": [_shown(each) for each in calls if each["pending"]],
        "usage": turn.totals,
    }


async def _client(call: RestCall) -> ClientContext:
    """A page that names no project, but says what is in its own, holds the document itself."""
    body, caller = call.body, call.caller
    context, holds = body["project_context"], body["project_context"] is not None and body["project_id"] is None
    opened = None
    if holds and caller.origin != "development":  # a name without a proof stands for no browser
        opened = await call.services.documents.presence.only_project(caller.user_id, caller.login)
    return ClientContext(body["conversation_history"], context, holds_document=holds, open_project_id=opened)


async def finished(call: RestCall, turn: Turn) -> Mapping[str, Any]:
    """The payload of `response-done`. Raises what ended the turn; a client that hangs up cancels it."""
    assert turn.task is not None
    try:
        while not turn.task.done():
            if hung_up(call.request):
                turn.stop()
            await asyncio.wait({turn.task}, timeout=CHECK)
    finally:
        turn.stop()
    if turn.error is not None:
        raise turn.error
    assert turn.done is not None
    return turn.done


async def _stream(call: RestCall, turn: Turn, sink: QueuedEvents) -> web.StreamResponse:
    stream = EventStream(call.request)
    try:
        await stream.open()
        last = ""
        while last not in ENDS and not hung_up(call.request):
            await stream.breathe()
            try:
                async with asyncio.timeout(CHECK):
                    last, payload = await sink.events.get()
            except TimeoutError:
                continue
            await stream.send(last, payload if last == "response-delta" else {**payload, "timestamp": json.now()})
        if last in ENDS:
            await stream.close()
    except ConnectionError:
        pass  # the client hung up
    finally:
        turn.stop()
    return stream.reply


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
        "createdAt": _time(row["created_at"]),
        "updatedAt": _time(row["updated_at"]),
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
            "createdAt": _time(row["created_at"]),
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


def _shown(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: call[name] for name in ("callId", "name", "arguments", "executed", "result")}


def _next(turn: Turn) -> dict[str, Any] | None:
    return next(
        ({"name": each["name"], "arguments": each["arguments"]} for each in turn.runner.done if each["pending"]), None
    )


def _time(moment: datetime.datetime) -> str:
    return json.timestamp(moment)
