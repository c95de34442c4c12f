"""What is told of the functions and the tokens of an assistant, the same on `/ai-brain` and on `/voice`."""

from __future__ import annotations

from marshmallow import fields

from handlers.schemas.brain import TokenBill
from handlers.schemas.connection_events import Timed
from handlers.schemas.shown import maybe


class OfCall(Timed):
    """Which call of a function."""

    call_id = fields.String()


class ToolStart(OfCall):
    """The server runs a function."""

    name = fields.String()
    arguments = fields.Dict()


class ToolResult(OfCall):
    """What a function came to: `result`, or `error`; `revision` of the project when it was changed."""

    name = fields.String()
    success = fields.Boolean()
    result = maybe(fields.Raw())
    error = maybe(fields.Raw())
    revision = maybe(fields.Integer(allow_none=True))
    duration_ms = fields.Integer()


class BrowserCall(OfCall):
    """To be run by the browser within 30 s and answered with function-result."""

    same_call_id = fields.String(data_key="call_id", metadata={"description": "the same as callId"})
    name = fields.String()
    legacy_name = fields.String(allow_none=True)


class UsageEvent(TokenBill, Timed):
    """The bill."""
