"""Passwords as argon2id hashes, made beside the event loop.

Parameters: OWASP Password Storage Cheat Sheet, argon2id with 19 MiB, two passes and one lane.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2

from dawg_server import errors

MEMORY = 19 * 1024  # KiB for each hash that is being made
PASSES = 2
LANES = 1
PARALLEL = 2  # hashes at once
MAX_WAITING = 64  # hashes that wait for their turn, about one second of work
RETRY_AFTER = 2.0  # seconds

T = TypeVar("T")


def _decoy() -> str:
    """A well-formed hash of no known password: to check against it takes as long as against a real one."""
    salt, digest = (base64.b64encode(bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${salt}${digest}"


class Passwords:
    """At most `PARALLEL` hashes are in the making, because each takes a core and `MEMORY`."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY, parallelism=LANES, hash_len=32, salt_len=16, type=argon2.Type.ID
        )
        self._threads = ThreadPoolExecutor(PARALLEL, thread_name_prefix="passwords")
        self._pending = 0

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, stored: str | None, password: str) -> bool:
        """False for a wrong password and, after the same time, where there is none to compare with."""
        return await self._run(lambda: self._verify(stored or _decoy(), password)) and stored is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except argon2.exceptions.VerifyMismatchError:
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._pending >= MAX_WAITING + PARALLEL:
            raise errors.RateLimited(
                "Too many people are signing in at this moment.",
                details={"limit": MAX_WAITING + PARALLEL, "unit": "people at once"},
                retry_after=RETRY_AFTER,
            )
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1
