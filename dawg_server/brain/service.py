"""All turns of this process: who may begin one, how to find it again, and how it ends."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from bus import events
from bus.local import LocalBus
from dawg_server import errors, logs, tools
from dawg_server.brain import history, keepsakes, prompt
from dawg_server.brain.claude import Claude
from dawg_server.brain.hands import Hands
from dawg_server.brain.meter import FIRST_CALL, Meter
from dawg_server.brain.places import Place, Places
from dawg_server.brain.small import SmallJobs
from dawg_server.brain.speech import Listener, Speech
from dawg_server.brain.transcript import Transcript
from dawg_server.brain.turn import Opening, Turn
from dawg_server.costs import Costs
from dawg_server.database import conversations
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.daw.document import Document
from dawg_server.generation.service import GenerationService
from dawg_server.memory.service import Memory

MAX_MEMORIES = 8  # that a question comes with
DESKS = 5  # turns whose rows are read or written at once, so that many of them leave the database to others too
DESK_PATIENCE = 20.0  # seconds to wait for one of them
SMALL_AT_ONCE = 3
DRAIN_PATIENCE = 2.0  # seconds for turns that had to be stopped
CLOSE_TIMEOUT = 8.0  # seconds for all turns to be stopped and booked

log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks. `history` and `context` are what the client says, and are never stored.

    `interactive`: who asks can run the browser's functions while the turn goes on. `stored`: as part of a conversation.
    `owner`: the socket whose end is the end of the turn.
    """

    user_id: str
    message: str
    base_url: str
    request_id: str | None = None
    conversation_id: str | None = None
    project_id: str | None = None
    history: Sequence[Mapping[str, str]] = ()
    context: Any = None
    interactive: bool = True
    stored: bool = True
    owner: str | None = None


class Brain:
    def __init__(
        self, *, database: Database, bus: LocalBus, costs: Costs, access: Access, document: Document,
        toolbox: tools.ToolBox, generation: GenerationService, memory: Memory, claude: Claude, places: Places,
    ) -> None:  # fmt: skip
        self.claude = claude
        self._database, self._bus, self._costs, self._access = database, bus, costs, access
        self._document, self._toolbox, self._generation = document, toolbox, generation
        self._memory, self._places = memory, places
        self._small = SmallJobs(database, costs, claude)
        self._turns: dict[str, tuple[Turn, str | None]] = {}  # by the id of the answer; with the socket
        self._desks, self._smalls = asyncio.Semaphore(DESKS), asyncio.Semaphore(SMALL_AT_ONCE)
        self._beside: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def active(self) -> int:
        return len(self._turns)

    async def ask(self, question: Question, listener: Listener) -> Turn:
        """A turn that has begun; the listener hears the rest.

        Raises `ProviderUnconfigured`, `RateLimited`, `BudgetExceeded`, `TurnInProgress`, `DuplicateRequest`, and
        `NotFound` for a project or conversation that is none of the caller's business.
        """
        self.claude.require()
        if self._closed:
            raise errors.Draining(retry_after=2.0)
        try:
            async with asyncio.timeout(DESK_PATIENCE):
                await self._desks.acquire()
        except TimeoutError:
            raise errors.DependencyUnavailable(
                "database", "Too many questions are being asked just now. Try again soon."
            ) from None
        try:
            return await self._admit(question, listener)
        finally:
            self._desks.release()

    async def _admit(self, question: Question, listener: Listener) -> Turn:
        project_id, conversation = await self._look_up(question)
        request_id = question.request_id or str(uuid.uuid4())
        place = await self._places.take(
            question.user_id, request_id, question.conversation_id, project_id, stored=question.stored,
            tokens=FIRST_CALL,
        )
        try:
            about = {"requestId": request_id, "conversationId": place.conversation_id}
            return await self._begin(question, listener, about, place, project_id, conversation)
        except BaseException:
            await self._places.leave(place)
            raise

    def cancel(self, user_id: str, request_id: str) -> bool:
        return any(
            turn.stop() for turn, _ in tuple(self._turns.values())
            if turn.user_id == user_id and turn.about["requestId"] == request_id
        )  # fmt: skip

    def browser_answered(self, user_id: str, owner: str, call_id: str, output: Any, is_error: bool) -> None:
        """`owner`: the socket that says so; its own turns come first, in case that others use the same id.

        Raises `NotFound` for a call that nobody waits for (any more), and `PayloadTooLarge`.
        """
        mine = [each for each in self._turns.values() if each[0].user_id == user_id]
        mine.sort(key=lambda each: each[1] != owner)
        if not any(turn.hands.browser_answered(call_id, output, is_error) for turn, _ in mine):
            raise errors.NotFound("No function call of that id waits for a result.", details={"kind": "call"})

    def leave(self, owner: str) -> None:
        """A socket is gone, and its turns with it."""
        for turn, socket in tuple(self._turns.values()):
            if socket == owner:
                turn.stop()

    async def drain(self, seconds: float) -> None:
        """No turn begins any more. Those that run may end by themselves within so many seconds, or are stopped then."""
        self._closed = True
        running = [turn for turn, _ in self._turns.values()]
        tasks = {turn.task for turn in running if turn.task}
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
            for turn in running:
                turn.stop()
            await asyncio.wait(tasks, timeout=DRAIN_PATIENCE)

    async def close(self) -> None:
        """Stops every turn, and books it."""
        self._closed = True
        running = [turn for turn, _ in self._turns.values()]
        for turn in running:
            turn.stop()
        tasks = {*(turn.task for turn in running if turn.task), *self._beside}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._places.close()
        await self.claude.close()

    async def _look_up(self, question: Question) -> tuple[str | None, dict[str, Any] | None]:
        """(the project, the conversation so far). A conversation remembers its project."""
        conversation = None
        if question.conversation_id is not None:
            conversation = await conversations.get(self._database, question.conversation_id, question.user_id)
            if conversation is None:
                raise errors.NotFound("There is no such conversation.", details={"kind": "conversation"})
        if question.project_id is not None:
            await self._access.require(question.project_id, question.user_id, "viewer")
            return question.project_id, conversation
        remembered = conversation["project_id"] if conversation else None
        if remembered and await self._document.role(remembered, question.user_id) is None:
            remembered = None
        return remembered, conversation

    async def _begin(
        self, question: Question, listener: Listener, about: dict[str, str], place: Place, project_id: str | None,
        conversation: dict[str, Any] | None,
    ) -> Turn:  # fmt: skip
        user_id, conversation_id = question.user_id, about["conversationId"] if question.stored else None
        role = await self._document.role(project_id, user_id) if project_id else None
        offered = [*self._toolbox.offered("text", role), *keepsakes.TOOLS]
        transcript = Transcript(self._database, conversation_id, about["requestId"])
        reservation = await Meter.reserve(self._costs, user_id, self.claude.model)
        try:
            opening = _Opening(self, question, project_id, conversation)
            await opening.read()
            await transcript.asked(question.message)
        except BaseException:
            await reservation.settle(outcome="cancelled")
            raise
        group_id, message_id = str(uuid.uuid4()), str(uuid.uuid4())
        acting = tools.Turn(user_id, "ai-brain", project_id, group_id, question.base_url)
        turn = Turn(
            about=about, user_id=user_id, message_id=message_id, claude=self.claude, transcript=transcript,
            meter=Meter(self._costs, reservation, place, model=self.claude.model, project_id=project_id,
                        conversation_id=conversation_id),
            hands=Hands(self._toolbox, self._memory, self._generation, listener, acting, about, offered,
                        interactive=question.interactive, browser_seconds=self._places.allowed.browser_seconds),
            speech=Speech(listener, about, lambda words: self._share(question, about, message_id, words)),
            listener=listener, tools=prompt.tools(offered), group_id=group_id, open=opening.make,
            seconds=self._places.allowed.seconds,
            ended=lambda turn: self._ended(turn, question, place, conversation), desks=self._desks,
        )  # fmt: skip
        self._turns[message_id] = turn, question.owner
        turn.start()
        if self._closed:
            turn.stop()
        return turn

    def _share(self, question: Question, about: Mapping[str, str], message_id: str, words: str) -> None:
        if question.stored:
            self._bus.tell(events.ChatStreamed(about["conversationId"], message_id, words))

    async def _ended(
        self, turn: Turn, question: Question, place: Place, conversation: Mapping[str, Any] | None
    ) -> None:
        del self._turns[turn.message_id]
        await self._places.leave(place)
        if not question.stored or turn.error is not None:
            return
        conversation_id = turn.about["conversationId"]
        await self._bus.publish(events.ChatCompleted(conversation_id, turn.message_id, turn.text))
        if (conversation is None or not conversation["title"]) and not self._closed:
            self._run_beside(
                lambda: self._small.title(question.user_id, conversation_id, question.message, turn.text)
            )

    def _run_beside(self, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._quietly(work), name="brain small job")
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _quietly(self, work: Callable[[], Awaitable[None]]) -> None:
        async with self._smalls:
            try:
                await work()
            except errors.DawgError as error:
                log.info("A small job was given up.", action="brain_small_failed", code=error.code)
            except Exception:
                log.exception("A small job broke.", action="brain_small_failed")


class _Opening:
    """The talk before and the question, put together for one turn."""

    def __init__(
        self, brain: Brain, question: Question, project_id: str | None, conversation: dict[str, Any] | None
    ) -> None:
        self._brain, self._question, self._project_id = brain, question, project_id
        self._conversation = conversation
        self._blocks: list[dict[str, Any]] = []

    async def read(self) -> None:
        """The question with the state of things as it is now."""
        brain, question = self._brain, self._question
        project = await brain._document.snapshot(self._project_id, question.user_id) if self._project_id else None
        memories = await brain._memory.recall(question.user_id, question.message, MAX_MEMORIES)
        self._blocks = prompt.question(question.message, project, question.context, memories)

    async def make(self) -> Opening:
        if self._conversation is None:
            return Opening(history.given(self._question.history), self._blocks)
        rows, summary = await self._brain._small.compact(self._question.user_id, self._conversation)
        return Opening(history.messages(rows, summary), self._blocks)
