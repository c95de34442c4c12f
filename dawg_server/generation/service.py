"""Accepting, watching and cancelling jobs."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import structlog

from bus import events
from bus.local import LocalBus, Scope
from dawg_server import errors, ids, logs
from dawg_server.database import generations
from dawg_server.database.pool import Database
from dawg_server.generation import estimates
from dawg_server.generation.job import Job, State
from dawg_server.generation.purchases import Purchases
from dawg_server.generation.queue import JobQueue
from dawg_server.limits import Limits
from dawg_server.metrics import Metrics

MAX_ATTEMPTS = 3
BUSY_RETRY_AFTER = 30.0  # seconds, when too many jobs wait

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class JobLimits:
    per_minute: int
    running: int
    waiting: int


class GenerationService:
    """The face of jobs to everything else in the server."""

    def __init__(
        self,
        database: Database,
        bus: LocalBus,
        queue: JobQueue,
        limits: Limits,
        job_limits: JobLimits,
        purchases: Purchases,
        *,
        slots: int,
    ) -> None:
        """`slots`: how many jobs this process runs at once."""
        self._slots = slots
        self._database, self._bus, self._queue, self._purchases = database, bus, queue, purchases
        self._limits, self._job_limits = limits, job_limits
        self._waiters: dict[str, set[asyncio.Event]] = defaultdict(set)
        for kind in (events.GenerationCompleted, events.GenerationFailed, events.GenerationCancelled):
            bus.subscribe(kind, self._on_end, Scope.EVERYWHERE)

    async def submit(
        self,
        owner_id: str,
        type: str,
        input: dict[str, Any],
        *,
        provider: str,
        base_url: str,
        project_id: str | None = None,
    ) -> tuple[Job, float]:
        """Returns the accepted job, which survives a restart from now on, and in how many seconds it should be done.

        `base_url` is the address under which the caller reached us: links about this job begin with it.
        Raises `RateLimited`, `QueueFull` and, for a provider that costs money, `BudgetExceeded`.
        """
        await self._limits.hit("jobs", owner_id, self._job_limits.per_minute)
        job_id = str(uuid.uuid4())
        await self._purchases.reserve(job_id, owner_id, type, provider, input)
        try:
            job = await self._insert(job_id, owner_id, project_id, type, input, provider, base_url)
        except BaseException:
            await self._purchases.release(job_id)
            raise
        position = await generations.position(self._database, job)
        estimate = await estimates.until_done(self._database, job, self._slots)
        log.info(
            "A job was accepted.", action="job_queued", job_id=job.id, type=type, provider=provider, position=position
        )
        await self._bus.publish(
            events.GenerationQueued(
                job_id=job.id, type=type, user_id=owner_id, params=input, position=position, estimated_seconds=estimate
            )
        )
        await self._queue.wake(job.id)
        return job, estimate

    async def _insert(
        self,
        job_id: str,
        owner_id: str,
        project_id: str | None,
        type: str,
        input: dict[str, Any],
        provider: str,
        base_url: str,
    ) -> Job:
        async with self._database.transaction() as connection:
            await generations.lock_owner(connection, owner_id)
            waiting = await generations.count(connection, owner_id, State.WAITING)
            if waiting >= self._job_limits.waiting:
                raise errors.QueueFull(
                    f"{waiting} of your jobs are waiting already. Try again when some have finished.",
                    details={"limit": self._job_limits.waiting, "waiting": waiting, "remaining": 0},
                    retry_after=BUSY_RETRY_AFTER,
                )
            return await generations.insert(
                connection,
                job_id=job_id,
                owner_id=owner_id,
                project_id=project_id,
                type=type,
                input=input,
                provider=provider,
                base_url=base_url,
                max_attempts=MAX_ATTEMPTS,
            )

    async def get(self, job_id: str, user_id: str) -> Job:
        """The job, if that user may see it; raises `NotFound` otherwise."""
        job = await generations.get_visible(self._database, job_id, user_id) if ids.is_uuid(job_id) else None
        if job is None:
            raise errors.NotFound("There is no such job.", details={"kind": "job"})
        return job

    async def position(self, job: Job) -> int | None:
        """How many jobs are before a waiting one; None for others."""
        return await generations.position(self._database, job) if job.state is State.WAITING else None

    async def wait(self, job: Job, seconds: float) -> Job:
        """The job as it is when it ends, or after `seconds`."""
        if seconds <= 0 or job.state.ended:
            return job
        ended = asyncio.Event()
        self._waiters[job.id].add(ended)
        try:
            now = await generations.get(self._database, job.id)
            if now is not None and not now.state.ended:
                async with asyncio.timeout(seconds):
                    await ended.wait()
        except TimeoutError:
            pass
        finally:
            self._waiters[job.id].discard(ended)
            if not self._waiters[job.id]:
                del self._waiters[job.id]
        return await generations.get(self._database, job.id) or job

    async def cancel(self, job_id: str, user_id: str) -> Job:
        """Ends a waiting or running job; cancelling twice is fine. Raises `NotFound` and `JobFinished`."""
        job = await self.get(job_id, user_id)
        if await generations.cancel(self._database, job.id):
            log.info("A job was cancelled.", action="job_cancelled", job_id=job.id, by=user_id)
            await self._purchases.release(job.id)
            await self._bus.publish(events.GenerationCancelled(job_id=job.id, type=job.type, user_id=job.owner_id))
        job = await self.get(job_id, user_id)
        if job.state is not State.CANCELLED:
            raise errors.JobFinished(details={"state": job.state.value})
        return job

    async def cancel_project(self, project_id: str) -> None:
        """Ends every waiting or running job of a project that is about to go."""
        for job in await generations.unfinished(self._database, project_id):
            if await generations.cancel(self._database, job.id):
                log.info("A job was cancelled with its project.", action="job_cancelled", job_id=job.id)
                await self._purchases.release(job.id)
                await self._bus.publish(events.GenerationCancelled(job_id=job.id, type=job.type, user_id=job.owner_id))

    async def page(
        self, user_id: str, *, state: str | None, type: str | None, project_id: str | None, page: int, limit: int
    ) -> tuple[list[Job], int]:
        """(jobs newest first, how many there are in all)."""
        return await generations.page(
            self._database,
            user_id,
            state=state,
            type=type,
            project_id=project_id,
            limit=limit,
            offset=(page - 1) * limit,
        )

    async def stats(self, user_id: str) -> tuple[dict[str, int], dict[str, int]]:
        """(the caller's own jobs by state, everybody's)."""
        return await generations.totals(self._database, user_id), await generations.totals(self._database, None)

    async def count_jobs(self, metrics: Metrics) -> None:
        """Sets the gauges of jobs by type and state, and of the age of the one that waits longest."""
        metrics.jobs.clear()
        for type, state, total in await generations.totals_by_type(self._database):
            metrics.jobs.labels(type, state).set(total)
        metrics.queue_age.set(await generations.oldest_waiting_age(self._database))

    def _on_end(self, event: events.JobEvent) -> None:
        for ended in self._waiters.get(event.job_id, ()):
            ended.set()
