"""Rooms of conversations on `/`: other windows of the same user see the answers come in."""

from __future__ import annotations

from handlers.relay import conversation_room
from handlers.schemas import brain as schemas
from handlers.sockets.events import Ack, Events, SocketCall

events = Events("/", "main")


@events.on(
    "join:conversation",
    "Hear what is answered in a conversation",
    payload=schemas.ConversationRoom,
    ack=schemas.InConversation,
)
async def join(call: SocketCall) -> Ack:
    """`chat:stream` and `chat:complete` tell it. Its owner alone may."""
    id = await _own(call)
    await call.server.enter_room(call.sid, conversation_room(id), "/")
    return {"conversationId": id}


@events.on(
    "leave:conversation",
    "Hear nothing more of a conversation",
    payload=schemas.ConversationRoom,
    ack=schemas.InConversation,
)
async def leave(call: SocketCall) -> Ack:
    id = await _own(call)
    await call.server.leave_room(call.sid, conversation_room(id), "/")
    return {"conversationId": id}


async def _own(call: SocketCall) -> str:
    """The conversation that the payload names, when it is the caller's."""
    await call.count()
    id: str = call.payload["conversation_id"]
    await call.services.assistants.conversations.get(id, call.caller.user_id)
    return id
