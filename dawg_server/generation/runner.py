"""Runs one job: take it, do it, store it, tell it; give it back when that did not work."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import shutil
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from bus import events, supervision
from bus.local import Scope
from dawg_server import errors, logs
from dawg_server.database import UniqueViolation, audio_files, generations
from dawg_server.generation import outcome as outcomes
from dawg_server.generation.job import Job, Lease
from dawg_server.generation.outcome import Placement
from dawg_server.generation.progress import Progress
from dawg_server.generation.providers import Provider, Work
from dawg_server.generation.providers.base import AlreadyTaken, Late, Refused, Transient
from dawg_server.generation.purchases import Purchases
from dawg_server.generation.queue import JobQueue
from dawg_server.generation.reconciler import Reconciler
from dawg_server.generation.requests import Providers
from dawg_server.platform import Platform

HEARTBEAT_INTERVAL = 2.0  # seconds
TIME_LIMIT = 600.0  # seconds for one attempt
TIME_LIMITS = {"vocals": 900.0}  # seconds, by type, where it differs
RETRY_DELAYS = (2.0, 4.0)  # seconds before the second and the third attempt
JITTER = 0.2  # of the delay, either way
PROVIDER_SHARE = 0.9  # of the percent; storing takes the rest
WORTH_ANOTHER_TRY = (Transient, errors.DependencyUnavailable, errors.Contention, errors.ProviderTimeout, OSError)
CANCEL_TIMEOUT = 5.0  # seconds to tell a provider that a job was cancelled
LAST_WORDS = 20.0  # seconds that a cancelled job gets: for that, and for the answer to a purchase

log: structlog.stdlib.BoundLogger = logs.get("main")


class LostLease(Exception):
    """The job belongs to somebody else by now, or was cancelled: nothing more is to be done here."""


class JobRunner:
    """Does jobs one by one as the queue wakes it; owns nothing between two jobs."""

    def __init__(
        self,
        platform: Platform,
        queue: JobQueue,
        providers: Providers,
        purchases: Purchases,
        reconciler: Reconciler,
        placement: Placement,
    ) -> None:
        self.name = f"{platform.settings.replica}:{platform.replicas.own}"  # no other process has it
        self._database, self._bus, self._storage = platform.database, platform.bus, platform.storage
        self._queue, self._providers, self._placement = queue, providers, placement
        self._purchases, self._reconciler = purchases, reconciler
        self._folder = platform.work.path  # where jobs may leave files while they run
        self._running_limit = platform.settings.jobs_running
        self.retry_delays = RETRY_DELAYS
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._unsubscribe = platform.bus.subscribe(events.GenerationCancelled, self._on_cancelled, Scope.EVERYWHERE)

    async def run(self, job_id: str) -> None:
        """Returns when the job has ended, was given back, or was not to be taken."""
        job = await generations.claim(self._database, job_id, self.name, running_limit=self._running_limit)
        if job is None:
            return
        lease = Lease(job.id, self.name, job.attempts)
        clock = time.monotonic()
        with structlog.contextvars.bound_contextvars(job_id=job.id, user_id=job.owner_id):
            log.info("A job begins.", action="job_started", type=job.type, provider=job.provider, attempt=job.attempts)
            if job.attempts == 1 and job.progress == 0 and not job.provider_state:
                await self._bus.publish(events.GenerationStarted(**_about(job)))
            try:
                recordings, result = await self._attempt(job, lease)
                await self._complete(job, lease, recordings, result)
            except Refused as refusal:
                await self._refused(job, lease, refusal.error)
            except LostLease:
                log.info("The job was cancelled or taken over.", action="job_let_go")
            except asyncio.CancelledError:
                await self._hand_back(job, lease)
                raise
            except Exception as error:
                await self._failed(job, lease, error)
            else:
                took = round((time.monotonic() - clock) * 1000)
                log.info("A job has finished.", action="job_completed", type=job.type, duration_ms=took)

    def close(self) -> None:
        self._unsubscribe()

    async def _attempt(self, job: Job, lease: Lease) -> outcomes.Stored:
        """Does the work and stores the files, while a heartbeat keeps the lease."""
        provider = self._providers.by_name.get(job.provider or "")
        if provider is None:
            raise errors.ProviderUnconfigured(f"A job of {job.provider}", f"{(job.provider or '').upper()}_API_KEY")
        folder = self._folder / job.id
        await asyncio.to_thread(_make_empty, folder)
        progress = Progress(lambda *report: self._publish_progress(job, lease, progress, *report), job.progress)

        async def remember(ref: str | None, state: dict[str, Any]) -> None:
            try:
                held = await generations.set_provider(
                    self._database, lease, provider=provider.name, ref=ref, state=state
                )
            except UniqueViolation:
                raise AlreadyTaken from None
            if not held:
                if ref is not None:
                    await generations.note_purchase(self._database, job.id, provider.name, ref)
                raise LostLease

        async def preview(takes: list[dict[str, str]]) -> None:
            await self._bus.publish(events.GenerationPreviewed(**_about(job), takes=takes))

        work = Work(
            job_id=job.id,
            owner_id=job.owner_id,
            type=job.type,
            input=job.input,
            folder=folder,
            report=lambda percent, stage, message: progress.report(percent * PROVIDER_SHARE, stage, message),
            remember=remember,
            book=functools.partial(self._purchases.book, job, provider.name),
            preview=preview,
            ref=job.provider_ref,
            state=job.provider_state,
        )
        helpers = [
            asyncio.create_task(progress.run(), name=f"progress-{job.id}"),
            asyncio.create_task(self._keep(lease, progress), name=f"heartbeat-{job.id}"),
        ]
        doing = asyncio.create_task(self._do(job, work, provider, progress), name=f"job-{job.id}")
        self._running[job.id] = doing
        try:
            done, _ = await asyncio.wait(
                {doing, *helpers}, timeout=TIME_LIMITS.get(job.type, TIME_LIMIT), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                raise AttemptTimeLimit()
            first = doing if doing in done else done.pop()
            if first.cancelled():
                raise LostLease
            if first is not doing:
                first.result()
            return await doing
        finally:
            self._running.pop(job.id, None)
            for task in helpers:
                task.cancel()
            await supervision.end(doing, ask_again=LAST_WORDS)
            await supervision.end(*helpers)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _do(self, job: Job, work: Work, provider: Provider, progress: Progress) -> outcomes.Stored:
        progress.report(0, "preparing", "Getting ready.")
        try:
            async with self._purchases.held(job):
                outcome = await provider.generate(work)
        except asyncio.CancelledError:
            await self._tell_provider(job, work, provider)
            raise
        progress.report(100 * PROVIDER_SHARE, "storing", "Storing the files.")
        stored = await outcomes.store(job, outcome, self._storage)
        await progress.flush()
        return stored

    async def _complete(
        self, job: Job, lease: Lease, recordings: list[outcomes.StoredRecording], result: dict[str, Any]
    ) -> None:
        async def write() -> dict[str, Any]:
            async with self._placement.completing(job) as placing:
                await audio_files.insert(
                    placing.connection,
                    [recording.row for recording in recordings],
                    [rendition for recording in recordings for rendition in recording.renditions],
                )
                placed = await placing.place(result)
                if not await generations.complete(placing.connection, lease, placed):
                    raise LostLease
                return placed

        told = await self._database.repeat(write)
        await self._bus.publish(
            events.GenerationProgressed(**_about(job), percent=100, stage="complete", message="Done.")
        )
        await self._bus.publish(
            events.GenerationCompleted(**_about(job), result=told, base_url=job.base_url, project_id=job.project_id)
        )

    async def _publish_progress(
        self, job: Job, lease: Lease, progress: Progress, percent: int, stage: str, message: str
    ) -> None:
        """Each new stage is written down at once, what lies between a second later at most."""
        if progress.is_due(stage):
            if not await generations.set_progress(self._database, lease, percent, stage):
                return
            progress.stored(stage)
        await self._bus.publish(
            events.GenerationProgressed(**_about(job), percent=percent, stage=stage, message=message)
        )

    async def _keep(self, lease: Lease, progress: Progress) -> None:
        """Shows that this worker lives, and notices when the job was cancelled or given to somebody else."""
        while True:
            await asyncio.sleep(HEARTBEAT_INTERVAL)
            try:
                held = await generations.set_progress(self._database, lease, progress.percent, progress.stage)
            except errors.DependencyUnavailable:
                continue
            if not held:
                raise LostLease

    def _on_cancelled(self, event: events.GenerationCancelled) -> None:
        if task := self._running.get(event.job_id):
            task.cancel()

    async def _tell_provider(self, job: Job, work: Work, provider: Provider) -> None:
        """Only a job that was cancelled by a person: one that is handed over goes on with the provider elsewhere."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CANCEL_TIMEOUT):
                now = await generations.get(self._database, job.id)
                if now is not None and now.state.ended:
                    await provider.cancel(replace(work, ref=now.provider_ref, state=now.provider_state))
                    await self._reconciler.settle(now)

    async def _refused(self, job: Job, lease: Lease, error: errors.DawgError) -> None:
        """Asks the next provider, when the user has left the choice to us; this one has charged nothing."""
        second = self._providers.after(job.type, job.provider or "", job.input)
        if second is None:
            await self._failed(job, lease, error)
            return
        note = f"{second} made this, because {job.provider} had refused: {error.message}"
        log.warning(
            "A provider has refused; another one is asked.",
            action="job_redirected",
            provider=second,
            refused_by=job.provider,
            error=error.message,
        )
        notes = [*job.provider_state.get("notes", ()), note]
        if await generations.redirect(self._database, lease, provider=second, state={"notes": notes}):
            await self._queue.wake(job.id)

    async def _hand_back(self, job: Job, lease: Lease) -> None:
        with contextlib.suppress(errors.DawgError):
            if await generations.release(self._database, lease, attempt_counts=False):
                log.info("This server stops, the job goes back to the queue.", action="job_handed_back")
                await self._queue.wake(job.id)

    async def _failed(self, job: Job, lease: Lease, error: Exception) -> None:
        if isinstance(error, WORTH_ANOTHER_TRY) and job.attempts < job.max_attempts:
            delay = self.retry_delays[min(job.attempts, len(self.retry_delays)) - 1]
            delay *= random.uniform(1 - JITTER, 1 + JITTER)
            log.warning("An attempt failed and will be repeated.", action="job_retry", error=str(error), delay_s=delay)
            if await generations.release(self._database, lease, after=delay):
                await self._queue.wake(job.id, after=delay)
            return
        if not isinstance(error, errors.DawgError | Transient):
            log.error("A job broke.", action="job_broke", error="".join(traceback.format_exception(error))[-4000:])
        code, message = _told(error)
        retryable = isinstance(error, WORTH_ANOTHER_TRY)
        stored = {"code": code, "message": message, "provider": job.provider, "retryable": retryable}
        if await generations.fail(self._database, lease, stored):
            log.warning("A job has failed.", action="job_failed", type=job.type, code=code, error=message)
            await self._bus.publish(
                events.GenerationFailed(**_about(job), error=message, code=code, retryable=retryable)
            )


class AttemptTimeLimit(errors.DawgError):
    """This took longer than a job may take, so it was stopped."""

    code, status = "time_limit", 504


def _told(error: Exception) -> tuple[str, str]:
    """(stable code, sentence for people); what broke inside of the server is not told."""
    if isinstance(error, errors.DawgError):
        return error.code, error.message
    if errors.is_full_disk(error):
        return _told(errors.full_disk())
    if isinstance(error, Late):
        return errors.ProviderTimeout.code, str(error)
    if isinstance(error, Transient):
        return errors.ProviderFailed.code, str(error)
    return errors.DawgError.code, errors.DawgError().message


def _about(job: Job) -> dict[str, Any]:
    return {"job_id": job.id, "type": job.type, "user_id": job.owner_id}


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
