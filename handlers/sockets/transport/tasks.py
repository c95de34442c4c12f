"""Background tasks with an owner: none is lost by the garbage collector, breaks silently or outlives its server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from dawg_server import logs

log = logs.get("main")

CANCEL_ROUNDS = 10  # a task may shield a last step from its first cancellation
CANCEL_WAIT = 1.0  # seconds a round


class Tasks:
    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def settle(self, grace: float) -> None:
        """Gives what is running `grace` seconds to end by itself."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace)

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
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A socket task broke.", action="socket_task_failed", task=task.get_name(), exc_info=error)
