"""The events of one client, handled in the order in which they were sent.

- A plain function runs at once, in the reader, without a task.
- A coroutine function runs in the client's one worker task; whatever arrives meanwhile waits its turn, so that the
  mutations of one client are applied in order. Other clients, and other namespaces of the same browser, don't notice.
- A handler registered as `concurrent` starts at once whatever else is running: `cancel` need not wait for what it is
  to cancel, and many of them can run side by side.
- Handlers begin in the order of their events, these ones too: whenever a task was started, the reader lets it take its
  first step before it reads on, so that a `cancel` never overtakes what it cancels.
- Whoever sends faster than it is served for long is answered with `rate_limited`; the reader never waits, so that
  pings and disconnects are never stuck behind a slow handler.
- When the client leaves, what has begun is finished (its ack goes nowhere), what waits is dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from dawg_server import errors
from handlers.sockets.transport.tasks import Tasks

if TYPE_CHECKING:
    from handlers.sockets.transport.manager import Client

MAX_WAITING = 1024  # events
MAX_WAITING_BYTES = 1_000_000  # as received
MAX_CONCURRENT = 16  # handlers registered as concurrent, running for one client


@dataclass(slots=True)
class Call:
    """One received event and the handler it goes to. `answer` and `fail` are given the call and the outcome."""

    client: Client
    event: str
    id: int | None  # of the acknowledgement that the client waits for
    handler: Callable[..., Any]
    arguments: tuple[Any, ...]
    size: int  # bytes, as received
    concurrent: bool
    answer: Callable[[Call, Any], None]
    fail: Callable[[Call, Exception], None]

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """Runs a plain handler to its end; of a coroutine function the coroutine comes back, to be awaited."""
        try:
            result = self.handler(*self.arguments)
            if isinstance(result, CoroutineType):
                return result
            self.answer(self, result)
        except Exception as error:
            self.fail(self, error)
        return None

    async def finish(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            self.answer(self, await coroutine)
        except Exception as error:
            self.fail(self, error)


class Inbox:
    __slots__ = ("_concurrent", "_name", "_tasks", "_waiting", "_waiting_bytes", "_working")

    def __init__(self, tasks: Tasks, name: str) -> None:
        self._tasks = tasks
        self._name = name
        self._waiting: deque[Call] = deque()
        self._waiting_bytes = 0
        self._working = False
        self._concurrent = 0

    def offer(self, call: Call) -> bool:
        """True: a task was started and wants its first step."""
        if call.concurrent:
            return self._run_beside(call)
        if self._working:
            self._wait_in_line(call)
            return False
        coroutine = call.start()
        if coroutine is None:
            return False
        self._working = True
        self._tasks.start(self._work(call, coroutine), name=self._name)
        return True

    def clear(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0

    def _wait_in_line(self, call: Call) -> None:
        if len(self._waiting) >= MAX_WAITING or self._waiting_bytes + call.size > MAX_WAITING_BYTES:
            call.fail(call, errors.RateLimited("Too many events are waiting on this connection.", retry_after=1.0))
            return
        self._waiting.append(call)
        self._waiting_bytes += call.size

    async def _work(self, call: Call, coroutine: Coroutine[Any, Any, Any] | None) -> None:
        try:
            while True:
                if coroutine is not None:
                    await call.finish(coroutine)
                if not self._waiting:
                    return
                call = self._waiting.popleft()
                self._waiting_bytes -= call.size
                coroutine = call.start()
        finally:
            self._working = False

    def _run_beside(self, call: Call) -> bool:
        if self._concurrent >= MAX_CONCURRENT:
            call.fail(call, errors.RateLimited("Too many requests are running on this connection.", retry_after=1.0))
            return False
        coroutine = call.start()
        if coroutine is None:
            return False
        self._concurrent += 1
        self._tasks.start(self._finish_beside(call, coroutine), name=f"{self._name} {call.event[:40]}")
        return True

    async def _finish_beside(self, call: Call, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            await call.finish(coroutine)
        finally:
            self._concurrent -= 1
