"""Work that is done again and again as long as the server lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from dawg_server import errors, logs

CANCEL_AGAIN = 0.1  # seconds

log: structlog.stdlib.BoundLogger = logs.get("main")


class Background:
    """One task. What fails is logged and tried again at the next round."""

    def __init__(self, name: str, work: Callable[[], Awaitable[object]], interval: float) -> None:
        """`interval`: seconds between two rounds, unless `wake` is called."""
        self._name, self._work, self._interval = name, work, interval
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self._name)

    def wake(self) -> None:
        """There is something to do, or there will be when the present round ends."""
        self._wake.set()

    async def close(self) -> None:
        # More than once, because a cancellation that comes just as a statement ends gets lost in the database driver.
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_AGAIN)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._work()
            except errors.DependencyUnavailable as error:
                log.warning(
                    "Background work has to wait.", action="background_waits", task=self._name, reason=error.message
                )
            except Exception:
                log.exception("Background work broke.", action="background_broke", task=self._name)
            try:
                async with asyncio.timeout(self._interval):
                    await self._wake.wait()
            except TimeoutError:
                continue
