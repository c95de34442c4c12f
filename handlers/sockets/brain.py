"""Namespace `/ai-brain`."""

from __future__ import annotations

from dawg_server import errors
from handlers.sockets.routing import Ack, Call, Events

events = Events("/ai-brain", "ai-brain")


async def refuse(call: Call) -> Ack:
    raise errors.ProviderUnconfigured("The AI brain", "ANTHROPIC_API_KEY")


for _name in ("message", "function-result", "cancel"):
    events.on(_name, "Answers `provider_unconfigured`")(refuse)
