"""Payloads of the namespace `/ai-brain`, of `/api/ai-brain`, and of `/ai/daw-command`."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import ValidationError, fields

from dawg_server.claude.message import blank
from dawg_server.schema import Body, Choice, Flag, Id, Items, JsonValue, Number, Query, Text
from handlers.schemas.shown import Shown, done

MAX_MESSAGE = 8000  # characters
MAX_GIVEN = 20  # messages of a client's own history
MAX_CONTEXT = 16_000  # bytes of JSON
MESSAGES = 100  # of a conversation that are shown at once, unless asked for otherwise


class VisibleText(Text):
    """Text in which something can be seen: not white space, and not characters without a width alone."""

    def check(self, value: Any) -> str:
        text = super().check(value)
        if blank(text):
            raise ValidationError("must not be empty")
        return text


class GivenMessage(Body):
    """Something that was said before, as the client tells it."""

    role = Choice(("user", "assistant"), required=True)
    content = Text(0, 4000, required=True)


class GivenMessages(Items):
    """Without those in which nothing can be seen: a client may have kept an empty answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.Nested(GivenMessage), 0, MAX_GIVEN, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        return [each for each in super()._deserialize(value, attr, data, **kwargs) if not blank(each["content"])]


class Ask(Body):
    """A question. `conversationHistory` counts only without `conversationId`, and is never stored."""

    aliases: ClassVar = {"project_context": "projectContext"}

    message = VisibleText(1, MAX_MESSAGE, required=True)
    conversation_id = Id("conversation", load_default=None, allow_none=True)
    conversation_history = GivenMessages(load_default=list)
    project_id = Id("project", load_default=None, allow_none=True)
    project_context = JsonValue(MAX_CONTEXT, objects=True, load_default=None, allow_none=True)
    request_id = Text(1, 128, load_default=None, allow_none=True)


class Regenerate(Body):
    """`messageId`: the answer that is meant, which has to be the newest one."""

    aliases: ClassVar = {"project_context": "projectContext"}

    message_id = Id("message", load_default=None, allow_none=True)
    project_id = Id("project", load_default=None, allow_none=True)
    project_context = JsonValue(MAX_CONTEXT, objects=True, load_default=None, allow_none=True)
    request_id = Text(1, 128, load_default=None, allow_none=True)


class Asked(Shown):
    """The turn has begun; the rest comes as events."""

    success = done()
    request_id = fields.String()
    conversation_id = fields.UUID()


class BrowserResult(Body):
    """What the browser's function came to: any JSON up to 64 kB."""

    aliases: ClassVar = {"call_id": "callId"}

    call_id = Text(1, 200, required=True)
    output = fields.Raw(required=True, allow_none=True)
    is_error = Flag(load_default=False)


class Cancel(Body):
    """The turn that is to end."""

    request_id = Text(1, 128, required=True)


class Cancelled(Shown):
    """False when there was nothing to cancel any more."""

    success = done()
    cancelled = fields.Boolean()


class Said(Shown):
    """The assistant's answer."""

    id = fields.UUID()
    role = fields.String()
    content = fields.String()
    model = fields.String()


class Remaining(Shown):
    """USD; null: no limit."""

    daily_usd = fields.Float(allow_none=True)
    monthly_usd = fields.Float(allow_none=True)


class TokenBill(Shown):
    """What was used. `inputTokens` include `cachedTokens`."""

    input_tokens = fields.Integer()
    output_tokens = fields.Integer()
    cached_tokens = fields.Integer()
    cost_usd = fields.Float()
    remaining = fields.Nested(Remaining, allow_none=True)


class TurnUsage(TokenBill):
    """Totals of the turn. `inputTokens` include `cachedTokens`."""

    model = fields.String()


class PerformedCall(Body):
    """`executed` false: the browser still has to run it, or it failed."""

    call_id = fields.String()
    name = fields.String()
    arguments = fields.Dict()
    executed = fields.Boolean()
    result = fields.Raw(allow_none=True)


class NextCall(Body):
    """The first call that the browser still has to run."""

    name = fields.String()
    arguments = fields.Dict()


class Answered(Body):
    """The whole turn. `retryAfter`: seconds until the user has tokens again, when these ended it (`token_limit`).

    `response`, which is `content` too, is the text, or else a sentence about what there is instead.
    `notice`: a sentence for the user beside the text: why the turn ended early, or that the model stayed silent: one
    that ends a turn without a visible character is asked for words once more, and then `text` is empty.
    """

    success = fields.Boolean()
    response = fields.String()
    content = fields.String()
    text = fields.String()
    message = fields.Nested(Said)
    message_id = fields.UUID()
    conversation_id = fields.UUID()
    request_id = fields.String()
    stop_reason = fields.String()
    notice = fields.String(allow_none=True)
    retry_after = fields.Float(allow_none=True)
    model = fields.String()
    function_calls = fields.List(fields.Nested(PerformedCall))
    function_call = fields.Nested(NextCall, allow_none=True, data_key="function_call")
    revision = fields.Integer(allow_none=True)
    usage = fields.Nested(TurnUsage)
    timestamp = fields.DateTime()


class DawCommand(Body):
    """One sentence that is to be done in a project."""

    command = VisibleText(1, 500, required=True)
    project_id = Id("project", required=True)
    current_state = JsonValue(MAX_CONTEXT, objects=True, load_default=None, allow_none=True)


class CommandDone(Body):
    """`functionCalls` are those that the browser still has to run."""

    success = fields.Boolean()
    action = fields.String(allow_none=True)
    message = fields.String()
    result = fields.Raw(allow_none=True)
    revision = fields.Integer(allow_none=True)
    function_calls = fields.List(fields.Nested(PerformedCall))
    usage = fields.Nested(TurnUsage)


class ConversationList(Query):
    """Which part of the conversations."""

    limit = Number(1, 100, whole=True, load_default=20)
    offset = Number(0, 1_000_000, whole=True, load_default=0)


class NewConversation(Body):
    """A conversation to be."""

    title = VisibleText(1, 200, load_default=None, allow_none=True)
    project_id = Id("project", load_default=None, allow_none=True)


class Rename(Body):
    """Its new name."""

    title = VisibleText(1, 200, required=True)


class Conversation(Body):
    """Of the caller alone."""

    id = fields.UUID()
    title = fields.String(allow_none=True)
    project_id = fields.UUID(allow_none=True)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    message_count = fields.Integer()


class ConversationMessage(Body):
    """One thing that was said, with the functions that were called beside it."""

    id = fields.UUID()
    role = fields.String()
    content = fields.String()
    function_calls = fields.List(fields.Nested(PerformedCall))
    stop_reason = fields.String(allow_none=True)
    usage = fields.Dict(allow_none=True)
    origin = fields.String()
    created_at = fields.DateTime()


class MessageQuery(Query):
    """Which part of a conversation. `before`: from the page that came last."""

    limit = Number(1, 200, whole=True, load_default=MESSAGES)
    before = Number(0, 2**31 - 1, whole=True, load_default=None)


class MessagePage(Body):
    """`before` asks for older messages; null: there are none."""

    limit = fields.Integer()
    before = fields.Integer(allow_none=True)


class WholeConversation(Conversation):
    """With a page of what was said, in order."""

    messages = fields.List(fields.Nested(ConversationMessage))
    pagination = fields.Nested(MessagePage)


class ConversationReply(WholeConversation):
    """The same twice: at the top level, and whole under its kind."""

    success = fields.Boolean()
    conversation = fields.Nested(WholeConversation)


class Pagination(Body):
    """Which part this is."""

    total = fields.Integer()
    limit = fields.Integer()
    offset = fields.Integer()


class ConversationsReply(Body):
    """Those used last come first."""

    success = fields.Boolean()
    conversations = fields.List(fields.Nested(Conversation))
    pagination = fields.Nested(Pagination)


class DeletedReply(Body):
    """It is gone for good."""

    success = fields.Boolean()
    deleted = fields.Boolean()
    id = fields.UUID()
    message = fields.String()


class FunctionsReply(Body):
    """The catalogue in tool form: `{name, description, input_schema}`."""

    success = fields.Boolean()
    version = fields.String()
    hash = fields.String()
    functions = fields.List(fields.Dict())


class ConversationRoom(Body):
    """A conversation of the caller."""

    conversation_id = Id("conversation", required=True)


class InConversation(Shown):
    """Which conversation that was."""

    success = done()
    conversation_id = fields.UUID()
