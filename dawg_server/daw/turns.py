"""One writer per project in this process: the others wait here instead of each holding a database session."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from dawg_server import errors

WAIT = 10.0  # seconds


class Turns:
    """Fair: who came first is first. News of a project are published within the turn, so they keep their order."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @contextlib.asynccontextmanager
    async def of(self, project_id: str) -> AsyncIterator[None]:
        """Raises `DependencyUnavailable` when the turn does not come within `WAIT`."""
        lock, users = self._locks.get(project_id) or (asyncio.Lock(), 0)
        self._locks[project_id] = lock, users + 1
        try:
            try:
                async with asyncio.timeout(WAIT):
                    await lock.acquire()
            except TimeoutError:
                raise errors.DependencyUnavailable(
                    "database", "Too many people are changing this project at once. Try again."
                ) from None
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, users = self._locks[project_id]
            if users == 1:
                del self._locks[project_id]
            else:
                self._locks[project_id] = lock, users - 1
