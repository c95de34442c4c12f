"""The running account of one session: bills as they come, the budget, and the minutes of the day."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable

from dawg_server import errors, logs
from dawg_server.database import voice_sessions
from dawg_server.database.pool import Database
from dawg_server.voice import limits
from dawg_server.voice.clerk import Clerk
from dawg_server.voice.dialect import events
from dawg_server.voice.meter import Meter
from dawg_server.voice.news import Listener

BEAT = 30.0  # seconds between two looks at budget and minutes
MAX_MISSED = 4  # beats without an answer of the database, after which the session has to end

log = logs.get("voice")
Refuse = Callable[[errors.DawgError], None]
"""Lets the current answer end, and nothing more begin."""


class Books:
    """`id` is the row of `voice_sessions`."""

    def __init__(
        self,
        database: Database,
        id: str,
        user_id: str,
        meter: Meter,
        clerk: Clerk,
        listener: Listener,
        allowed: limits.VoiceLimits,
        seconds_left: float,
    ) -> None:
        """`seconds_left` of the day, for this user."""
        self.id = id
        self._database, self._user_id = database, user_id
        self._meter, self._clerk, self._listener, self._limits = meter, clerk, listener, allowed
        self._seconds_left = seconds_left
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def cost(self) -> float:
        """USD so far."""
        return float(self._meter.total)

    def bill(self, bill: events.UsageReported, session_id: str, refuse: Refuse) -> None:
        self._clerk.do(functools.partial(self._book, bill, session_id, refuse))

    def lost(self, response_id: str, received_ms: int) -> None:
        """An answer whose bill never came."""

        async def book() -> None:
            await self._meter.book_lost_answer(response_id, received_ms)

        self._clerk.do(book)

    async def watch(self, refuse: Refuse) -> None:
        """Runs until it is cancelled, or has refused."""
        missed = 0
        pause = min(BEAT, self._seconds_left)
        while True:
            await asyncio.sleep(pause)
            try:
                await voice_sessions.seen(self._database, self.id)
                left = self._limits.seconds_per_day - (await voice_sessions.talk(self._database, self._user_id)).seconds
                if left <= 0:
                    raise limits.day_is_over(self._limits)
                pause = min(BEAT, left)
                await self._meter.renew()
                missed = 0
            except errors.DependencyUnavailable as error:
                missed += 1
                if missed < MAX_MISSED:
                    continue
                refuse(error)
                return
            except errors.RateLimited as error:
                refuse(error)
                return

    async def close(self) -> None:
        """Everything is booked when this returns, or waits in the ledger's folder."""
        await self._clerk.close()
        await self._meter.settle()
        try:
            await voice_sessions.end(self._database, self.id)
        except errors.DependencyUnavailable:
            log.warning("The end of a voice session could not be written.", action="voice_end_unwritten")

    async def _book(self, bill: events.UsageReported, session_id: str, refuse: Refuse) -> None:
        cost = await self._meter.book(bill)
        if bill.of == "response":
            self._tell(bill, session_id, float(cost), await self._remaining())
        try:
            await self._meter.renew()
        except errors.BudgetExceeded as error:
            refuse(error)

    async def _remaining(self) -> dict[str, float | None] | None:
        """None when the ledger cannot be read just now."""
        try:
            return await self._meter.remaining(self._user_id)
        except errors.DependencyUnavailable:
            return None

    def _tell(
        self, bill: events.UsageReported, session_id: str, cost: float, remaining: dict[str, float | None] | None
    ) -> None:
        used = bill.usage
        self._listener.tell(
            "usage",
            {
                "sessionId": session_id,
                "responseId": bill.of_id,
                "inputTokens": used.input_tokens,
                "outputTokens": used.output_tokens,
                "cachedTokens": used.cached_tokens,
                "inputAudioTokens": used.input_audio_tokens,
                "outputAudioTokens": used.output_audio_tokens,
                "costUsd": round(cost, 6),
                "totalCostUsd": round(self.cost, 6),
                "remaining": remaining,
                "durationSeconds": round(self.seconds, 3),
            },
        )
