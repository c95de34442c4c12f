"""Finds what fell through: jobs of workers that died, and waiting jobs whose wake-up call got lost."""

from __future__ import annotations

import asyncio

import structlog

from dawg_server import errors, logs
from dawg_server.database import generations
from dawg_server.database.pool import Database
from dawg_server.generation.queue import JobQueue

INTERVAL = 5.0  # seconds
OVERDUE = 5.0  # seconds that a wake-up may take before it is repeated

log: structlog.stdlib.BoundLogger = logs.get("main")


class Sweeper:
    """Runs on every replica; sweeping twice does no harm."""

    def __init__(self, database: Database, queue: JobQueue, *, lost_after: float) -> None:
        """`lost_after`: seconds without a heartbeat after which a worker counts as dead."""
        self._database, self._queue, self._lost_after = database, queue, lost_after
        self._task: asyncio.Task[None] | None = None

    async def start(self, *, alone: bool) -> None:
        """`alone`: no other process can be working on this database, so every active job is an orphan of a crash."""
        await self.sweep(lost_after=0.0 if alone else self._lost_after, overdue=0.0)
        self._task = asyncio.create_task(self._run(), name="job-sweeper")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self, *, lost_after: float, overdue: float) -> None:
        for job_id in await generations.reclaim(self._database, lost_after=lost_after):
            log.warning("The worker of a job died; another one takes it.", action="job_reclaimed", job_id=job_id)
        await self._queue.discard_stalled(lost_after)
        for job_id in await generations.due(self._database, since=overdue):
            await self._queue.wake(job_id)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self.sweep(lost_after=self._lost_after, overdue=OVERDUE)
            except errors.DependencyUnavailable:
                log.warning("The database does not answer; jobs are looked after again soon.", action="sweep_failed")
