"""What sockets of the namespace `/ai-brain` hear of the turn that they have begun."""

from __future__ import annotations

from marshmallow import fields

from handlers.schemas.brain import Remaining, Said
from handlers.schemas.connection_events import ErrorEvent
from handlers.schemas.shown import Shown, maybe, one_of


class OfTurn(Shown):
    """Which turn."""

    request_id = fields.String()
    conversation_id = fields.UUID()


class TimedOfTurn(OfTurn):
    """Which turn, and when."""

    timestamp = fields.DateTime()


class BrainDelta(OfTurn):
    """More words of the answer."""

    text = fields.String()


class BrainToolStart(TimedOfTurn):
    """The server runs a function."""

    call_id = fields.String()
    name = fields.String()
    arguments = fields.Dict()


class BrainToolResult(TimedOfTurn):
    """What a function came to: `result`, or `error`; `revision` of the project when it was changed."""

    call_id = fields.String()
    name = fields.String()
    success = fields.Boolean()
    result = maybe(fields.Raw())
    error = maybe(fields.Raw())
    revision = maybe(fields.Integer(allow_none=True))
    duration_ms = fields.Integer()


class BrainFunctionCall(TimedOfTurn):
    """To be run by the browser within 30 s and answered with function-result."""

    call_id = fields.String()
    same_call_id = fields.String(data_key="call_id", metadata={"description": "the same as callId"})
    name = fields.String()
    legacy_name = fields.String(allow_none=True)
    arguments = fields.Dict()


class BrainUsage(TimedOfTurn):
    """The bill of the turn so far. `inputTokens` include `cachedTokens`."""

    model = fields.String()
    input_tokens = fields.Integer()
    output_tokens = fields.Integer()
    cached_tokens = fields.Integer()
    cost_usd = fields.Float()
    remaining = fields.Nested(Remaining, allow_none=True)


class BrainDone(TimedOfTurn):
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
