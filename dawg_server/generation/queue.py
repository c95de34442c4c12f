"""How work finds a worker: procrastinate on the Postgres that we have anyway.

A queue entry is only a wake-up call for a row of `generations`; an entry that gets lost is made again by `Reaper`, one
too many finds nothing to take.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import procrastinate
import structlog
from procrastinate import exceptions
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.worker import Worker

from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.database import UniqueViolation, generations
from dawg_server.database.pool import Database
from dawg_server.generation.connector import PoolConnector

POLLING_INTERVAL = 1.0  # seconds; new jobs are announced by NOTIFY, polling is the net below
STOP_INTERVAL = 1.0  # seconds between two requests to stop
STOP_TIMEOUT = 60.0  # seconds; jobs get that long to be handed back
LEAST_LOST = 30.0  # seconds; a procrastinate worker says every ten that it lives

log: structlog.stdlib.BoundLogger = logs.get("main")

Run = Callable[[str], Awaitable[None]]


class JobQueue:
    """Wakes one worker of the cluster per job."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._app = procrastinate.App(connector=PoolConnector(database))
        self._worker: Worker | None = None
        self._idle = asyncio.Event()  # no worker runs
        self._concurrency = 0
        self._stopping = False
        self._loop = SupervisedLoop(
            "job-worker",
            self._work,
            doing="Fetching jobs",
            expected=(errors.DependencyUnavailable, exceptions.ConnectorException),
        )

    async def wake(self, job_id: str, *, after: float = 0.0) -> None:
        """Has the job run `after` seconds from now; a job that is to be woken anyway is not woken twice."""
        with contextlib.suppress(UniqueViolation):
            await generations.enqueue(self._database, job_id, after=after)

    def start(self, run: Run, concurrency: int) -> None:
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
        self._app.task(name=generations.QUEUE_TASK)(run_generation)
        self._concurrency, self._stopping = concurrency, False
        self._loop.start()

    async def stop(self) -> None:
        """Takes no more jobs and cancels those that run; their runner hands them back."""
        self._stopping = True
        deadline = time.monotonic() + STOP_TIMEOUT
        while (worker := self._worker) is not None and time.monotonic() < deadline:
            # Asked again, because a request that meets the start of the worker can get lost.
            worker.stop()  # type: ignore[no-untyped-call]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_INTERVAL):
                    await self._idle.wait()
        await self._loop.close()

    async def discard_stalled(self, lost_after: float) -> None:
        """Forgets the entries of workers that died; `Reaper` has the jobs themselves woken again."""
        with contextlib.suppress(exceptions.ConnectorException):
            after = max(lost_after, LEAST_LOST)
            for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=after):
                await self._app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)

    async def _work(self) -> None:
        if self._stopping:
            await asyncio.Event().wait()  # for the end of the loop
        self._idle.clear()
        self._worker = Worker(
            app=self._app,
            concurrency=self._concurrency,
            install_signal_handlers=False,
            fetch_job_polling_interval=POLLING_INTERVAL,
            delete_jobs=DeleteJobCondition.ALWAYS.value,
            shutdown_graceful_timeout=0,
        )
        try:
            await self._worker.run()  # type: ignore[no-untyped-call]
        finally:
            self._worker = None
            self._idle.set()
