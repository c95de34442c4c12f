"""Accepting, watching and cancelling jobs, and how long one should take from how long the ones before it took."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import structlog

from bus import events
from bus.local import LocalBus, Scope
from dawg_server import errors, logs
from dawg_server.database import generations, idempotency_keys, job_lists
from dawg_server.database.generations import Load, Past
from dawg_server.database.pool import Database
from dawg_server.generation.job import Job, State
from dawg_server.generation.purchases import Purchases
from dawg_server.limits import Limits
from dawg_server.metrics import Metrics
from dawg_server.storage.work import WorkFolder
from dawg_server.wire import is_uuid

MAX_ATTEMPTS = 3
ACCEPTED = 202  # HTTP status of the reply that is repeated
BUSY_RETRY_AFTER = 30.0  # seconds, when too many jobs wait
# Seconds (to begin, per second of audio) on a small machine. They tell how time grows with length, which differs from
# provider to provider; the jobs of this server tell how fast it really is.
SHAPES = {
    "embedded": (2.0, 0.1),
    "replicate": (20.0, 1.5),
    "suno": (150.0, 0.0),
    "local": (1.0, 0.1),
    "anthropic": (8.0, 0.0),
}
UNKNOWN = (10.0, 0.5)

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class JobLimits:
    per_minute: int
    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Once:
    """A request that must not be done twice, and what it is answered, now and when it is repeated."""

    key: idempotency_keys.IdempotencyKey
    reply: Callable[[Job, float], dict[str, Any]]


class GenerationService:
    """Jobs, as everything else in the server asks for them."""

    def __init__(
        self,
        database: Database,
        bus: LocalBus,
        limits: Limits,
        job_limits: JobLimits,
        purchases: Purchases,
        work: WorkFolder,
        *,
        slots: int,
    ) -> None:
        """`slots`: how many jobs this process runs at once."""
        self._slots, self._work = slots, work
        self._database, self._bus, self._purchases = database, bus, purchases
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
        once: Once | None = None,
    ) -> tuple[Job, float]:
        """Returns the accepted job, which survives a restart from now on, and in how many seconds it should be done.

        `base_url` is the address under which the caller reached us: links about this job begin with it. The job, the
        budget held back for it, its entry in the queue and the reply to be repeated commit together.
        Raises `RateLimited`, `QueueFull`, for a provider that costs money `BudgetExceeded`, `DependencyUnavailable`
        when the disk is nearly full, and `Replayed`.
        """
        if shutil.disk_usage(self._work.path).free < self._work.keep_free:
            raise errors.full_disk("MIN_FREE_MB")
        # Before anything is locked, because Redis may be slow, and once, although the transaction may be made again.
        try:
            await self._limits.hit("jobs", owner_id, self._job_limits.per_minute)
        except errors.RateLimited:
            if once is not None:  # a reply that is known is never refused
                await idempotency_keys.require_new(self._database, once.key)
            raise
        job_id = str(uuid.uuid4())

        async def accept() -> tuple[Job, list[Load], float]:
            async with self._database.transaction() as connection:
                if once is not None:
                    await idempotency_keys.claim(connection, once.key)
                else:
                    await generations.lock_owner(connection, owner_id)
                if provider in self._purchases.paid:
                    await self._purchases.reserve(connection, job_id, owner_id, type, provider, input)
                accepted = await generations.accept(
                    connection,
                    job_id=job_id,
                    owner_id=owner_id,
                    project_id=project_id,
                    type=type,
                    input=input,
                    provider=provider,
                    base_url=base_url,
                    max_attempts=MAX_ATTEMPTS,
                    waiting_limit=self._job_limits.waiting,
                )
                if (job := accepted.job) is None:
                    raise errors.QueueFull(
                        f"{accepted.waiting} of your jobs are waiting already. Try again when some have finished.",
                        details={"limit": self._job_limits.waiting, "waiting": accepted.waiting, "remaining": 0},
                        retry_after=BUSY_RETRY_AFTER,
                    )
                estimate = seconds_until_done(job, accepted.load, accepted.past, self._slots)
                if once is not None:
                    reply = once.reply(job, estimate)
                    await idempotency_keys.finish(connection, once.key, ACCEPTED, reply)
                return job, accepted.load, estimate

        job, load, estimate = await self._database.repeat(accept)
        position = sum(each.jobs for each in load if each.state is State.WAITING)
        log.info(
            "A job was accepted.", action="job_queued", job_id=job.id, type=type, provider=provider, position=position
        )
        await self._bus.publish(
            events.GenerationQueued(
                job_id=job.id, type=type, user_id=owner_id, params=input, position=position, estimated_seconds=estimate
            )
        )
        return job, estimate

    async def get(self, job_id: str, user_id: str) -> Job:
        """The job, if that user may see it; raises `NotFound` otherwise."""
        job = await generations.get_visible(self._database, job_id, user_id) if is_uuid(job_id) else None
        if job is None:
            raise errors.NotFound("There is no such job.", details={"kind": "job"})
        return job

    async def position(self, job: Job) -> int | None:
        """How many jobs are before a waiting one; None for others."""
        return await job_lists.position(self._database, job) if job.state is State.WAITING else None

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
        return await job_lists.page(
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
        return await job_lists.totals(self._database, user_id), await job_lists.totals(self._database, None)

    async def everybody(self) -> tuple[dict[str, int], float]:
        """(all jobs by state, seconds that the one waits which waits longest)."""
        return await job_lists.totals(self._database, None), await job_lists.oldest_waiting_age(self._database)

    async def count_jobs(self, metrics: Metrics) -> None:
        """Sets the gauges of jobs by type and state, and of the age of the one that waits longest."""
        metrics.jobs.clear()
        for type, state, total in await job_lists.totals_by_type(self._database):
            metrics.jobs.labels(type, state).set(total)
        metrics.queue_age.set(await job_lists.oldest_waiting_age(self._database))

    def _on_end(self, event: events.JobEvent) -> None:
        for ended in self._waiters.get(event.job_id, ()):
            ended.set()


def seconds_until_done(job: Job, load: list[Load], past: Past, slots: int) -> float:
    """Seconds from now until a job that has just been accepted should be finished, the jobs before it included.

    `slots`: how many jobs this process runs at once; when more are seen to run, others help.
    """
    own = seconds_of_work(job.type, job.provider, float(job.input.get("duration") or 0.0), past)
    running = sum(each.jobs for each in load if each.state is State.ACTIVE)
    if running < slots and not any(each.state is State.WAITING for each in load):
        return own
    left = 0.0
    for each in load:
        work = _guess(each.provider, each.jobs, each.audio_seconds) * _pace(past, each.type, each.provider)
        left += max(0.0, work - each.elapsed_seconds)
    return round(own + left / max(slots, running, 1), 1)


def seconds_of_work(type: str, provider: str | None, audio_seconds: float, past: Past) -> float:
    """Seconds of work for one job, waiting not included."""
    return round(_guess(provider, 1, audio_seconds) * _pace(past, type, provider), 1)


def _guess(provider: str | None, jobs: int, audio_seconds: float) -> float:
    begin, per_second = SHAPES.get(provider or "", UNKNOWN)
    return begin * jobs + per_second * audio_seconds


def _pace(past: Past, type: str, provider: str | None) -> float:
    """By what jobs of that kind have taken longer than guessed; 1 before there are any."""
    known = past.get((type, provider))
    return median(took / _guess(provider, 1, length) for length, took in known) if known else 1.0
