"""How a message of a user becomes a turn: what it is about is read, a slot is taken and its price reserved."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bus import events
from dawg_server import errors, tools
from dawg_server.brain import history, memory_tools, prompt
from dawg_server.brain.billing import TurnBilling, TurnSlot, TurnSlots
from dawg_server.brain.streaming import DeltaBuffer, EventSink, ModelStream, TurnEvents
from dawg_server.brain.summarizer import Summarizer
from dawg_server.brain.tool_runner import Toolkit, ToolRunner
from dawg_server.brain.turn import Turn, TurnContext
from dawg_server.conversations import Conversations
from dawg_server.daw.functions.catalogue import Catalogue
from dawg_server.daw.functions.page import PAGE
from dawg_server.daw.functions.service import Functions
from dawg_server.documents import Documents
from dawg_server.platform import Platform
from dawg_server.tools import ToolBox
from dawg_server.transcript import TranscriptWriter

MAX_MEMORIES = 8  # that a question comes with
SUMMARIZED_FROM = 12_000  # tokens of the talk; early enough for the summary to be there before anything is left out

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and from where. `base_url`: the address under which the user reached the server.

    `socket_id`: the socket that runs the browser's functions and whose end is the end of the turn; None over HTTP.
    """

    user_id: str
    base_url: str
    socket_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClientContext:
    """What the client says was said before, and about itself. Both are believed for one turn and never stored.

    `holds_document`: the page that asks has the song itself, and runs one function of `daw.functions.page` per answer;
    `open_project_id` is a project that is open in the same browser.
    """

    history: Sequence[Mapping[str, str]] = ()
    browser: Any = None
    holds_document: bool = False
    open_project_id: str | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """The last question of the conversation once more. `answer_id`: its answer, if the asker has said which it is."""

    answer_id: str | None = None


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A question. `stored`: as part of a conversation, a new one without `conversation_id`.

    `aloud`: all sockets of the asker hear the answer, not only those that have joined the conversation. `again`: the
    text is that of a question before, and the answer takes the place of the one that it got.
    """

    asker: Asker
    text: str
    request_id: str | None = None
    conversation_id: str | None = None
    project_id: str | None = None
    client: ClientContext = field(default_factory=ClientContext)
    stored: bool = True
    aloud: bool = False
    again: Again | None = None


class TurnFactory:
    def __init__(
        self,
        platform: Platform,
        documents: Documents,
        toolkit: Toolkit,
        conversations: Conversations,
        slots: TurnSlots,
        summarizer: Summarizer,
    ) -> None:
        self._platform, self._documents, self._toolkit = platform, documents, toolkit
        self._page_toolkit = replace(toolkit, toolbox=ToolBox(Functions(documents.document, Catalogue(PAGE))))
        self._conversations, self._slots, self._summarizer = conversations, slots, summarizer

    async def create(self, message: UserMessage, sink: EventSink) -> Turn:
        """A turn that has not begun yet. Raises as `Brain.ask`; nothing stays taken then."""
        user_id = message.asker.user_id
        project_id, conversation = await self._look_up(message)
        request_id = message.request_id or str(uuid.uuid4())
        slot = await self._slots.take(user_id, request_id, message.conversation_id)
        context = TurnContext(user_id, request_id, slot.conversation_id, message.stored, project_id)
        billing = TurnBilling(self._platform.costs, slot, self._platform.claude.model, project_id, context.stored_in)
        try:
            if message.again is not None:  # only now no other turn adds to the conversation
                asked = await self._conversations.last_question(slot.conversation_id, user_id, message.again.answer_id)
                message, context = replace(message, text=asked.words), replace(context, instead_of=asked)
            return await self._build(message, sink, context, billing, slot, conversation)
        except BaseException:
            await billing.settle("cancelled")
            await self._slots.release(slot)
            raise

    async def _look_up(self, message: UserMessage) -> tuple[str | None, Row | None]:
        """(the project, the conversation so far). A conversation remembers its project."""
        user_id, conversation = message.asker.user_id, None
        if message.conversation_id is not None:
            conversation = await self._conversations.get(message.conversation_id, user_id)
        if message.project_id is not None:
            await self._documents.access.require(message.project_id, user_id, "viewer")
            return message.project_id, conversation
        remembered = conversation["project_id"] if conversation else None
        if remembered and await self._documents.document.role(remembered, user_id) is None:
            remembered = None
        return remembered, conversation

    async def _build(
        self,
        message: UserMessage,
        sink: EventSink,
        context: TurnContext,
        billing: TurnBilling,
        slot: TurnSlot,
        conversation: Row | None,
    ) -> Turn:
        project_id, user_id = context.project_id, context.user_id
        role = await self._documents.document.role(project_id, user_id) if project_id else None
        by_page = message.client.holds_document and project_id is None
        toolkit = self._page_toolkit if by_page else self._toolkit
        definitions = [*toolkit.toolbox.offered("text", role), *memory_tools.TOOLS]
        prompt_context = await self._prompt(message, context, conversation, by_page=by_page)
        turn_events = TurnEvents(sink, context.about)
        deltas = DeltaBuffer(turn_events, lambda words: self._share(context, words, aloud=message.aloud))
        stream = ModelStream(self._platform.claude, billing, deltas, prompt_context.rules)
        question = [{"role": "user", "content": prompt_context.question}]
        await billing.reserve(stream.request(prompt.tools(definitions), prompt_context.history, question))
        transcript = TranscriptWriter(self._platform.database, context.stored_in, request_id=context.request_id)
        if conversation is None:
            await transcript.begin(message.text, user_id, project_id)
        elif context.instead_of is None:
            await transcript.user(message.text)
        runner = ToolRunner(
            toolkit,
            tools.ToolContext(user_id, "ai-brain", project_id, context.group_id, message.asker.base_url),
            turn_events,
            definitions,
            browser_seconds=self._slots.limits.browser_seconds if message.asker.socket_id else None,
            one_function=by_page,
        )

        async def finished(turn: Turn) -> None:
            await self._slots.release(slot)
            if message.stored and turn.error is None and not turn.withdrawn:
                await self._follow_up(turn, message, conversation, prompt_context)

        return Turn(context, prompt_context, stream, runner, transcript, finished)

    async def _prompt(
        self, message: UserMessage, context: TurnContext, conversation: Row | None, *, by_page: bool
    ) -> prompt.PromptContext:
        """The talk so far, and the question with the state of the project as it is now."""
        user_id, project_id, client = context.user_id, context.project_id, message.client
        memories = await self._toolkit.memory.recall(user_id, message.text, MAX_MEMORIES)
        if by_page:
            opened = await self._opened(client.open_project_id, user_id)
            question = prompt.page_question(message.text, opened, client.browser, memories)
        else:
            project = await self._documents.document.snapshot(project_id, user_id) if project_id else None
            question = prompt.question(message.text, project, client.browser, memories)
        rules = prompt.PAGE_RULES if by_page else prompt.RULES
        if conversation is None:
            return prompt.PromptContext(history.given(client.history), question, rules)
        past = await self._conversations.unsummarized(conversation, history.MAX_ROWS)
        again = context.instead_of
        hidden = (again.id, *again.answer_ids) if again else ()
        rows = history.without_old_results([row for row in past if str(row["id"]) not in hidden])
        told = history.messages(history.shown(rows), conversation["summary"])
        return prompt.PromptContext(told, question, rules, history.tokens(rows))

    async def _opened(self, project_id: str | None, user_id: str) -> Row | None:
        """None for a project that has gone meanwhile, or that the user must not see any more."""
        with contextlib.suppress(errors.NotFound):
            return await self._documents.document.snapshot(project_id, user_id) if project_id else None
        return None

    def _share(self, context: TurnContext, words: str, *, aloud: bool) -> None:
        if context.stored_in is None:
            return
        told = (context.stored_in, context.message_id, words)
        self._platform.bus.publish_nowait(
            events.ChatStreamedAloud(*told, context.user_id) if aloud else events.ChatStreamed(*told)
        )

    async def _follow_up(
        self, turn: Turn, message: UserMessage, conversation: Row | None, before: prompt.PromptContext
    ) -> None:
        context = turn.context
        hearer = context.user_id if message.aloud else None
        completed = events.ChatCompleted(context.conversation_id, context.message_id, turn.text, hearer)
        await self._platform.bus.publish(completed)
        if conversation is None or not conversation["title"]:
            self._summarizer.begin_title(context.user_id, context.conversation_id, message.text, turn.text)
        if conversation is not None and before.history_tokens > SUMMARIZED_FROM:
            self._summarizer.begin_summary(context.user_id, context.conversation_id)
