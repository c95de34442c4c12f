"""Finds what fell through: jobs of workers that died, and waiting jobs whose wake-up call got lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from dawg_server import errors, logs, tasks
from dawg_server.database import generations
from dawg_server.database.pool import Database
from dawg_server.generation.queue import JobQueue

INTERVAL = 5.0  # seconds
RETRY_INTERVAL = 1.0  # seconds, until the first sweep has worked
OVERDUE = 5.0  # seconds that a wake-up may take before it is repeated

log: structlog.stdlib.BoundLogger = logs.get("main")


class Sweeper:
    """Runs on every replica; sweeping twice does no harm."""

    def __init__(self, database: Database, queue: JobQueue, *, lost_after: float) -> None:
        """`lost_after`: seconds without a heartbeat after which a worker counts as dead."""
        self._database, self._queue, self._lost_after = database, queue, lost_after
        self._task: asyncio.Task[None] | None = None

    def start(self, *, alone: bool, ready: Callable[[], None]) -> None:
        """Sweeps once, calls `ready`, and goes on until closed.

        `alone`: no other process can be working on this database, so every job that is active before `ready` is an
        orphan of a crash.
        """
        self._task = asyncio.create_task(self._run(0.0 if alone else self._lost_after, ready), name="job-sweeper")

    async def close(self) -> None:
        if self._task is not None:
            await tasks.end(self._task)

    async def sweep(self, *, lost_after: float, overdue: float) -> None:
        for job_id in await generations.reclaim(self._database, lost_after=lost_after):
            log.warning("The worker of a job died; another one takes it.", action="job_reclaimed", job_id=job_id)
        await self._queue.discard_stalled(lost_after)
        for job_id in await generations.due(self._database, since=overdue):
            await self._queue.wake(job_id)

    async def _run(self, lost_before: float, ready: Callable[[], None]) -> None:
        while not await self._swept(lost_after=lost_before, overdue=0.0):  # noqa: ASYNC110 - the database decides
            await asyncio.sleep(RETRY_INTERVAL)
        ready()
        while True:
            await asyncio.sleep(INTERVAL)
            await self._swept(lost_after=self._lost_after, overdue=OVERDUE)

    async def _swept(self, *, lost_after: float, overdue: float) -> bool:
        try:
            await self.sweep(lost_after=lost_after, overdue=overdue)
        except errors.DependencyUnavailable:
            log.warning("The database does not answer; jobs are looked after again soon.", action="sweep_failed")
            return False
        return True
