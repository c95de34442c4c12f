"""A stand-in for the Anthropic Messages API on loopback, true to API version 2026-10-21 as the SDK speaks it.

async with anthropic.AnthropicSimulator() as claude:
    claude.script([anthropic.turn(anthropic.text("Hel", "lo")), anthropic.rate_limited(retry_after=7)])
    client = AsyncAnthropic(api_key="any", base_url=claude.base_url, max_retries=0)
"""

from tests.simulators.anthropic.replies import (
    CUT,
    GARBAGE,
    HANG,
    PING,
    Block,
    ErrorReply,
    Fail,
    Pause,
    ReportedUsage,
    ScriptedMessage,
    broken,
    forbidden,
    form,
    overloaded,
    rate_limited,
    text,
    thinking,
    tool_use,
    turn,
    unauthorized,
)
from tests.simulators.anthropic.server import AnthropicSimulator, ReceivedRequest

__all__ = [
    "CUT",
    "GARBAGE",
    "HANG",
    "PING",
    "AnthropicSimulator",
    "Block",
    "ErrorReply",
    "Fail",
    "Pause",
    "ReceivedRequest",
    "ReportedUsage",
    "ScriptedMessage",
    "broken",
    "forbidden",
    "form",
    "overloaded",
    "rate_limited",
    "text",
    "thinking",
    "tool_use",
    "turn",
    "unauthorized",
]
