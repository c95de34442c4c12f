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

CHANNEL = "dawg:bus"
MAX_OUTBOX = 10_000  # events; older ones are dropped while Redis does not answer
MAX_OUTBOX_BYTES = 32 * 2**20  # likewise
MAX_EVENT_BYTES = 2 * 2**20  # Redis cuts listeners off that are 8 MiB behind for a minute, or 32 MiB at once
MAX_PIPELINE = 500  # events in one round trip
HEARTBEAT_INTERVAL = 10.0  # seconds
DEAF_AFTER = 30.0  # seconds without our own heartbeat
CONNECT_TIMEOUT = 3.0  # seconds
WRITE_TIMEOUT = 5.0  # seconds
FLUSH_TIMEOUT = 1.0  # seconds that closing waits for the last news to leave
RETRY_DELAYS = (0.1, 0.25, 0.5, 1.0, 2.0)  # seconds

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
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Begins to listen; returns when subscribed, or after the connect timeout when Redis does not answer yet."""
        self._heard_at = self._subscribed_at = time.monotonic()
        for name, run in (("listener", self._listen), ("writer", self._write), ("heartbeat", self._beat)):
            self._tasks[name] = asyncio.create_task(run(), name=f"bus-{name}")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._listening.wait(), CONNECT_TIMEOUT)

    async def close(self) -> None:
        if self._tasks:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), FLUSH_TIMEOUT)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
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

    def tell(self, event: Event) -> None:
        self._send(event)
        super().tell(event)

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
        failures = 0
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
                except (RedisError, OSError, TimeoutError) as error:
                    self._outbox.extendleft(reversed(batch))
                    self._outbox_bytes += sum(map(len, batch))
                    self._writing = False
                    failures = await self._pause("writer", failures, error)
                    continue
                failures, self._writing = 0, True

    async def _listen(self) -> None:
        failures = 0
        while True:
            client = redis.asyncio.Redis.from_url(
                self._url, socket_connect_timeout=CONNECT_TIMEOUT, socket_timeout=None, socket_keepalive=True
            )
            try:
                async with contextlib.aclosing(client), client.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    async for message in pubsub.listen():
                        if message["type"] == "subscribe":
                            failures = 0
                            await self._begin_to_hear()
                        elif message["type"] == "message":
                            await self._receive(message["data"])
            except (RedisError, OSError, TimeoutError) as error:
                self._listening.clear()
                failures = await self._pause("listener", failures, error)

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
        while True:
            self._send(BusHeartbeat(sent_at=time.time()))
            await asyncio.sleep(self._heartbeat_interval)
            if not self.healthy and time.monotonic() - self._subscribed_at > self._deaf_after:
                self._subscribed_at = time.monotonic()
                log.error(
                    "This replica does not hear its own heartbeat through Redis; it subscribes anew.",
                    action="bus_deaf",
                    listener_age_s=round(self.listener_age, 1),
                )
                self._listening.clear()
                self._tasks["listener"].cancel()
                await asyncio.gather(self._tasks["listener"], return_exceptions=True)
                self._tasks["listener"] = asyncio.create_task(self._listen(), name="bus-listener")

    async def _pause(self, what: str, failures: int, error: Exception) -> int:
        if failures == 0:
            log.warning(
                "Redis does not answer; this replica goes on alone and keeps trying.",
                action="bus_redis_lost",
                part=what,
                error=type(error).__name__,
                dropped=self.dropped,
            )
        await asyncio.sleep(RETRY_DELAYS[min(failures, len(RETRY_DELAYS) - 1)])
        return failures + 1
