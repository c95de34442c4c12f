"""How a question becomes a turn: what it is about is looked up, a place and money are taken, and the turn is built."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from bus import events
from bus.local import LocalBus
from dawg_server import tools
from dawg_server.brain import keepsakes, prompt
from dawg_server.brain.hands import Hands
from dawg_server.brain.meter import FIRST_CALL, Meter
from dawg_server.brain.places import Place, Places
from dawg_server.brain.question import Openings, Question
from dawg_server.brain.small import SmallJobs
from dawg_server.brain.speech import Listener, Speech
from dawg_server.brain.turn import Turn
from dawg_server.claude.client import Claude
from dawg_server.conversations import Conversations
from dawg_server.costs import Costs, Reservation
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.daw.document import Document
from dawg_server.generation.service import GenerationService
from dawg_server.memory.service import Memory
from dawg_server.transcript import TranscriptWriter

Row = dict[str, Any]


class Reception:
    def __init__(
        self,
        *,
        database: Database,
        bus: LocalBus,
        costs: Costs,
        access: Access,
        document: Document,
        conversations: Conversations,
        toolbox: tools.ToolBox,
        generation: GenerationService,
        memory: Memory,
        claude: Claude,
        places: Places,
        small: SmallJobs,
    ) -> None:
        self._database, self._bus, self._costs, self._access = database, bus, costs, access
        self._document, self._toolbox, self._generation = document, toolbox, generation
        self._conversations = conversations
        self._memory, self._claude, self._places, self._small = memory, claude, places, small
        self._openings = Openings(document, memory, small)

    async def admit(self, question: Question, listener: Listener) -> Turn:
        """A turn that has not begun yet. Raises as `Brain.ask`; nothing stays taken then."""
        project_id, conversation = await self._look_up(question)
        request_id = question.request_id or str(uuid.uuid4())
        place = await self._places.take(question.user_id, request_id, question.conversation_id, tokens=FIRST_CALL)
        try:
            reservation = await Meter.reserve(self._costs, question.user_id, self._claude.model)
            try:
                return await self._build(question, listener, request_id, place, reservation, project_id, conversation)
            except BaseException:
                await reservation.settle(outcome="cancelled")
                raise
        except BaseException:
            await self._places.leave(place)
            raise

    async def _look_up(self, question: Question) -> tuple[str | None, Row | None]:
        """(the project, the conversation so far). A conversation remembers its project."""
        conversation = None
        if question.conversation_id is not None:
            conversation = await self._conversations.get(question.conversation_id, question.user_id)
        if question.project_id is not None:
            await self._access.require(question.project_id, question.user_id, "viewer")
            return question.project_id, conversation
        remembered = conversation["project_id"] if conversation else None
        if remembered and await self._document.role(remembered, question.user_id) is None:
            remembered = None
        return remembered, conversation

    async def _build(
        self,
        question: Question,
        listener: Listener,
        request_id: str,
        place: Place,
        reservation: Reservation,
        project_id: str | None,
        conversation: Row | None,
    ) -> Turn:
        user_id, limits = question.user_id, self._places.allowed
        about = {"requestId": request_id, "conversationId": place.conversation_id}
        stored_in = place.conversation_id if question.stored else None
        message_id, group_id = str(uuid.uuid4()), str(uuid.uuid4())
        role = await self._document.role(project_id, user_id) if project_id else None
        offered = [*self._toolbox.offered("text", role), *keepsakes.TOOLS]
        state = await self._openings.state(question, project_id)
        transcript = TranscriptWriter(self._database, stored_in, request_id=request_id)
        if conversation is None:
            await transcript.begin(question.message, user_id, project_id)
        else:
            await transcript.user(question.message)

        def share(words: str) -> None:
            if stored_in is not None:
                self._bus.tell(events.ChatStreamed(stored_in, message_id, words))

        meter = Meter(
            self._costs, reservation, place, model=self._claude.model, project_id=project_id, conversation_id=stored_in
        )
        hands = Hands(
            self._toolbox,
            self._memory,
            self._generation,
            listener,
            tools.Turn(user_id, "ai-brain", project_id, group_id, question.base_url),
            about,
            offered,
            interactive=question.interactive,
            browser_seconds=limits.browser_seconds,
        )
        return Turn(
            about=about,
            user_id=user_id,
            message_id=message_id,
            claude=self._claude,
            meter=meter,
            hands=hands,
            transcript=transcript,
            speech=Speech(listener, about, share),
            listener=listener,
            tools=prompt.tools(offered),
            group_id=group_id,
            seconds=limits.seconds,
            open=lambda: self._openings.make(question, conversation, state),
            ended=lambda turn: self._see_off(turn, question, place, conversation),
        )

    async def _see_off(self, turn: Turn, question: Question, place: Place, before: Mapping[str, Any] | None) -> None:
        await self._places.leave(place)
        if not question.stored or turn.error is not None:
            return
        await self._bus.publish(events.ChatCompleted(place.conversation_id, turn.message_id, turn.text))
        if before is None or not before["title"]:
            self._small.begin_title(question.user_id, place.conversation_id, question.message, turn.text)
