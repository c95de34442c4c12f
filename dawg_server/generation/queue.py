"""How work finds a worker: procrastinate on the Postgres that we have anyway.

A queue entry is only a wake-up call for a row of `generations`; an entry that gets lost is made again by `Sweeper`,
one too many finds nothing to take.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import procrastinate
import structlog
from procrastinate import exceptions
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.worker import Worker

from dawg_server import errors, logs

TASK = "run_generation"
POLLING_INTERVAL = 1.0  # seconds; new jobs are announced by NOTIFY, polling is the net below
STOP_INTERVAL = 1.0  # seconds between two requests to stop
RESTART_DELAY = 1.0  # seconds before a worker that lost its database begins anew
POOL_SIZE = 3  # connections: fetching and finishing are short, one more listens
CONNECT_TIMEOUT = 5  # seconds
LEAST_LOST = 30.0  # seconds; a procrastinate worker says every ten that it lives

log: structlog.stdlib.BoundLogger = logs.get("main")


class JobQueue:
    """Wakes one worker of the cluster per job."""

    def __init__(self, dsn: str) -> None:
        connector = procrastinate.PsycopgConnector(
            conninfo=dsn,
            min_size=0,
            max_size=POOL_SIZE,
            timeout=CONNECT_TIMEOUT,
            kwargs={"connect_timeout": CONNECT_TIMEOUT},
        )
        self._app = procrastinate.App(connector=connector)
        self._worker: Worker | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def open(self) -> None:
        await self._app.open_async()

    async def close(self) -> None:
        await self.stop()
        await self._app.close_async()

    async def wake(self, job_id: str, *, after: float = 0.0) -> None:
        """Has the job run `after` seconds from now; a job that is to be woken anyway is not woken twice."""
        schedule: Any = {"schedule_in": {"milliseconds": int(after * 1000)}} if after else {}
        deferrer = self._app.configure_task(TASK, queueing_lock=job_id, allow_unknown=True, **schedule)
        try:
            await deferrer.defer_async(job_id=job_id)
        except exceptions.AlreadyEnqueued:
            return
        except exceptions.ConnectorException:
            raise errors.DependencyUnavailable("database") from None

    def start(self, run: Callable[[str], Awaitable[None]], concurrency: int) -> None:
        """Runs up to `concurrency` jobs at once in this process until `stop`."""

        async def run_generation(job_id: str) -> None:
            try:
                await run(job_id)
            except errors.DependencyUnavailable:
                log.warning(
                    "The database was lost in the middle of a job; it goes on when its lease has run out.",
                    action="job_database_lost",
                    job_id=job_id,
                )

        self._app.tasks.clear()  # of an earlier start
        self._app.task(name=TASK)(run_generation)
        self._stopping = False
        self._task = asyncio.create_task(self._work(concurrency), name="job-worker")

    async def stop(self) -> None:
        """Takes no more jobs and cancels those that run; their runner hands them back."""
        task, self._task = self._task, None
        self._stopping = True
        while task is not None and not task.done():
            # Asked twice, because a request that meets the start of the worker can get lost.
            if self._worker is not None:
                self._worker.stop()  # type: ignore[no-untyped-call]
            await asyncio.wait({task}, timeout=STOP_INTERVAL)

    async def discard_stalled(self, lost_after: float) -> None:
        """Forgets the entries of workers that died; `Sweeper` has the jobs themselves woken again."""
        with contextlib.suppress(exceptions.ConnectorException):
            after = max(lost_after, LEAST_LOST)
            for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=after):
                await self._app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)

    async def _work(self, concurrency: int) -> None:
        while not self._stopping:
            self._worker = Worker(
                app=self._app,
                concurrency=concurrency,
                install_signal_handlers=False,
                fetch_job_polling_interval=POLLING_INTERVAL,
                delete_jobs=DeleteJobCondition.ALWAYS.value,
                shutdown_graceful_timeout=0,
            )
            try:
                await self._worker.run()  # type: ignore[no-untyped-call]
            except Exception as error:
                log.warning(
                    "The job worker lost its database and begins anew.",
                    action="worker_restarted",
                    error=type(error).__name__,
                )
                await asyncio.sleep(RESTART_DELAY)
