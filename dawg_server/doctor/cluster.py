"""Whether the replicas of a cluster can find and reach each other."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiohttp
import psycopg2.errors  # type: ignore[import-untyped]

from dawg_server import errors
from dawg_server.database import presence_sessions
from dawg_server.database.pool import Database
from dawg_server.doctor.findings import PROBE_TIMEOUT, Finding, bad, judge, note
from dawg_server.replicas import own_address
from dawg_server.settings import Settings


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
    heard = await _registered(settings)
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


async def _registered(settings: Settings) -> dict[str, str]:
    """The addresses of the replicas that run, by name; does not pose as one."""
    if settings.database_url is None:
        return {}
    try:
        database = await Database.open(settings.database_url, size=1)
    except errors.ConfigurationError:  # told by the examination of the database
        return {}
    try:
        return await presence_sessions.addresses(database)
    except (errors.DependencyUnavailable, psycopg2.errors.UndefinedTable, psycopg2.errors.UndefinedColumn):
        return {}
    finally:
        await database.close()


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
