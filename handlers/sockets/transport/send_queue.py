"""What is on its way to one client, in order and within a budget."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from bus.supervision import Tasks
from handlers.sockets.transport.packets import Message

WRITE_CHUNK = 64 * 1024  # bytes joined into one write
MAX_POLLED = 16  # packets in one polling reply; python-engineio's client refuses more


class SendQueue:
    """The outgoing side of one connection. Polling until `attach` gives it a websocket's transport.

    The bytes that wait here and in the transport never exceed `limit`: the message that would exceed it calls
    `on_overflow` once, and from then on nothing more is accepted. A message larger than half of that counts as half,
    and one may be in the transport: no client is slow because of a single message.
    """

    def __init__(self, limit: int, tasks: Tasks, on_overflow: Callable[[], None]) -> None:
        self._limit, self._half, self._chunk = limit, limit // 2, min(WRITE_CHUNK, limit // 2)
        self._tasks, self._on_overflow = tasks, on_overflow
        self._waiting: deque[Message] = deque()
        self._waiting_bytes = 0  # a large message as half of the limit
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
        """Whether half of the budget is in use."""
        transport = self._transport  # asked of every event: without a further call
        written = transport.get_write_buffer_size() if transport is not None else 0
        return self._waiting_bytes + written >= self._half

    async def flushed(self, seconds: float) -> bool:
        """Waits, at most that long, until nothing waits here and the transport is below its high-water mark."""
        self.wake()
        if not self._is_flushed():
            self._flushed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._flushed.wait(), seconds)
        return self._is_flushed()

    def put(self, message: Message, *, wake: bool = True) -> bool:
        """Never blocks. False: the message was not accepted, because the client is gone or too slow.

        Without `wake` it may wait until the caller wakes the queue: what was put until then is one write.
        """
        transport, size = self._transport, message.size
        if self._closed:
            return False
        if not wake and self._waiting_bytes + size <= self._chunk:
            self._waiting.append(message)
            self._waiting_bytes += size
            return True
        written = transport.get_write_buffer_size() if transport is not None else 0
        if transport is not None and written <= self._high_water and not self._waiting:
            if transport.is_closing():
                return False
            transport.write(message.frame)
            return True
        size = min(size, self._half)
        # The transport holds one message, or chunk, besides what it takes before it is paused.
        if self._waiting_bytes + size + min(written, 2 * WRITE_CHUNK) > self._limit:
            self._closed = True
            self._on_overflow()
            return False
        self._waiting.append(message)
        self._waiting_bytes += size
        self.wake()
        return True

    def put_volatile(self, message: Message, *, within: float = 0.0) -> bool:
        """As `put`, for what is worth nothing late: refused as soon as half of the budget is in use, because speech
        arrives faster than it is played, and the other half stays for the rest.

        `within`: seconds that it may wait for others.
        """
        if self.size + message.size > self._half:
            return False
        if within and not self._waiting:
            asyncio.get_running_loop().call_later(within, self.wake)
        return self.put(message, wake=not within)

    def attach(self, transport: asyncio.WriteTransport, drain: Callable[[], Awaitable[None]]) -> None:
        """From now on over this websocket, beginning with what has been waiting."""
        self._transport, self._drain = transport, drain
        self._high_water = transport.get_write_buffer_limits()[1]
        self.wake()

    def end(self, *last: Message, forget: bool = False) -> None:
        """Accepts nothing more after these. What waits before them is delivered, unless it is to be forgotten."""
        if forget:
            self._clear()
        if not self._closed or forget:
            self._waiting.extend(last)
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
        transport = self._transport
        if not self._waiting:
            return
        if transport is None:
            self.release_poll()
        elif transport.is_closing():
            self._clear()
        elif self._waiting_bytes <= WRITE_CHUNK and transport.get_write_buffer_size() <= self._high_water:
            transport.write(b"".join([each.frame for each in self._waiting]))
            self._clear()
        else:
            while self._waiting and transport.get_write_buffer_size() <= self._high_water:
                chunk, length = [self._pop().frame], 0
                while self._waiting and (length := length + self._waiting[0].size) <= WRITE_CHUNK:
                    chunk.append(self._pop().frame)
                transport.write(b"".join(chunk))
            if self._flusher is None and not self._is_flushed():
                self._flusher = self._tasks.start(self._flush(), name="socket-flush")

    def _pop(self) -> Message:
        message = self._waiting.popleft()
        self._waiting_bytes -= min(message.size, self._half)
        return message

    def _clear(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0

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
