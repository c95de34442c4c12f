"""Namespace `/voice`."""

from __future__ import annotations

from dawg_server import errors
from handlers.sockets.routing import Ack, Call, Events

events = Events("/voice", "voice")


async def refuse(call: Call) -> Ack:
    raise errors.ProviderUnconfigured("The realtime voice", "OPENAI_API_KEY")


for _name in (
    "start-realtime", "send-audio", "audio-data", "function-result", "change-voice", "playback-position", "interrupt",
    "commit-audio", "stop-realtime",
):  # fmt: skip
    events.on(_name, "Answers `provider_unconfigured`")(refuse)
