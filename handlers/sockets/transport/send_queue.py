"""What is on its way to one client: written at once when it can be, kept in order within a budget when it cannot."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from bus.supervision import Tasks
from handlers.sockets.transport.packets import Message

WRITE_CHUNK = 64 * 1024  # bytes joined into one write when a backlog is worked off
JOIN_WITHIN = 0.002  # seconds that a small message waits for others to the same client
MAX_POLLED = 16  # packets in one polling reply; python-engineio's client refuses more


class Joiner:
    """Has what was sent to one client within a while written at once; serves all clients of an engine."""

    def __init__(self, seconds: float) -> None:
        """0: when everything that has arrived by now is handled, one turn of the loop."""
        self._seconds = seconds
        self._queues: list[SendQueue] = []

    def add(self, queue: SendQueue) -> None:
        if not self._queues:
            asyncio.get_running_loop().call_later(self._seconds, self._write)
        self._queues.append(queue)

    def _write(self) -> None:
        queues, self._queues = self._queues, []
        for queue in queues:
            queue.wake()


class SendQueue:
    """The outgoing side of one connection. Polling until `attach` gives it a websocket's transport.

    A message goes straight to the transport when nothing waits before it and the transport takes more. Otherwise it
    waits here. The bytes that wait here and in the transport never exceed `limit`: the message that would exceed it
    calls `on_overflow` once, and from then on nothing more is accepted. A message larger than half of that counts as
    half, and one may be in the transport: no client is slow because of a single message.
    """

    def __init__(self, limit: int, tasks: Tasks, soon: Joiner, later: Joiner, on_overflow: Callable[[], None]) -> None:
        self._limit, self._half, self._joinable = limit, limit // 2, min(WRITE_CHUNK, limit // 2)
        self._tasks, self._soon, self._later, self._on_overflow = tasks, soon, later, on_overflow
        self._waiting: deque[Message] = deque()
        self._waiting_bytes = 0
        self._counted_bytes = 0  # of what waits, a large message as half of the limit
        self._due = False  # it is written at the end of this turn of the loop
        self._transport: asyncio.WriteTransport | None = None
        self._high_water = 0  # bytes in the transport above which it is paused
        self._drain: Callable[[], Awaitable[None]] | None = None
        self._flusher: asyncio.Task[None] | None = None
        self._poll: asyncio.Future[None] | None = None
        self._flushed = asyncio.Event()  # only looked at after it was cleared
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes accepted that the operating system has not taken yet."""
        return self._waiting_bytes + self._written()

    @property
    def polled(self) -> bool:
        """Whether a poll waits for something to be sent."""
        return self._poll is not None

    @property
    def congested(self) -> bool:
        """Whether more than half of the budget is in use."""
        transport = self._transport
        return self._waiting_bytes + (transport.get_write_buffer_size() if transport is not None else 0) > self._half

    async def flushed(self, seconds: float) -> bool:
        """Waits, at most that long, until nothing waits here and the transport is below its high-water mark."""
        if not self._is_flushed():
            self._flushed.clear()
            self.wake()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._flushed.wait(), 0 if self._is_flushed() else seconds)
        return self._is_flushed()

    def put(self, message: Message) -> bool:
        """Never blocks. False: the message was not accepted, because the client is gone or too slow."""
        transport = self._transport
        if transport is None or self._waiting or self._closed or transport.get_write_buffer_size() > self._high_water:
            return self._enqueue(message)
        if transport.is_closing():
            return False
        transport.write(message.frame)
        return True

    def join(self, message: Message) -> None:
        """As `put`, at the end of this turn of the loop: what many send to many within it is one write for each."""
        if self._transport is None or self._closed or self._waiting_bytes + message.size > self._joinable:
            self.put(message)
            return
        if not self._due:
            self._due = True
            self._soon.add(self)
        self._waiting.append(message)
        self._waiting_bytes += message.size
        self._counted_bytes += message.size

    def put_volatile(self, message: Message, *, joined: bool = False) -> bool:
        """As `put`, for what is worth nothing late: refused as soon as half of the budget is in use, because speech
        arrives faster than it is played, and the other half stays for the rest.

        `joined`: it may wait a little for others.
        """
        if self.size + message.size > self._half:
            return False
        if not joined or self._transport is None:
            return self.put(message)
        if not self._waiting:
            self._later.add(self)
        return self._enqueue(message, wake=False)

    def attach(self, transport: asyncio.WriteTransport, drain: Callable[[], Awaitable[None]]) -> None:
        """From now on over this websocket, beginning with what has been waiting."""
        self._transport, self._drain = transport, drain
        self._high_water = transport.get_write_buffer_limits()[1]
        self.wake()

    def end(self, *last: Message, forget: bool = False) -> None:
        """Accepts nothing more after these. What waits before them is delivered, unless it is to be forgotten."""
        if forget:
            self._clear()
            self._flushed.set()
        if not self._closed or forget:
            for message in last:
                self._append(message)
        self._closed = True
        self.wake()
        self.release_poll()

    async def take(self, seconds: float) -> list[Message]:
        """What the next polling reply carries: waits for the first message; empty when released, or out of time."""
        if not self._waiting and not self._closed:
            self._poll = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._poll, seconds)
            except TimeoutError:
                return []
            finally:
                self._poll = None
        taken: list[Message] = []
        count = 0
        while self._waiting and self._transport is None:
            count += 1 + len(self._waiting[0].attachments)
            if taken and count > MAX_POLLED:
                break
            taken.append(self._pop())
        if not self._waiting:
            self._flushed.set()
        return taken

    def release_poll(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    def wake(self) -> None:
        """What waits goes out as far as it can."""
        transport, self._due = self._transport, False
        if transport is None:
            if self._waiting:
                self.release_poll()
            return
        if transport.is_closing():
            self._clear()
        elif self._waiting_bytes <= WRITE_CHUNK and transport.get_write_buffer_size() <= self._high_water:
            transport.write(b"".join([each.frame for each in self._waiting]))
            self._clear()
            return
        while self._waiting and transport.get_write_buffer_size() <= self._high_water:
            chunk, length = [self._pop().frame], 0
            while self._waiting and (length := length + self._waiting[0].size) <= WRITE_CHUNK:
                chunk.append(self._pop().frame)
            transport.write(b"".join(chunk))
        if self._flusher is None and not self._is_flushed():
            self._flusher = self._tasks.start(self._flush(), name="socket-flush")

    def _enqueue(self, message: Message, *, wake: bool = True) -> bool:
        if self._closed:
            return False
        # The transport holds one message, or chunk, besides what it takes before it is paused.
        written = min(self._written(), 2 * WRITE_CHUNK)
        if self._counted_bytes + min(message.size, self._half) + written > self._limit:
            self._closed = True
            self._on_overflow()
            return False
        self._append(message)
        if wake:
            self.wake()
        return True

    def _append(self, message: Message) -> None:
        self._waiting.append(message)
        self._waiting_bytes += message.size
        self._counted_bytes += min(message.size, self._half)

    def _pop(self) -> Message:
        message = self._waiting.popleft()
        self._waiting_bytes -= message.size
        self._counted_bytes -= min(message.size, self._half)
        return message

    def _clear(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = self._counted_bytes = 0

    def _written(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def _is_flushed(self) -> bool:
        return not self._waiting and self._written() <= self._high_water

    async def _flush(self) -> None:
        # Ends when the backlog is gone or the connection is lost; it is never cancelled while the connection lives,
        # because aiohttp shares one future between all who wait for the same transport.
        assert self._transport is not None and self._drain is not None
        try:
            while not self._is_flushed() and not self._transport.is_closing():
                await self._drain()
                self.wake()
                await asyncio.sleep(0)
        except ConnectionError:
            self.end(forget=True)
        finally:
            self._flusher = None
            self._flushed.set()
