"""Background tasks with an owner: none is lost by the garbage collector, breaks silently or outlives its server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any

from bus import supervision
from dawg_server import logs

log = logs.get("main")

CLOSE_TIMEOUT = 10.0  # seconds for what is cancelled
SETTLE_INTERVAL = 0.02  # seconds between two looks at what is still running


class Tasks:
    """`running` is open to owners of tasks that rest and wake: who rests is taken out, and ended by its owner."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self.running)

    def start(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine, name=name)
        self.running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def settle(self, grace: float) -> None:
        """Gives what is running `grace` seconds to end by itself."""
        until = time.monotonic() + grace
        while self.running and (left := until - time.monotonic()) > 0:
            await asyncio.wait(self.running, timeout=min(left, SETTLE_INTERVAL))

    async def close(self) -> None:
        """Cancels and awaits everything that is still running."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while running := self.running - {asyncio.current_task()}:
                    await supervision.end(*running)
                    await asyncio.sleep(0)  # for `_ended` of those that had ended before

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A socket task broke.", action="socket_task_failed", task=task.get_name(), exc_info=error)
