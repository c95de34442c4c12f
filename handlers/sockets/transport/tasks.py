"""Background tasks with an owner: none is lost by the garbage collector, breaks silently or outlives its server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from dawg_server import logs

log = logs.get("main")

CANCEL_ROUNDS = 10  # a task may shield a last step from its first cancellation
CANCEL_WAIT = 1.0  # seconds a round


class Tasks:
    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._settled: asyncio.Event | None = None  # while somebody waits for it: nothing runs

    def __len__(self) -> int:
        return len(self._running)

    def start(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def rest(self, task: asyncio.Task[Any]) -> None:
        """A worker has nothing to do: nobody waits for it, and its owner ends it."""
        self._running.discard(task)
        if self._settled is not None and not self._running:
            self._settled.set()

    def resume(self, task: asyncio.Task[Any]) -> None:
        self._running.add(task)

    async def settle(self, grace: float) -> None:
        """Gives what is running `grace` seconds to end by itself."""
        if self._running:
            self._settled = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), grace)

    async def close(self) -> None:
        """Cancels and awaits everything that is still running."""
        for _ in range(CANCEL_ROUNDS):
            running = self._running - {asyncio.current_task()}
            if not running:
                return
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=CANCEL_WAIT)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.rest(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A socket task broke.", action="socket_task_failed", task=task.get_name(), exc_info=error)
