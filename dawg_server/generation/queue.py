"""How work finds a worker: procrastinate on the Postgres that we have anyway.

A queue entry is only a wake-up call for a row of `generations`; an entry that gets lost is made again by `Reaper`, one
too many finds nothing to take.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import procrastinate
import psycopg2  # type: ignore[import-untyped]
import structlog
from procrastinate import connector, exceptions
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.worker import Worker

from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.database import UniqueViolation, constraint, generations
from dawg_server.database.driver import adapted
from dawg_server.database.pool import Database, Row

POLLING_INTERVAL = 1.0  # seconds; new jobs are announced by NOTIFY, polling is the net below
STOP_INTERVAL = 1.0  # seconds between two requests to stop
STOP_TIMEOUT = 60.0  # seconds; jobs get that long to be handed back
LOOK = '{"type": "job_inserted", "job_id": 0}'  # for what was announced while nobody listened
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


class PoolConnector(connector.BaseAsyncConnector):
    """procrastinate over our own pool: one driver, one place that finds Postgres again after an outage."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_async(self, pool: Any = None) -> None:
        """The pool is open already, and its owner closes it."""

    async def close_async(self) -> None:
        """As above."""

    async def execute_query_async(self, query: str, **arguments: Any) -> None:
        await self._rows(query, arguments)

    async def execute_query_one_async(self, query: str, **arguments: Any) -> Row:
        rows = await self._rows(query, arguments)
        if not rows:
            raise exceptions.NoResult
        return rows[0]

    async def execute_query_all_async(self, query: str, **arguments: Any) -> list[Row]:
        return await self._rows(query, arguments)

    async def listen_notify(self, on_notification: connector.Notify, channels: Iterable[str]) -> None:
        """Passes notifications on until cancelled. While the database is away, polling is the net below."""
        names = tuple(channels)

        async def listen() -> None:
            async with self._database.notifications(*names) as notifications:
                listening.succeed()
                await on_notification(channel=names[0], payload=LOOK)
                while True:
                    notification = await notifications.get()
                    await on_notification(channel=notification.channel, payload=notification.payload)

        expected = (errors.DependencyUnavailable, psycopg2.Error)
        listening = SupervisedLoop("job-listener", listen, doing="Listening for new jobs", expected=expected)
        listening.start()
        try:
            await asyncio.Event().wait()
        finally:
            await listening.close()

    async def _rows(self, query: str, arguments: dict[str, Any]) -> list[Row]:
        try:
            return await self._database.fetch_all(query, {name: adapted(value) for name, value in arguments.items()})
        except UniqueViolation as error:
            raise exceptions.UniqueViolation(constraint_name=constraint(error), queueing_lock=None) from error
        except (errors.DependencyUnavailable, errors.Contention, psycopg2.Error) as error:
            raise exceptions.ConnectorException from error
