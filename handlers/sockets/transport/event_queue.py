"""The events of one client, handled in the order in which they were sent.

- A plain function runs at once, in the reader, without a task.
- A coroutine function runs in the client's one worker task, which stays for the next; whatever arrives meanwhile waits
  its turn, so that the mutations of one client are applied in order. Other clients, and other namespaces of the same
  browser, don't notice.
- A handler registered as `concurrent` starts at once whatever else is running: `cancel` need not wait for what it is
  to cancel, and many of them can run side by side.
- Handlers begin in the order of their events, these ones too: whenever a task was started, the reader lets it take its
  first step before it reads on, so that a `cancel` never overtakes what it cancels.
- Whoever sends faster than it is served for long is answered with `rate_limited`; the reader never waits, so that
  pings and disconnects are never stuck behind a slow handler.
- Nothing new is begun for a client that has not taken half of its budget for outgoing bytes, so that whoever asks for
  several large answers at once gets one after the other. It is given `RELIEF_TIMEOUT` for each.
- When the client leaves, what has begun is finished (its ack goes nowhere), what waits is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from dawg_server import errors
from handlers.sockets.transport.tasks import Tasks

if TYPE_CHECKING:
    from handlers.sockets.transport.dispatcher import Dispatcher
    from handlers.sockets.transport.manager import Client

MAX_WAITING = 1024  # events
MAX_WAITING_BYTES = 1_000_000  # as received
RELIEF_TIMEOUT = 30.0  # seconds
MAX_CONCURRENT = 16  # handlers registered as concurrent, running for one client


Begun = tuple["EventCall", Coroutine[Any, Any, Any]] | None


@dataclass(slots=True)
class EventCall:
    """One received event and the handler it goes to."""

    client: Client
    event: str
    id: int | None  # of the acknowledgement that the client waits for
    handler: Callable[..., Any]
    arguments: tuple[Any, ...]
    size: int  # bytes, as received
    concurrent: bool
    dispatcher: Dispatcher

    def start(self) -> Coroutine[Any, Any, Any] | None:
        """Runs a plain handler to its end; of a coroutine function the coroutine comes back, to be awaited."""
        try:
            result = self.handler(*self.arguments)
            if isinstance(result, CoroutineType):
                return result
            self.dispatcher.answer(self, result)
        except Exception as error:
            self.dispatcher.fail(self, error)
        return None

    async def finish(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            self.dispatcher.answer(self, await coroutine)
        except Exception as error:
            self.dispatcher.fail(self, error)

    def refuse(self, message: str) -> None:
        self.dispatcher.fail(self, errors.RateLimited(message, retry_after=1.0))


class EventQueue:
    def __init__(self, tasks: Tasks, name: str) -> None:
        self._tasks = tasks
        self._name = name
        self._waiting: deque[EventCall] = deque()
        self._waiting_bytes = 0
        self._worker: asyncio.Task[None] | None = None
        self._idle: asyncio.Future[Begun] | None = None  # what the worker waits for when it has nothing to do
        self._concurrent = 0

    def offer(self, call: EventCall) -> None:
        if call.concurrent:
            self._run_beside(call)
        elif self._worker is not None and self._idle is None:
            self._wait_in_line(call)
        elif call.client.connection.send_queue.congested:
            self._wait_in_line(call)
            self._begin(call.client, None)
        elif (coroutine := call.start()) is not None:
            self._begin(call.client, (call, coroutine))

    def close(self) -> None:
        """What has begun is finished, what waits is dropped."""
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._idle is not None:
            self._idle.cancel()

    def _wait_in_line(self, call: EventCall) -> None:
        if len(self._waiting) >= MAX_WAITING or self._waiting_bytes + call.size > MAX_WAITING_BYTES:
            call.refuse("Too many events are waiting on this connection.")
            return
        self._waiting.append(call)
        self._waiting_bytes += call.size

    def _begin(self, client: Client, first: Begun) -> None:
        client.connection.yield_before_next = True
        if self._worker is None:
            self._worker = self._tasks.start(self._work(client, first), name=self._name)
        elif self._idle is not None:
            self._tasks.resume(self._worker)
            self._idle.set_result(first)
            self._idle = None

    async def _work(self, client: Client, begun: Begun) -> None:
        connection = client.connection
        worker, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert worker is not None
        try:
            while True:
                connection.yield_before_next = False
                if begun is not None:
                    call, coroutine = begun
                    try:
                        call.dispatcher.answer(call, await coroutine)
                    except Exception as error:
                        call.dispatcher.fail(call, error)
                while self._waiting:
                    await connection.send_queue.relieved(RELIEF_TIMEOUT)
                    if self._waiting:  # still
                        call = self._waiting.popleft()
                        self._waiting_bytes -= call.size
                        if (started := call.start()) is not None:
                            await call.finish(started)
                if connection.clients.get(client.called) is not client:
                    return
                self._idle = loop.create_future()
                self._tasks.rest(worker)
                begun = await self._idle
        finally:
            self._worker = self._idle = None

    def _run_beside(self, call: EventCall) -> None:
        if self._concurrent >= MAX_CONCURRENT:
            call.refuse("Too many requests are running on this connection.")
            return
        coroutine = call.start()
        if coroutine is not None:
            self._concurrent += 1
            call.client.connection.yield_before_next = True
            self._tasks.start(self._finish_beside(call, coroutine), name=f"{self._name} {call.event[:40]}")

    async def _finish_beside(self, call: EventCall, coroutine: Coroutine[Any, Any, Any]) -> None:
        call.client.connection.yield_before_next = False
        try:
            await call.finish(coroutine)
        finally:
            self._concurrent -= 1
