"""How far a job is: never backwards, not too often, and always told when the stage changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from dawg_server.generation.job import STAGES

MIN_INTERVAL = 0.5  # seconds between two reports within one stage
STORE_INTERVAL = 1.0  # seconds between two writes of the job's row within one stage
MAX_UNFINISHED = 99  # percent; 100 belongs to `completed`

Publish = Callable[[int, str, str], Awaitable[None]]


class Progress:
    """Takes reports from anywhere on the event loop and passes the ones that matter on, in order.

    `report` never waits; one task, owned by `run`, writes and publishes.
    """

    def __init__(self, publish: Publish, start: int) -> None:
        self._publish = publish
        self.percent = start
        self.stage = STAGES[0]
        self._stored_stage, self._stored_at = "", 0.0  # what the job's row says, and since when (time.monotonic())
        self._sent_percent = -1
        self._sent_at = 0.0
        self._pending: dict[str, tuple[int, str]] = {}
        self._wake = asyncio.Event()

    def report(self, percent: float, stage: str, message: str) -> None:
        """`percent` 0..100 of the whole job; what lies behind what was said before is lifted to it."""
        self.percent = max(self.percent, min(int(percent), MAX_UNFINISHED))
        changed = stage != self.stage and stage in STAGES
        moved = self.percent > self._sent_percent and time.monotonic() - self._sent_at >= MIN_INTERVAL
        if changed or moved:
            self.stage = stage if changed else self.stage
            self._sent_percent, self._sent_at = self.percent, time.monotonic()
            self._pending[self.stage] = (self.percent, message)
            self._wake.set()

    def is_due(self, stage: str) -> bool:
        """Whether the job's row should say so too."""
        return stage != self._stored_stage or time.monotonic() - self._stored_at >= STORE_INTERVAL

    def stored(self, stage: str) -> None:
        self._stored_stage, self._stored_at = stage, time.monotonic()

    async def run(self) -> None:
        """Passes reports on until cancelled; what was reported before is passed on first by `flush`."""
        while True:
            await self._wake.wait()
            await self.flush()

    async def flush(self) -> None:
        self._wake.clear()
        while self._pending:
            stage = next(iter(self._pending))
            percent, message = self._pending.pop(stage)
            await self._publish(percent, stage, message)
