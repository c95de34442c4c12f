"""What sockets of the namespace `/ai-brain` hear of the turn that they have begun."""

from __future__ import annotations

from marshmallow import fields

from handlers.schemas.brain import Said
from handlers.schemas.connection_events import ErrorEvent, Timed
from handlers.schemas.shown import Shown, maybe, one_of
from handlers.schemas.tool_events import BrowserCall, ToolResult, ToolStart, UsageEvent


class OfTurn(Shown):
    """Which turn."""

    request_id = fields.String()
    conversation_id = fields.UUID()


class BrainDelta(OfTurn):
    """More words of the answer."""

    text = fields.String()


class BrainToolStart(OfTurn, ToolStart):
    """The server runs a function."""


class BrainToolResult(OfTurn, ToolResult):
    """What a function came to: `result`, or `error`; `revision` of the project when it was changed."""


class BrainFunctionCall(OfTurn, BrowserCall):
    """To be run by the browser within 30 s and answered with function-result."""

    arguments = fields.Dict()


class BrainUsage(OfTurn, UsageEvent):
    """The bill of the turn so far. `inputTokens` include `cachedTokens`."""

    model = fields.String()


class BrainDone(OfTurn, Timed):
    """The turn has ended. `notice`: a sentence for the user beside the text. `groupId`: what undo takes back; null
    where nothing was changed. `retryAfter`: seconds until the user has tokens again, when these ended it."""

    message = fields.Nested(Said)
    text = fields.String()
    stop_reason = one_of(
        "end_turn", "max_tokens", "budget", "token_limit", "tool_limit", "time_limit", "refusal", "cancelled"
    )
    revision = fields.Integer(allow_none=True)
    group_id = fields.UUID(allow_none=True)
    notice = fields.String(allow_none=True)
    retry_after = fields.Float(allow_none=True)


class BrainError(ErrorEvent):
    """Something went wrong that no ack has told; the turn that it ended, if it is about one."""

    conversation_id = maybe(fields.UUID())


SENT: dict[str, type[Shown]] = {
    "response-delta": BrainDelta,
    "tool-start": BrainToolStart,
    "tool-result": BrainToolResult,
    "function-call": BrainFunctionCall,
    "usage": BrainUsage,
    "response-done": BrainDone,
    "error": BrainError,
}
