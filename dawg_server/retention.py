"""Forgets what has been kept long enough, a little at a time."""

from __future__ import annotations

import structlog

from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.database import retention
from dawg_server.database.pool import Database

INTERVAL = 3600.0  # seconds

log: structlog.stdlib.BoundLogger = logs.get("main")


class Retention:
    """Any number of replicas may do it at once. `jobs` and `steps` are the days that ended jobs with their prompts, and
    steps of projects, are kept."""

    def __init__(self, database: Database, *, jobs: int, steps: int) -> None:
        self._database, self._jobs, self._steps = database, jobs, steps
        self._loop = SupervisedLoop(
            "retention",
            self.forget,
            doing="Forgetting what was kept long enough",
            interval=INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )

    def start(self) -> None:
        self._loop.start()

    async def close(self) -> None:
        await self._loop.close()

    async def forget(self) -> None:
        gone: dict[str, int] = {}
        for table in retention.TABLES:
            while rows := await retention.forget(self._database, table, jobs=self._jobs, steps=self._steps):
                gone[table] = gone.get(table, 0) + rows
        if gone:
            log.info("What was kept long enough is forgotten.", action="retention", rows=gone)
