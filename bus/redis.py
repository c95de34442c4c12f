"""The same bus over Redis pub/sub, for several replicas.

Local subscribers are served directly, so a replica keeps working for its own clients when Redis is down. One writer
sends to the other replicas in the order of publishing, many events in one round trip. A heartbeat through Redis proves
that this replica still hears: a listener that went deaf is replaced and `healthy` says so.

What others published while this replica did not listen is gone. `BusRestored` tells subscribers here that it listens
again, so that they read the facts anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import deque

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from bus.events import BusHeartbeat, BusRestored, Event, decode, encode
from bus.local import LocalBus, Scope
from bus.supervision import SupervisedLoop

CHANNEL = "dawg:bus"
MAX_OUTBOX = 10_000  # events; older ones are dropped while Redis does not answer
MAX_OUTBOX_BYTES = 32 * 2**20  # likewise
MAX_EVENT_BYTES = 2 * 2**20  # Redis cuts listeners off that are 8 MiB behind for a minute, or 32 MiB at once
MAX_PIPELINE = 500  # events in one round trip
HEARTBEAT_INTERVAL = 10.0  # seconds
DEAF_AFTER = 30.0  # seconds without our own heartbeat
CONNECT_TIMEOUT = 3.0  # seconds
WRITE_TIMEOUT = 5.0  # seconds
FLUSH_TIMEOUT = 1.0  # seconds that closing waits for the last events to leave

log = structlog.get_logger(service="main")


class RedisBus(LocalBus):
    """`LocalBus` whose events, unless `local`, also reach subscribers with scope EVERYWHERE on every other replica."""

    def __init__(
        self,
        url: str,
        *,
        origin: str | None = None,
        heartbeat_interval: float = HEARTBEAT_INTERVAL,
        deaf_after: float = DEAF_AFTER,
    ) -> None:
        """`origin`: the name of this replica, which no other has."""
        super().__init__()
        self.origin = origin or uuid.uuid4().hex
        self._url = url
        self._heartbeat_interval = heartbeat_interval
        self._deaf_after = deaf_after
        self._heard_at = self._subscribed_at = time.monotonic()
        self._outbox: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._writing = True  # whether Redis took what was sent last
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._listening = asyncio.Event()
        self._listened = False  # ever
        outages = (RedisError, OSError)  # a TimeoutError is an OSError
        self._listener = SupervisedLoop("bus-listener", self._listen, doing="Listening to Redis", expected=outages)
        self._writer = SupervisedLoop("bus-writer", self._write, doing="Sending through Redis", expected=outages)
        self._heartbeat = SupervisedLoop(
            "bus-heartbeat", self._beat, doing="Watching the bus", interval=heartbeat_interval
        )

    async def start(self) -> None:
        """Begins to listen; returns when subscribed, or after the connect timeout when Redis does not answer yet."""
        self._heard_at = self._subscribed_at = time.monotonic()
        for loop in (self._listener, self._writer, self._heartbeat):
            loop.start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._listening.wait(), CONNECT_TIMEOUT)

    async def close(self) -> None:
        if self._writer.running:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), FLUSH_TIMEOUT)
        for loop in (self._heartbeat, self._listener, self._writer):
            await loop.close()
        await super().close()

    @property
    def healthy(self) -> bool:
        return self.listener_age < self._deaf_after

    @property
    def connected(self) -> bool:
        return self._writing and self._listening.is_set()

    @property
    def listener_age(self) -> float:
        return time.monotonic() - self._heard_at

    async def publish(self, event: Event) -> None:
        self._send(event)
        await super().publish(event)

    def publish_nowait(self, event: Event) -> None:
        self._send(event)
        super().publish_nowait(event)

    def _send(self, event: Event) -> None:
        if event.local:
            return
        message = encode(event, self.origin)
        if len(message) > MAX_EVENT_BYTES:
            self.dropped += 1
            log.warning(
                "An event was too large for the other replicas.",
                action="bus_event_too_large",
                event_name=event.name,
                size=len(message),
            )
            return
        self._outbox.append(message)
        self._outbox_bytes += len(message)
        while len(self._outbox) > MAX_OUTBOX or self._outbox_bytes > MAX_OUTBOX_BYTES:
            self._outbox_bytes -= len(self._outbox.popleft())
            self.dropped += 1
        self._wake.set()
        self._idle.clear()

    async def _write(self) -> None:
        client = redis.asyncio.Redis.from_url(
            self._url, socket_connect_timeout=CONNECT_TIMEOUT, socket_timeout=WRITE_TIMEOUT, socket_keepalive=True
        )
        async with contextlib.aclosing(client):
            while True:
                await self._wake.wait()
                batch = [self._outbox.popleft() for _ in range(min(len(self._outbox), MAX_PIPELINE))]
                self._outbox_bytes -= sum(map(len, batch))
                if not batch:
                    self._wake.clear()
                    self._idle.set()
                    continue
                try:
                    async with client.pipeline(transaction=False) as pipeline:
                        for message in batch:
                            pipeline.publish(CHANNEL, message)
                        await pipeline.execute()
                except BaseException:
                    self._outbox.extendleft(reversed(batch))
                    self._outbox_bytes += sum(map(len, batch))
                    self._writing = False
                    raise
                self._writing = True
                self._writer.succeed()

    async def _listen(self) -> None:
        client = redis.asyncio.Redis.from_url(
            self._url, socket_connect_timeout=CONNECT_TIMEOUT, socket_timeout=None, socket_keepalive=True
        )
        try:
            async with contextlib.aclosing(client), client.pubsub() as pubsub:
                await pubsub.subscribe(CHANNEL)
                async for message in pubsub.listen():
                    if message["type"] == "subscribe":
                        self._listener.succeed()
                        await self._begin_to_hear()
                    elif message["type"] == "message":
                        await self._receive(message["data"])
        finally:
            self._listening.clear()

    async def _begin_to_hear(self) -> None:
        self._listening.set()
        self._send(BusHeartbeat(sent_at=time.time()))  # so that nobody waits for the next one to know
        if self._listened:
            log.info("This replica hears the others again.", action="bus_restored")
            await self._deliver(BusRestored(), (Scope.ORIGIN, Scope.EVERYWHERE))
        self._listened = True

    async def _receive(self, data: bytes) -> None:
        try:
            event, origin = decode(data)
        except (ValueError, KeyError, TypeError):
            log.warning("A message on the bus was not an event of ours.", action="bus_message_unreadable")
            return
        if origin != self.origin:
            if event is not None:
                await self._deliver(event, (Scope.EVERYWHERE,))
        elif isinstance(event, BusHeartbeat):
            self._heard_at = time.monotonic()

    async def _beat(self) -> None:
        if not self.healthy and time.monotonic() - self._subscribed_at > self._deaf_after:
            self._subscribed_at = time.monotonic()
            log.error(
                "This replica does not hear its own heartbeat through Redis; it subscribes anew.",
                action="bus_deaf",
                listener_age_s=round(self.listener_age, 1),
            )
            await self._listener.close()
            self._listener.start()
        self._send(BusHeartbeat(sent_at=time.time()))
