"""Whether the replicas of a cluster can find and reach each other."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiohttp

from bus import events
from bus.local import Scope
from bus.redis import RedisBus
from dawg_server.doctor.findings import PROBE_TIMEOUT, Finding, bad, judge, note
from dawg_server.replicas import INTERVAL, own_address
from dawg_server.settings import Settings

LISTENING = INTERVAL + 1.0  # seconds in which every replica that runs has announced itself


async def examine(settings: Settings, *, listen: bool) -> list[Finding]:
    """`listen`: whether Redis passes on what replicas say."""
    if not settings.redis_adapter:
        return []
    address = own_address(settings) or ""
    return [
        judge(
            settings.database_url is not None,
            "replicas",
            "All use one database.",
            "Several replicas need one DATABASE_URL.",
        ),
        *_address(settings, address),
        *(await _running(settings) if listen else ()),
    ]


def _address(settings: Settings, address: str) -> Iterator[Finding]:
    redis_host = urlsplit(settings.redis_url or "").hostname or ""
    if _is_loopback(urlsplit(address).hostname or "") and not _is_loopback(redis_host):
        yield bad(
            "REPLICA_URL",
            f"The others are told {address}, which is their own machine to them. Set REPLICA_URL to an "
            "address of this replica in the private network, or leave it unset.",
        )
        return
    origin = "REPLICA_URL" if settings.replica_url else "found out"
    yield note("REPLICA_URL", f"The other replicas reach this one at {address} ({origin}).")


async def _running(settings: Settings) -> list[Finding]:
    heard = await _hear(settings)
    if not heard:
        return [note("running", "No replica is heard. Examine again when some run.")]
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        silent = [name for name, url in heard.items() if not await _lives(http, url)]
    addresses = ", ".join(sorted(heard[name] for name in silent))
    return [
        judge(
            not silent,
            "running",
            f"Replicas that run: {len(heard)}. All of them can be reached from here.",
            f"Not reached from here: {addresses}. Let replicas reach each other on the private network, and set "
            "REPLICA_URL on each where the address that it found out is wrong.",
        )
    ]


async def _hear(settings: Settings) -> dict[str, str]:
    """The addresses of the replicas that run, by name; does not pose as one."""
    heard: dict[str, str] = {}
    bus = RedisBus(settings.redis_url or "")
    bus.subscribe(events.ReplicaSeen, lambda event: heard.update({event.replica: event.address}), Scope.EVERYWHERE)
    try:
        await bus.start()
        if bus.connected:
            await asyncio.sleep(LISTENING)
    finally:
        await bus.close()
    return heard


async def _lives(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/health/live") as reply:
            return reply.status == 200
    except (aiohttp.ClientError, OSError):  # TimeoutError is one of them
        return False


def _is_loopback(host: str) -> bool:
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(each).partition("%")[0]).is_loopback for each in found)
