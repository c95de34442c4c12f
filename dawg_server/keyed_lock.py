"""A lock for every name that is in use: a project that is changed, a recording that is measured."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Hashable


class KeyedLock:
    """Fair: who came first is first. A name that nobody holds or waits for takes no memory."""

    def __init__(self, *, patience: float | None = None, late: Callable[[], Exception] = TimeoutError) -> None:
        """Who waits longer than `patience` seconds gets the exception that `late` makes; None waits for ever."""
        self._patience, self._late = patience, late
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @contextlib.asynccontextmanager
    async def holding(self, name: Hashable) -> AsyncIterator[None]:
        lock, users = self._locks.get(name) or (asyncio.Lock(), 0)
        self._locks[name] = lock, users + 1
        try:
            try:
                async with asyncio.timeout(self._patience):
                    await lock.acquire()
            except TimeoutError:
                raise self._late() from None
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, users = self._locks[name]
            if users == 1:
                del self._locks[name]
            else:
                self._locks[name] = lock, users - 1
