"""What sockets of every namespace hear about their connection and about errors."""

from __future__ import annotations

from marshmallow import fields

from handlers.schemas.shown import Shown, maybe


class Timed(Shown):
    """When it was sent."""

    timestamp = fields.DateTime()


class ErrorReply(Shown):
    """The error envelope: what the ack of a refused event says. `message` is `error`."""

    success = fields.Boolean(metadata={"enum": [False]})
    error = fields.String(metadata={"description": "a sentence for people"})
    message = fields.String()
    code = fields.String(metadata={"description": "for machines; stable"})
    details = maybe(fields.Dict())
    request_id = maybe(fields.String())
    retry_after = maybe(fields.Float(allow_none=True, metadata={"description": "seconds"}))


class SpokenErrorReply(ErrorReply):
    """As where a page looks for an answer: `response` is the sentence, and there is no function to call."""

    response = fields.String()
    function_call = fields.Raw(data_key="function_call", metadata={"type": "null"})


class ErrorEvent(ErrorReply, Timed):
    """Something went wrong that no ack has told; `event` where one was refused. `projectId`: the project that one is no
    longer a member of."""

    event = maybe(fields.String())
    project_id = maybe(fields.UUID())


class DrainingEvent(Timed):
    """This server is about to stop. Connect again after so many milliseconds."""

    reason = fields.String()
    reconnect_after_ms = fields.Integer()


class SlowClientEvent(Timed):
    """This connection is closed, because its client takes too little of what it is sent."""

    max_queue_bytes = fields.Integer()


class JoinedProjectEvent(Timed):
    """This socket is in the room of `projectId`; its ack has told the rest."""

    project_id = fields.UUID()


EVERYWHERE: dict[str, type[Shown]] = {
    "error": ErrorEvent,
    "server:draining": DrainingEvent,
    "server:slow-client": SlowClientEvent,
}
