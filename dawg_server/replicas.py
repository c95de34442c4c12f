"""The replicas of this server that are alive, and where the others reach them: what each says of itself on the bus."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from bus import events
from bus.local import LocalBus, Scope
from bus.supervision import SupervisedLoop
from dawg_server import logs
from dawg_server.settings import Settings

INTERVAL = 5.0  # seconds between two signs of life
FORGOTTEN_AFTER = 30.0  # seconds without one
PATIENCE = 1.0  # seconds that a newcomer waits to hear of a replica which it does not know yet
REDIS_PORT = 6379

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(slots=True)
class _Known:
    address: str
    seen_at: float  # time.monotonic()


class Replicas:
    """`own` is the name of this one. Without other replicas it knows nobody and asks nobody."""

    def __init__(self, bus: LocalBus, own: str, address: str | None) -> None:
        """`address`: the URL under which the others reach this replica; None when there are no others."""
        self.own = own
        self._bus, self._address = bus, address
        self._known: dict[str, _Known] = {}
        self._news = asyncio.Condition()
        self._loop = SupervisedLoop(
            "replica-announcements", self._keep_announcing, doing="Announcing this replica", interval=INTERVAL
        )

    async def start(self) -> None:
        if self._address is None:
            return
        self._bus.subscribe(events.ReplicaSeen, self._seen, Scope.EVERYWHERE)
        self._bus.subscribe(events.ReplicaLeft, self._left, Scope.EVERYWHERE)
        self._bus.subscribe(events.BusRestored, self._restored)
        await self._announce(answer=True)
        self._loop.start()

    async def close(self) -> None:
        if self._loop.running:
            await self._loop.close()
            await self._bus.publish(events.ReplicaLeft(self.own))

    @property
    def others(self) -> dict[str, str]:
        """The addresses of the other replicas by name."""
        return {name: known.address for name, known in self._known.items()}

    async def address(self, name: str) -> str | None:
        """Where a replica is reached; None when nothing is known of it, even after `PATIENCE`."""
        if self._address is None or name == self.own:
            return None
        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(lambda: name in self._known)
        except TimeoutError:
            return None
        return self._known[name].address

    async def _announce(self, *, answer: bool = False) -> None:
        assert self._address is not None
        await self._bus.publish(events.ReplicaSeen(self.own, self._address, answer))

    async def _keep_announcing(self) -> None:
        await self._announce()
        if self._bus.connected:
            self._forget()

    async def _seen(self, event: events.ReplicaSeen) -> None:
        if event.replica == self.own:
            return
        if event.replica not in self._known:
            log.info("Another replica is there.", action="replica_seen", other=event.replica, address=event.address)
        self._known[event.replica] = _Known(event.address, time.monotonic())
        async with self._news:
            self._news.notify_all()
        if event.answer:
            await self._announce()

    def _left(self, event: events.ReplicaLeft) -> None:
        self._known.pop(event.replica, None)

    async def _restored(self, _: events.BusRestored) -> None:
        """Nobody is held responsible for what could not be heard."""
        for known in self._known.values():
            known.seen_at = time.monotonic()
        await self._announce(answer=True)

    def _forget(self) -> None:
        stale = time.monotonic() - FORGOTTEN_AFTER
        for name in [name for name, known in self._known.items() if known.seen_at < stale]:
            del self._known[name]
            log.warning("A replica is not heard of any more.", action="replica_lost", other=name)


def own_address(settings: Settings) -> str | None:
    """Where the others reach this replica: `REPLICA_URL`, or the address that leads to the Redis of all of them."""
    if not (settings.redis_adapter and settings.redis_url):
        return None
    if settings.replica_url:
        return settings.replica_url.rstrip("/")
    redis = urlsplit(settings.redis_url)
    try:
        family, kind, _, _, target = socket.getaddrinfo(
            redis.hostname, redis.port or REDIS_PORT, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind) as probe:
            probe.connect(target)  # sends nothing, but chooses the network
            host = str(probe.getsockname()[0])
    except OSError:
        host = socket.gethostname()
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
