"""Namespace `/ai-brain`: a browser asks, the model answers and works; only the socket that asked hears of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.brain.turn_factory import Asker, ClientContext, UserMessage
from dawg_server.wire import now
from handlers.schemas import brain as schemas
from handlers.schemas.brain_events import SENT
from handlers.sockets.events import Ack, Events, SocketCall
from handlers.sockets.transport.server import Server

MAX_BEHIND = 16 * 1024  # bytes that a browser has not taken yet, before its words come in longer pieces

events = Events("/ai-brain", "ai-brain")
events.sent |= SENT


class SocketSink:
    """Sends the events of a turn to the socket that asked."""

    def __init__(self, server: Server, sid: str) -> None:
        self._server, self._sid = server, sid

    def send(self, event: str, payload: Mapping[str, Any]) -> None:
        told = payload if event == "response-delta" else {**payload, "timestamp": now()}
        self._server.broadcast(event, told, room=self._sid, namespace="/ai-brain")

    def try_send(self, event: str, payload: Mapping[str, Any]) -> bool:
        client = self._server.manager.clients.get(self._sid)
        if client is not None and client.connection.send_queue.size > MAX_BEHIND:
            return False
        return self._server.try_send_volatile(event, payload, sid=self._sid, namespace="/ai-brain", joined=True)


@events.on("message", "Ask", payload=schemas.Ask, ack=schemas.Asked, concurrent=True)
async def ask(call: SocketCall) -> Ack:
    """The ack says that the turn has begun; then come deltas and functions, `usage`, `response-done` or `error`."""
    asked = call.payload
    message = UserMessage(
        Asker(call.caller.user_id, call.base_url, call.sid),
        asked["message"],
        request_id=asked["request_id"],
        conversation_id=asked["conversation_id"],
        project_id=asked["project_id"],
        client=ClientContext(asked["conversation_history"], asked["project_context"]),
    )
    turn = await call.services.assistants.brain.ask(message, SocketSink(call.server, call.sid))
    if call.sid not in call.server.manager.clients:
        turn.stop()
    return turn.context.about


@events.on("function-result", "What a function came to in the browser", payload=schemas.BrowserResult)
def function_result(call: SocketCall) -> Ack:
    """Within 30 s of its `function-call`."""
    answered = call.payload
    call.services.assistants.brain.browser_answered(
        call.caller.user_id, call.sid, answered["call_id"], answered["output"], answered["is_error"]
    )
    return None


@events.on("cancel", "End a turn", payload=schemas.Cancel, ack=schemas.Cancelled)
def cancel(call: SocketCall) -> Ack:
    """What was said and done stays; the turn ends with `response-done` and the reason `cancelled`."""
    return {"cancelled": call.services.assistants.brain.cancel(call.caller.user_id, call.payload["request_id"])}
