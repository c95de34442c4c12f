"""Finds what fell through: jobs of workers that died, and waiting jobs whose wake-up call got lost."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.database import generations
from dawg_server.database.pool import Database
from dawg_server.generation.queue import JobQueue

INTERVAL = 5.0  # seconds
OVERDUE = 5.0  # seconds that a wake-up may take before it is repeated

log: structlog.stdlib.BoundLogger = logs.get("main")


class Reaper:
    """Runs on every replica; sweeping twice does no harm."""

    def __init__(self, database: Database, queue: JobQueue, *, lost_after: float) -> None:
        """`lost_after`: seconds without a heartbeat after which a worker counts as dead."""
        self._database, self._queue, self._lost_after = database, queue, lost_after
        self._first: tuple[float, Callable[[], None]] | None = None
        self._loop = SupervisedLoop(
            "job-reaper",
            self._round,
            doing="Looking for lost jobs",
            interval=INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )

    def start(self, *, alone: bool, ready: Callable[[], None]) -> None:
        """Sweeps once, calls `ready`, and goes on until closed.

        `alone`: no other process can be working on this database, so every job that is active before `ready` is an
        orphan of a crash.
        """
        self._first = (0.0 if alone else self._lost_after, ready)
        self._loop.start()

    async def close(self) -> None:
        await self._loop.close()

    async def sweep(self, *, lost_after: float, overdue: float) -> None:
        for job_id in await generations.reclaim(self._database, lost_after=lost_after):
            log.warning("The worker of a job died; another one takes it.", action="job_reclaimed", job_id=job_id)
        await self._queue.discard_stalled(lost_after)
        for job_id in await generations.due(self._database, since=overdue):
            await self._queue.wake(job_id)

    async def _round(self) -> None:
        if self._first is None:
            await self.sweep(lost_after=self._lost_after, overdue=OVERDUE)
            return
        lost_before, ready = self._first
        await self.sweep(lost_after=lost_before, overdue=0.0)
        self._first = None
        ready()
