"""What is on its way to one client: written at once when it can be, kept in order within a budget when it cannot."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from aiohttp.web_protocol import RequestHandler

from handlers.sockets.transport.packets import Message
from handlers.sockets.transport.tasks import Tasks

WRITE_CHUNK = 64 * 1024  # bytes joined into one write when a backlog is worked off
JOIN_WITHIN = 0.002  # seconds that a small message waits for others to the same client
MAX_POLLED = 16  # packets in one polling reply; python-engineio's client refuses more


class Joiner:
    """Writes what was sent to one client within `JOIN_WITHIN` at once; one timer serves all clients of an engine."""

    def __init__(self) -> None:
        self._queues: list[SendQueue] = []

    def add(self, queue: SendQueue) -> None:
        if not self._queues:
            asyncio.get_running_loop().call_later(JOIN_WITHIN, self._write)
        self._queues.append(queue)

    def _write(self) -> None:
        queues, self._queues = self._queues, []
        for queue in queues:
            queue.write_joined()


class SendQueue:
    """The outgoing side of one connection. Polling until `attach` gives it a websocket's transport.

    A message goes straight to the transport when nothing waits before it and the transport is not paused. Otherwise it
    waits here. The bytes that wait here and in the transport never exceed `limit`: the message that would exceed it
    calls `on_overflow` once, and from then on nothing more is accepted. One message that alone is larger than half of
    that may wait besides, and one may be in the transport: no client is slow because of a single message.
    """

    def __init__(self, limit: int, tasks: Tasks, joiner: Joiner, on_overflow: Callable[[], None]) -> None:
        self._limit = limit
        # Speech arrives faster than it is played: half of the budget is its buffer, the rest stays for the rest.
        self._volatile_limit = limit // 2
        self._tasks = tasks
        self._on_overflow = on_overflow
        self._waiting: deque[Message] = deque()
        self._waiting_bytes = 0
        self._joiner = joiner
        self._joined: list[Message] = []  # that come before what waits
        self._joined_bytes = 0
        self._exempt: Message | None = None  # of what waits, the one that the limit does not count
        self._transport: asyncio.WriteTransport | None = None
        self._flow: RequestHandler | None = None  # knows whether the transport is above its high-water mark
        self._drain: Callable[[], Awaitable[None]] | None = None
        self._flusher: asyncio.Task[None] | None = None
        self._poll: asyncio.Future[None] | None = None
        self._emptied = asyncio.Event()  # nothing waits here; only looked at while polling
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes accepted that the operating system has not taken yet."""
        written = self._transport.get_write_buffer_size() if self._transport is not None else 0
        return self._joined_bytes + self._waiting_bytes + written

    @property
    def polled(self) -> bool:
        """Whether a poll waits for something to be sent."""
        return self._poll is not None

    @property
    def congested(self) -> bool:
        """Whether more than half of the budget is in use."""
        return self.size > self._limit // 2

    async def relieved(self, seconds: float) -> None:
        """Waits, at most that long, for a congested client to take what waits."""
        if not self.congested:
            return
        if self._transport is not None:
            await self.flushed(seconds)
            return
        self._emptied.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._emptied.wait(), seconds)

    def put(self, message: Message) -> bool:
        """Never blocks. False: the message was not accepted, because the client is gone or too slow."""
        if self._joined:
            self.write_joined()
        transport, flow = self._transport, self._flow
        if transport is None or flow is None or self._waiting or self._closed or flow.writing_paused:
            return self._enqueue(message)
        if transport.is_closing():
            return False
        transport.write(message.frame)
        return True

    def put_volatile(self, message: Message, *, joined: bool = False) -> bool:
        """As `put`, for what is worth nothing late: refused as soon as half of the budget is in use.

        `joined`: it may wait for others, and with them is written at once.
        """
        if self.size + message.size > self._volatile_limit:
            return False
        if not joined or self._transport is None or self._waiting or self._closed:
            return self.put(message)
        if not self._joined:
            self._joiner.add(self)
        self._joined.append(message)
        self._joined_bytes += message.size
        return True

    def write_joined(self) -> None:
        joined, self._joined, self._joined_bytes = self._joined, [], 0
        transport, flow = self._transport, self._flow
        if transport is not None and flow is not None and not self._waiting and not flow.writing_paused:
            if joined and not transport.is_closing():
                transport.write(b"".join([message.frame for message in joined]))
            return
        for message in joined:
            self._enqueue(message)

    def attach(
        self, transport: asyncio.WriteTransport, flow: RequestHandler, drain: Callable[[], Awaitable[None]]
    ) -> None:
        """From now on over this websocket, beginning with what has been waiting."""
        self._transport, self._flow, self._drain = transport, flow, drain
        self._write_waiting()

    def replace_waiting(self, final_messages: list[Message]) -> None:
        """Forgets everything that waits, queues `final_messages` instead and accepts nothing after them."""
        self._closed = True
        self._joined, self._joined_bytes = [], 0
        self._waiting.clear()
        self._waiting.extend(final_messages)
        self._waiting_bytes = sum(message.size for message in final_messages)
        self._wake()

    def close(self, final_message: Message | None = None) -> None:
        """Accepts nothing more; what waits is still delivered."""
        self.write_joined()
        if final_message is not None:
            self.put(final_message)
        self._closed = True
        self.release_poll()

    async def flushed(self, seconds: float) -> bool:
        """Waits until everything has been handed to the transport and the transport is below its high-water mark."""
        if self._flusher is None and self._flow is not None and self._flow.writing_paused:
            self._flusher = self._start_flusher()
        if self._flusher is not None:
            await asyncio.wait({self._flusher}, timeout=seconds)
        return self._flusher is None and not self._waiting

    def discard(self) -> None:
        self._closed = True
        self._joined, self._joined_bytes = [], 0
        self._waiting.clear()
        self._waiting_bytes = 0
        self._emptied.set()
        self.release_poll()

    async def take(self, seconds: float) -> list[Message]:
        """What the next polling reply carries: waits for the first message; empty when released, or out of time."""
        assert self._poll is None
        if not self._waiting and not self._closed:
            self._poll = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._poll, seconds)
            except TimeoutError:
                return []
            finally:
                self._poll = None
        taken: list[Message] = []
        packets = 0
        while self._waiting and self._transport is None:
            packets += 1 + len(self._waiting[0].attachments)
            if taken and packets > MAX_POLLED:
                break
            taken.append(self._pop())
        return taken

    def release_poll(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    def _enqueue(self, message: Message) -> bool:
        if self._closed:
            return False
        if self._counted() + message.size > self._limit:
            if self._exempt is not None or message.size <= self._limit // 2:
                self._closed = True
                self._on_overflow()
                return False
            self._exempt = message
        self._waiting.append(message)
        self._waiting_bytes += message.size
        self._wake()
        return True

    def _counted(self) -> int:
        # The transport holds one message, or chunk, besides what it takes before it is paused.
        written = self._transport.get_write_buffer_size() if self._transport is not None else 0
        exempt = self._exempt.size if self._exempt is not None else 0
        return self._waiting_bytes - exempt + min(written, 2 * WRITE_CHUNK)

    def _wake(self) -> None:
        if self._transport is None:
            self.release_poll()
        else:
            self._write_waiting()

    def _pop(self) -> Message:
        message = self._waiting.popleft()
        self._waiting_bytes -= message.size
        if message is self._exempt:
            self._exempt = None
        if not self._waiting:
            self._emptied.set()
        return message

    def _write_waiting(self) -> None:
        assert self._transport is not None and self._flow is not None
        while self._waiting and not self._flow.writing_paused and not self._transport.is_closing():
            chunk = [self._pop().frame]
            length = len(chunk[0])
            while self._waiting and length + self._waiting[0].size <= WRITE_CHUNK:
                chunk.append(self._pop().frame)
                length += len(chunk[-1])
            self._transport.write(b"".join(chunk))
        if self._waiting and self._flusher is None:
            self._flusher = self._start_flusher()

    def _start_flusher(self) -> asyncio.Task[None]:
        return self._tasks.start(self._flush(), name="socket-flush")

    async def _flush(self) -> None:
        # Ends when the backlog is gone or the connection is lost; it is never cancelled while the connection lives,
        # because aiohttp shares one future between all who wait for the same transport.
        assert self._transport is not None and self._flow is not None and self._drain is not None
        try:
            while (self._waiting or self._flow.writing_paused) and not self._transport.is_closing():
                await self._drain()
                self._write_waiting()
        except ConnectionError:
            self.discard()
        finally:
            self._flusher = None
