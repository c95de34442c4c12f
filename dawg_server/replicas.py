"""The replicas of this server that are alive, and where the others reach them.

The table in which each says every few seconds that it lives (see `daw.presence`) is the truth; this is what this
process has read there last. A replica that leaves says so on the bus as well, so that nobody goes to it any more.
"""

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
from dawg_server import errors, logs
from dawg_server.database import presence_sessions
from dawg_server.database.pool import Database
from dawg_server.settings import Settings

INTERVAL = 2.0  # seconds between two looks at the table
FORGOTTEN_AFTER = 10.0  # seconds; the table is empty for a moment after a crash of Postgres
PATIENCE = 1.0  # seconds in which a replica that is not known yet may appear in the table
LOOK_AGAIN = 0.1  # seconds
REDIS_PORT = 6379

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(slots=True)
class _Known:
    address: str
    seen_at: float  # time.monotonic()


class Replicas:
    """`own` is the name of this one. Without other replicas it knows nobody and asks nobody."""

    def __init__(self, database: Database, bus: LocalBus, own: str, own_address: str | None) -> None:
        """`own_address`: the URL under which the others reach this replica; None when there are no others."""
        self.own, self.own_address = own, own_address
        self._database, self._bus = database, bus
        self._known: dict[str, _Known] = {}
        self._loop = SupervisedLoop(
            "replicas",
            self._look,
            doing="Looking for the other replicas",
            interval=INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )

    async def start(self) -> None:
        if self.own_address is None:
            return
        self._bus.subscribe(events.ReplicaLeft, self._left, Scope.EVERYWHERE)
        await self._look()
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
        if self.own_address is None or name == self.own:
            return None
        deadline = time.monotonic() + PATIENCE
        while name not in self._known and time.monotonic() < deadline:
            try:
                await self._look()
            except errors.DependencyUnavailable:
                return None
            if name not in self._known:
                await asyncio.sleep(LOOK_AGAIN)
        known = self._known.get(name)
        return known.address if known else None

    async def _look(self) -> None:
        found = await presence_sessions.addresses(self._database)
        found.pop(self.own, None)
        now = time.monotonic()
        for name, address in found.items():
            if name not in self._known:
                log.info("Another replica is there.", action="replica_seen", other=name, address=address)
            self._known[name] = _Known(address, now)
        for name in [name for name, known in self._known.items() if now - known.seen_at > FORGOTTEN_AFTER]:
            del self._known[name]
            log.warning("A replica is not heard of any more.", action="replica_lost", other=name)

    def _left(self, event: events.ReplicaLeft) -> None:
        self._known.pop(event.replica, None)


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
