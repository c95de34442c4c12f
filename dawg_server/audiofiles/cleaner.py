"""Removes bytes that no recording names: of deleted recordings at once, of work that died after a while."""

from __future__ import annotations

import contextlib

import structlog

from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.database import pending_deletes
from dawg_server.database.pool import Database
from dawg_server.storage import Storage

INTERVAL = 60.0  # seconds
MOST = 10_000  # files in one go
POSTPONED = 600.0  # seconds until a file is tried again that could not be removed

log: structlog.stdlib.BoundLogger = logs.get("main")


class Cleaner:
    """Any number of replicas may clean at once: each key is locked while it is removed."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database, self._storage = database, storage
        self._loop = SupervisedLoop(
            "storage-cleaner",
            self._clean_up,
            doing="Removing files that belong to nothing",
            interval=INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )

    def start(self) -> None:
        self._loop.start()

    async def close(self) -> None:
        await self._loop.close()

    async def clean(self, *, most: int = MOST) -> int:
        """Removes what is due, at most so many files; returns how many. What cannot be removed is left for later."""
        removed = 0
        while removed < most and await self._remove_one():
            removed += 1
        return removed

    async def _clean_up(self) -> None:
        if removed := await self.clean():
            log.info("Files that belong to nothing were removed.", action="storage_cleaned", count=removed)

    async def _remove_one(self) -> bool:
        key = None
        try:
            async with self._database.transaction() as connection:
                key = await pending_deletes.next_due(connection)
                if key is None:
                    return False
                if not await pending_deletes.is_named(connection, key):
                    await self._storage.delete(key)
                await pending_deletes.forget(connection, key)
        except errors.DependencyUnavailable:
            with contextlib.suppress(errors.DependencyUnavailable):
                if key is not None:
                    await pending_deletes.announce(self._database, [key], POSTPONED)
            raise
        return True
