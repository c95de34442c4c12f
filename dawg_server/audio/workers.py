"""A pool of processes for heavy work, so that the event loop keeps its core and survives a decoder's crash.

    result = await workers.run("dawg_server.audio.codecs:probe", path)

Processes are started on demand, used again, and end when they have been idle for a while: a fresh server has none.
They get no secrets in their environment, little priority, one thread each and a limit on memory.
"""

from __future__ import annotations

import asyncio
from typing import Any

from dawg_server import errors, logs
from dawg_server.audio import worker_messages as messages
from dawg_server.audio.worker import Reporter, Worker, WorkerCrashed, WorkerOutOfMemory

__all__ = ["Reporter", "WorkTimeLimit", "WorkerCrashed", "WorkerOutOfMemory", "Workers"]

log = logs.get("main")

_CLOSE_TIMEOUT = 5.0  # seconds


class WorkTimeLimit(errors.DawgError):
    """This took longer than it may, so it was stopped."""

    code, status = "time_limit", 504


class Workers:
    """At most `limit` processes; further calls wait in order. Belongs to one event loop; `close` ends everything."""

    def __init__(
        self, limit: int, *, memory_mb: int = 1024, idle_seconds: float = 30.0, root: str = "dawg_server"
    ) -> None:
        """`memory_mb` holds for each process; only functions of the package `root` can be called."""
        self._memory_mb = memory_mb
        self._idle_seconds = idle_seconds
        self._root = root
        self._slots = asyncio.Semaphore(limit)
        self._workers: set[Worker] = set()
        self._idle: dict[Worker, asyncio.TimerHandle] = {}  # the last one used is taken first
        self._closed = False

    async def run(
        self,
        function: str,
        /,
        *args: Any,
        report: Reporter | None = None,
        timeout: float = 600.0,  # noqa: ASYNC109 (the process has to end with it, and the wait for one does not count)
        **kwargs: Any,
    ) -> Any:
        """Calls `package.module:function` with picklable arguments in a worker and returns its result.

        With `report`, the function gets a keyword `report`; what it is called with there, `report` is called with here,
        on the event loop. Errors come back as they were raised. `timeout` (seconds) counts from the start of the work,
        not of the wait for a free process. Cancelling kills the process.

        Raises WorkTimeLimit, WorkerCrashed, WorkerOutOfMemory, and errors.Draining once the pool is closed.
        """
        module, _, name = function.partition(":")
        if not module.startswith(f"{self._root}.") or not name.isidentifier():
            raise ValueError(f"{function} is not a function of {self._root}")
        task = messages.encode(messages.WorkerTask(function, args, kwargs, report is not None))
        async with self._slots:
            self._refuse_when_closed()
            try:
                async with asyncio.timeout(timeout) as deadline:
                    return await self._perform(task, module, report)
            except TimeoutError:
                if not deadline.expired():
                    raise
                log.warning("Work was stopped at its time limit.", action="audio_worker_timeout", function=function)
                raise WorkTimeLimit from None
            except WorkerCrashed:
                self._refuse_when_closed()
                raise

    async def close(self) -> None:
        """Ends every process, busy or not; running and waiting calls raise errors.Draining."""
        self._closed = True
        for worker in self._workers:
            worker.kill()
        if self._workers:
            await asyncio.wait([worker.attending for worker in self._workers], timeout=_CLOSE_TIMEOUT)

    async def _perform(self, task: bytes, module: str, report: Reporter | None) -> Any:
        worker = await self._free_worker(module)
        try:
            return await worker.run(task, report)
        finally:
            if worker.usable:
                loop = asyncio.get_running_loop()
                self._idle[worker] = loop.call_later(self._idle_seconds, worker.retire)

    async def _free_worker(self, module: str) -> Worker:
        while self._idle:
            worker, timer = self._idle.popitem()
            timer.cancel()
            if worker.usable:
                return worker
        worker = await Worker.start(self._root, self._memory_mb, module)
        self._workers.add(worker)
        worker.attending.add_done_callback(lambda _: self._forget(worker))
        if self._closed:
            worker.kill()
        return worker

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise errors.Draining

    def _forget(self, worker: Worker) -> None:
        self._workers.discard(worker)
        timer = self._idle.pop(worker, None)
        if timer is not None:
            timer.cancel()
