"""Side tasks that outlive every failure: named, logged, begun again, and ended within a bound.

Stands beside the bus because the bus itself has three of them; everything above uses the same class.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds after a failure, doubled each time
JITTER = 0.2  # of the pause, either way
BROKEN_AFTER = 60.0  # seconds of nothing but failures after which this process is not ready for new work
SETTLED_AFTER = 30.0  # seconds of work without a failure that count as a success
CLOSE_TIMEOUT = 10.0  # seconds
SETTLE_INTERVAL = 0.02  # seconds between two looks at what is still running
ASK_AGAIN = 1.0  # seconds between two requests to end; `asyncio.wait_for` of Python 3.11 can lose one

log = structlog.get_logger(service="main")

_started: weakref.WeakSet[SupervisedLoop] = weakref.WeakSet()


class SupervisedLoop:
    """One task that does `work` again and again until it is closed.

    Whatever a round raises is logged with the loop's name and what it was doing, and the next one begins after a pause
    that grows. `broken` tells when nothing but failures has happened for `BROKEN_AFTER` seconds.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        *,
        doing: str,
        interval: float = 0.0,
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        """`doing` completes "… failed": "Looking for lost jobs". `interval`: seconds from one round to the next.

        `expected` are outages of something else, which its own health check reports: they are logged without a
        traceback and leave this process ready.
        """
        self.name = name
        self._work, self._doing, self._interval, self._expected = work, doing, interval, expected
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._broken_since: float | None = None  # time.monotonic() of the first unexpected failure in a row
        self._round_began = 0.0

    def start(self, *, after: float = 0.0) -> None:
        """`after`: seconds before the first round."""
        self._task = asyncio.create_task(self._run(after), name=self.name)
        _started.add(self)

    def wake(self) -> None:
        """Begins the next round now, or as soon as the present one has ended."""
        self._wake.set()

    async def close(self) -> None:
        """Returns when the work has ended; after `CLOSE_TIMEOUT` it is left behind, and the log says so."""
        task, self._task = self._task, None
        _started.discard(self)
        if task is None:
            return
        deadline = time.monotonic() + CLOSE_TIMEOUT
        while not task.done():
            if time.monotonic() > deadline:
                log.error(f"{self._doing} does not end and is left behind.", action="loop_stuck", loop=self.name)
                return
            task.cancel()
            await asyncio.wait({task}, timeout=ASK_AGAIN)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error(f"{self._doing} failed while it was ended.", action="loop_failed", loop=self.name, exc_info=error)

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def broken(self) -> bool:
        if self._broken_since is None or time.monotonic() - self._round_began > SETTLED_AFTER:
            return False
        return time.monotonic() - self._broken_since > BROKEN_AFTER

    def succeed(self) -> None:
        """For work that never returns: what failed before is over."""
        self._failures, self._broken_since = 0, None

    async def _run(self, after: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(after)
        while True:
            if task.cancelling():  # a round has lost the request to end
                raise asyncio.CancelledError
            self._wake.clear()
            self._round_began = time.monotonic()
            try:
                await self._work()
            except asyncio.CancelledError as error:
                if task.cancelling():
                    raise
                self._failed(error)  # nobody asked for it: something that was awaited had been cancelled
            except Exception as error:
                if self._task is None:  # it is being closed, which logs the error
                    raise
                self._failed(error)
            else:
                self.succeed()
            if self._failures:
                await asyncio.sleep(self._pause())
            elif self._interval:
                await self._woken_or_due()
            else:
                await asyncio.sleep(0)

    def _failed(self, error: BaseException) -> None:
        if time.monotonic() - self._round_began > SETTLED_AFTER:
            self.succeed()
        self._failures += 1
        if isinstance(error, self._expected):
            self._broken_since = None
        elif self._broken_since is None:
            self._broken_since = time.monotonic()
        log.warning(
            f"{self._doing} failed and is tried again.",
            action="loop_failed",
            loop=self.name,
            failures=self._failures,
            error=f"{type(error).__name__}: {error}",
            exc_info=None if isinstance(error, self._expected) else error,
        )

    def _pause(self) -> float:
        pause = min(FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10), LONGEST_PAUSE)
        return pause * random.uniform(1 - JITTER, 1 + JITTER)

    async def _woken_or_due(self) -> None:
        try:
            async with asyncio.timeout(self._interval):
                await self._wake.wait()
        except TimeoutError:
            return


def broken() -> list[str]:
    """The names of this process' loops that do nothing but fail."""
    return sorted(loop.name for loop in _started if loop.broken)


class Tasks:
    """Tasks that end by themselves: none is lost by the garbage collector, breaks silently or outlives its owner.

    `running` is open to owners of tasks that rest and wake: who rests is taken out, and ended by its owner.
    """

    def __init__(self) -> None:
        self.running: set[asyncio.Task[Any]] = set()

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
                    await end(*running)
                    await asyncio.sleep(0)  # for `_ended` of those that had ended before

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A task broke.", action="task_failed", task=task.get_name(), exc_info=error)


async def end(*tasks: asyncio.Task[Any], ask_again: float = ASK_AGAIN) -> None:
    """Cancels the tasks and returns when they have ended, however they did.

    They are asked again every `ask_again` seconds, because in Python 3.11 `asyncio.wait_for`, which the database driver
    uses, loses a request that meets the end of what it waits for. Give tasks that clean up time for that.
    """
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=ask_again)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen, so that nobody complains of an error that nobody has looked at
