"""`python -m dawg_server doctor`: checks settings and everything the server stands on, and says what to fix.

It starts nothing, changes nothing that lasts, and calls no paid service.
"""

from __future__ import annotations

import asyncio
import enum
import os
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import psycopg2  # type: ignore[import-untyped]
import redis.asyncio
from redis.exceptions import RedisError

from dawg_server import errors
from dawg_server.database import running_dsn
from dawg_server.database.binaries import find as find_postgres
from dawg_server.database.migrate import pending
from dawg_server.settings import Settings
from dawg_server.storage import Storage

PROBE_TIMEOUT = 5.0  # seconds
LEAST_DISK = 2 * 2**30  # bytes
LEAST_MEMORY = 512 * 2**20  # bytes


class Verdict(enum.Enum):
    """`NOTE` is no fault, but something that an operator should know."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "FIX"


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: Verdict
    what: str
    sentence: str


OpenStorage = Callable[[Settings], Awaitable[Storage]]


async def examine(settings: Settings, open_storage: OpenStorage) -> list[Finding]:
    """Every finding, in the order in which the server would need things."""
    return [
        *_machine(settings),
        *_identity(settings),
        *_cluster(settings),
        await asyncio.to_thread(_database, settings),
        await _redis(settings),
        await _storage(settings, open_storage),
        *_keys(settings),
    ]


def report(findings: list[Finding]) -> str:
    width = max(len(finding.what) for finding in findings)
    lines = [f"  {finding.verdict.value:<4}  {finding.what:<{width}}  {finding.sentence}" for finding in findings]
    bad = sum(finding.verdict is Verdict.BAD for finding in findings)
    end = "Everything that is needed works." if not bad else f"{bad} to fix before the server works as it should."
    return "\n".join([*lines, "", end])


def healthy(findings: list[Finding]) -> bool:
    return all(finding.verdict is not Verdict.BAD for finding in findings)


def _machine(settings: Settings) -> Iterator[Finding]:
    yield _judge((3, 11) <= sys.version_info[:2] < (3, 14), "Python", sys.version.split()[0], "Use 3.11, 3.12 or 3.13.")
    try:
        with socket.create_server((settings.host or "", settings.port)):
            yield Finding(Verdict.GOOD, "port", f"{settings.port} is free.")
    except OSError:
        yield Finding(Verdict.NOTE, "port", f"{settings.port} is in use; fine if that is this server, else set PORT.")
    folder = settings.data_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding(
            Verdict.BAD, "DATA_DIR", f"{folder} cannot be used ({error.strerror}). Set DATA_DIR to another folder."
        )
        return
    writable = os.access(folder, os.W_OK | os.X_OK)
    yield _judge(writable, "DATA_DIR", f"{folder} can be written.", f"{folder} cannot be written: change its owner.")
    yield _judge(free >= LEAST_DISK, "disk", f"{free / 2**30:.1f} GiB free.", f"Only {free / 2**20:.0f} MiB free.")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield _judge(
        memory >= LEAST_MEMORY, "memory", f"{memory / 2**30:.1f} GiB.", "512 MiB or more are needed to render."
    )


def _identity(settings: Settings) -> Iterator[Finding]:
    if settings.secured:
        yield Finding(Verdict.GOOD, "sign-in", "Tokens are checked.")
    else:
        yield Finding(
            Verdict.NOTE,
            "sign-in",
            "Development mode: callers are believed. Set JWT_SECRET before others can reach it.",
        )
    origins = ", ".join(settings.cors_origins)
    yield Finding(Verdict.NOTE, "CORS_ORIGINS", f"Browsers may call from {origins}.")
    if not settings.link_base:
        yield Finding(Verdict.NOTE, "PUBLIC_URL", "Not set: links begin with the address that each request came to.")


def _cluster(settings: Settings) -> Iterator[Finding]:
    if not settings.redis_adapter:
        return
    embedded = settings.database_url is None
    yield _judge(not embedded, "replicas", "All use one database.", "Several replicas need one DATABASE_URL.")
    sentence = "Several replicas need one bucket (AWS_S3_BUCKET), or a shared folder as DATA_DIR."
    yield Finding(
        Verdict.GOOD if settings.s3_bucket else Verdict.NOTE,
        "files",
        "In a bucket." if settings.s3_bucket else sentence,
    )


def _database(settings: Settings) -> Finding:
    try:
        if settings.database_url is None:
            dsn = running_dsn(settings.data_dir / "postgres")
            if dsn is None:
                find_postgres(None)
                return Finding(Verdict.GOOD, "database", "Embedded: starts with the server.")
        else:
            dsn = settings.database_url
        with psycopg2.connect(dsn, connect_timeout=int(PROBE_TIMEOUT)) as connection:
            version = connection.server_version // 10_000
        connection.close()
        news = " The next start brings its tables up to date." if pending(dsn) else ""
        return _judge(
            version >= 13,
            "database",
            f"Postgres {version} answers.{news}",
            f"Postgres {version} is too old: use 13 or later.",
        )
    except (psycopg2.Error, errors.ConfigurationError) as error:
        reason = str(error).strip().splitlines()[0] if isinstance(error, errors.ConfigurationError) else "no connection"
        return Finding(
            Verdict.BAD, "database", f"It does not answer ({reason}). Check DATABASE_URL, its network and password."
        )


async def _redis(settings: Settings) -> Finding:
    if not settings.redis_url:
        return Finding(Verdict.NOTE, "Redis", "Not set: this server runs alone. Several replicas need REDIS_URL.")
    client = redis.asyncio.Redis.from_url(
        settings.redis_url, socket_connect_timeout=PROBE_TIMEOUT, socket_timeout=PROBE_TIMEOUT
    )
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        return Finding(
            Verdict.BAD, "Redis", f"It does not answer ({type(error).__name__}). Check REDIS_URL and its password."
        )
    finally:
        await client.aclose()
    use = "replicas share events" if settings.redis_adapter else "rate limits only; set WEBSOCKET_REDIS_ADAPTER=true"
    return Finding(Verdict.GOOD, "Redis", f"Answers ({use}).")


async def _storage(settings: Settings, open_storage: OpenStorage) -> Finding:
    where = (
        f"bucket {settings.s3_bucket}" if settings.s3_bucket else f"folder {(settings.data_dir / 'files').resolve()}"
    )
    try:
        storage = await open_storage(settings)
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                await storage.check()
        finally:
            await storage.close()
    except Exception as error:
        hint = (
            "Check AWS_S3_BUCKET, its keys, AWS_REGION and AWS_ENDPOINT_URL."
            if settings.s3_bucket
            else "Check DATA_DIR."
        )
        return Finding(Verdict.BAD, "storage", f"The {where} does not work ({type(error).__name__}). {hint}")
    return Finding(Verdict.GOOD, "storage", f"The {where} works.")


def _keys(settings: Settings) -> Iterator[Finding]:
    services = (
        ("ANTHROPIC_API_KEY", settings.anthropic_key, "AI chat"),
        ("OPENAI_API_KEY", settings.openai_key, "realtime voice"),
        ("REPLICATE_API_KEY", settings.replicate_key, "MusicGen and Demucs"),
        ("SUNO_API_KEY", settings.suno_key, "songs with vocals"),
    )
    for name, key, use in services:
        if key:
            yield Finding(Verdict.GOOD, name, f"Set ({use}). It is not tried, because that would cost.")
        else:
            yield Finding(Verdict.NOTE, name, f"Not set: no {use}.")


def _judge(good: bool, what: str, yes: str, no: str) -> Finding:
    return Finding(Verdict.GOOD, what, yes) if good else Finding(Verdict.BAD, what, no)
