"""All turns of this process: who may begin one, how to find it again, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

from dawg_server import errors
from dawg_server.brain.billing import TurnLimits, TurnSlots
from dawg_server.brain.streaming import EventSink
from dawg_server.brain.summarizer import Summarizer
from dawg_server.brain.tool_runner import Toolkit
from dawg_server.brain.turn import Turn
from dawg_server.brain.turn_factory import TurnFactory, UserMessage
from dawg_server.conversations import Conversations
from dawg_server.documents import Documents
from dawg_server.platform import Platform

DATABASE_TURNS = 5  # turns that are begun or settled at once, so that many of them leave the database to others too
DATABASE_WAIT = 45.0  # seconds for a turn to be one of them
STOP_TIMEOUT = 2.0  # seconds for turns that are stopped by a drain
CLOSE_TIMEOUT = 8.0  # seconds for all turns to be stopped and booked


class Brain:
    def __init__(
        self, platform: Platform, documents: Documents, toolkit: Toolkit, conversations: Conversations
    ) -> None:
        self.claude = platform.claude
        settings = platform.settings
        limits = TurnLimits(
            settings.turns_per_minute,
            settings.turns_at_once,
            settings.tokens_per_minute,
            settings.turn_seconds,
            settings.turn_function_seconds,
        )
        self._slots = TurnSlots(platform.database, platform.limits, limits)
        self._summarizer = Summarizer(platform.database, platform.small_model)
        self._factory = TurnFactory(platform, documents, toolkit, conversations, self._slots, self._summarizer)
        self._turns: dict[asyncio.Task[None], tuple[Turn, str | None]] = {}  # with the id of the socket
        self._database_turns = asyncio.Semaphore(DATABASE_TURNS)
        self._closed = False

    @property
    def active(self) -> int:
        return len(self._turns)

    async def ask(self, message: UserMessage, sink: EventSink) -> Turn:
        """A turn that has begun; its events go to `sink`.

        Raises `ProviderUnconfigured`, `RateLimited`, `BudgetExceeded`, `TurnInProgress`, `DuplicateRequest`, and
        `NotFound` for a project or conversation that the caller must not see.
        """
        self.claude.require()
        if self._closed:
            raise errors.Draining(retry_after=2.0)
        try:
            async with asyncio.timeout(DATABASE_WAIT):
                await self._database_turns.acquire()
        except TimeoutError:
            raise errors.DependencyUnavailable(
                "database", "Too many questions are being asked just now. Try again soon."
            ) from None
        try:
            turn = await self._factory.create(message, sink)
        finally:
            self._database_turns.release()
        self._begin(turn, message.asker.socket_id)
        return turn

    def cancel(self, user_id: str, request_id: str) -> bool:
        return any(
            turn.stop()
            for turn, _ in tuple(self._turns.values())
            if turn.context.user_id == user_id and turn.context.request_id == request_id
        )

    def browser_answered(self, user_id: str, socket_id: str, call_id: str, output: Any, is_error: bool) -> None:
        """The turns of the socket that says so come first, in case that others use the same id.

        Raises `NotFound` for a call that nobody waits for (any more), and `PayloadTooLarge`.
        """
        own = [each for each in self._turns.values() if each[0].context.user_id == user_id]
        own.sort(key=lambda each: each[1] != socket_id)
        if not any(turn.runner.browser_answered(call_id, output, is_error) for turn, _ in own):
            raise errors.NotFound("No function call of that id waits for a result.", details={"kind": "call"})

    def leave(self, socket_id: str) -> None:
        """Ends the turns of a socket that is gone."""
        for turn, socket in tuple(self._turns.values()):
            if socket == socket_id:
                turn.stop()

    async def drain(self, seconds: float) -> None:
        """No turn begins any more. Those that run may end by themselves within `seconds`, and are stopped then."""
        self._closed = True
        if self._turns:
            await asyncio.wait(self._turns, timeout=seconds)
        await self._stop(STOP_TIMEOUT)

    async def close(self) -> None:
        """Stops every turn, and books it."""
        self._closed = True
        for task in await self._stop(CLOSE_TIMEOUT):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._summarizer.close()
        await self._slots.close()

    def _begin(self, turn: Turn, socket_id: str | None) -> None:
        task = turn.start(self._database_turns, self._slots.limits.seconds)
        self._turns[task] = turn, socket_id
        task.add_done_callback(self._turns.pop)
        if self._closed:  # meanwhile
            turn.stop()

    async def _stop(self, seconds: float) -> set[asyncio.Task[None]]:
        """Returns those that did not end in time."""
        for turn, _ in self._turns.values():
            turn.stop()
        return (await asyncio.wait(self._turns, timeout=seconds))[1] if self._turns else set()
