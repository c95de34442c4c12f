"""`/ai-brain` and `/chat`: the assistant over HTTP, as JSON or as a stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from dawg_server import errors
from dawg_server.brain.turn import Turn
from dawg_server.brain.turn_factory import Again, Asker, ClientContext, UserMessage
from dawg_server.wire import now
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.event_stream import EventStream, hung_up
from handlers.rest.routes import Routes
from handlers.schemas import brain as schemas

ENDS = ("response-done", "error")
CHECK = 0.1  # seconds between two checks whether the client is still there
MAX_WAITING = 16  # events that a reader is behind, before its words come in longer pieces
MAX_BEHIND = 1000  # events that a reader is behind, before it counts as gone

routes = Routes("ai-brain")


class QueuedEvents:
    """Keeps the events of a turn for an HTTP stream over `transport`, which is cut when its reader is too far behind.

    Without one they are dropped.
    """

    def __init__(self, transport: asyncio.WriteTransport | None = None) -> None:
        self.events: asyncio.Queue[tuple[str, Mapping[str, Any]]] = asyncio.Queue(MAX_BEHIND)
        self._transport = transport

    def send(self, event: str, payload: Mapping[str, Any]) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        try:
            self.events.put_nowait((event, payload))
        except asyncio.QueueFull:
            self._transport.abort()

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
    return await _answer(call, await _question(call))


@routes.post(
    "/chat/message",
    "Say something in a conversation",
    body=schemas.Ask,
    reply=schemas.Answered,
    spoken_errors=True,
    errors=(403, 404, 409, 502, 504),
)
async def say(call: RestCall) -> Answer:
    """As a question to the assistant; all sockets of the caller get `chat:stream` meanwhile, and `chat:complete`."""
    return await _answer(call, replace(await _question(call), aloud=True))


@routes.post(
    "/chat/conversations/{conversation_id}/regenerate",
    "Have the newest answer made anew",
    body=schemas.Regenerate,
    reply=schemas.Answered,
    spoken_errors=True,
    errors=(403, 404, 409, 502, 504),
)
async def regenerate(call: RestCall) -> Answer:
    """The last question is asked again, and the new answer takes the place of the old one, which stays when the new one
    fails, is cancelled or has no words. What either has changed in a project stays; undo takes it back."""
    message = UserMessage(
        Asker(call.caller.user_id, call.base_url),
        "",
        request_id=call.body["request_id"],
        conversation_id=call.path["conversation_id"],
        project_id=call.body["project_id"],
        client=await _client(call),
        aloud=True,
        again=Again(call.body["message_id"]),
    )
    return await _answer(call, message)


async def _question(call: RestCall) -> UserMessage:
    body = call.body
    return UserMessage(
        Asker(call.caller.user_id, call.base_url),
        body["message"],
        request_id=body["request_id"],
        conversation_id=body["conversation_id"],
        project_id=body["project_id"],
        client=await _client(call),
    )


async def _answer(call: RestCall, message: UserMessage) -> Answer:
    streamed = EventStream.wanted(call.request)
    sink = QueuedEvents(call.request.transport if streamed else None)
    turn = await call.services.assistants.brain.ask(message, sink)
    if streamed:
        return await _stream(call, turn, sink)
    done = await finished(call, turn)
    pending = _next(turn)
    return {
        "success": True,
        "response": (said := turn.text or (f"Running {pending['name']}." if pending else done["notice"] or "")),
        "content": said,
        **done,
        "messageId": done["message"]["id"],
        "model": turn.totals["model"],
        "functionCalls": [_shown(each) for each in turn.runner.done],
        "function_call": pending,
        "usage": turn.totals,
        "timestamp": now(),
    }


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
    turn = await call.services.assistants.brain.ask(message, QueuedEvents())
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
    return ClientContext(body.get("conversation_history", ()), context, holds_document=holds, open_project_id=opened)


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
    if turn.done is None:
        raise turn.error or errors.DawgError()
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
            await stream.send(last, payload if last == "response-delta" else {**payload, "timestamp": now()})
        if last in ENDS:
            await stream.close()
    except ConnectionError:
        pass  # the client hung up
    finally:
        turn.stop()
    return stream.reply


def _shown(call: Mapping[str, Any]) -> dict[str, Any]:
    return {name: call[name] for name in ("callId", "name", "arguments", "executed", "result")}


def _next(turn: Turn) -> dict[str, Any] | None:
    return next(
        ({"name": each["name"], "arguments": each["arguments"]} for each in turn.runner.done if each["pending"]), None
    )
