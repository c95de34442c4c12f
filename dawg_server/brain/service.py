"""All turns of this process: who may begin one, how to find it again, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

from bus.local import LocalBus
from dawg_server import errors, tools
from dawg_server.brain.places import Places
from dawg_server.brain.question import Question
from dawg_server.brain.reception import Reception
from dawg_server.brain.small import SmallJobs
from dawg_server.brain.speech import Listener
from dawg_server.brain.turn import Turn
from dawg_server.claude.client import Claude
from dawg_server.claude.small import SmallModel
from dawg_server.conversations import Conversations
from dawg_server.costs import Costs
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.daw.document import Document
from dawg_server.generation.service import GenerationService
from dawg_server.memory.service import Memory

DESKS = 5  # turns whose rows are read or written at once, so that many of them leave the database to others too
DESK_PATIENCE = 45.0  # seconds to wait for one of them
DRAIN_PATIENCE = 2.0  # seconds for turns that had to be stopped
CLOSE_TIMEOUT = 8.0  # seconds for all turns to be stopped and booked


class Brain:
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
        small: SmallModel,
        places: Places,
    ) -> None:
        self.claude = claude
        self._places = places
        self._small = SmallJobs(database, small)
        self._reception = Reception(
            database=database,
            bus=bus,
            costs=costs,
            access=access,
            document=document,
            conversations=conversations,
            toolbox=toolbox,
            generation=generation,
            memory=memory,
            claude=claude,
            places=places,
            small=self._small,
        )
        self._turns: dict[asyncio.Task[None], tuple[Turn, str | None]] = {}  # with the socket
        self._desks = asyncio.Semaphore(DESKS)
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
            turn = await self._reception.admit(question, listener)
        finally:
            self._desks.release()
        self._begin(turn, question.owner)
        return turn

    def cancel(self, user_id: str, request_id: str) -> bool:
        return any(
            turn.stop()
            for turn, _ in tuple(self._turns.values())
            if turn.user_id == user_id and turn.about["requestId"] == request_id
        )

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
        if self._turns:
            await asyncio.wait(self._turns, timeout=seconds)
        await self._stop(DRAIN_PATIENCE)

    async def close(self) -> None:
        """Stops every turn, and books it."""
        self._closed = True
        for task in await self._stop(CLOSE_TIMEOUT):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._small.close()
        await self._places.close()

    def _begin(self, turn: Turn, owner: str | None) -> None:
        task = turn.start(self._desks)
        self._turns[task] = turn, owner
        task.add_done_callback(self._turns.pop)
        if self._closed:  # meanwhile
            turn.stop()

    async def _stop(self, patience: float) -> set[asyncio.Task[None]]:
        """Returns those that did not end in time."""
        for turn, _ in self._turns.values():
            turn.stop()
        return (await asyncio.wait(self._turns, timeout=patience))[1] if self._turns else set()
