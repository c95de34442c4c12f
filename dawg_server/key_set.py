"""The public keys of an outside sign-in service (RFC 7517), fetched when needed and never more often than that."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple

import aiohttp
import jwt
import orjson
import structlog

from dawg_server import errors, logs

TIMEOUT = 5.0  # seconds
MIN_RSA_BITS = 2048  # NIST SP 800-131A
RSA_ALGORITHMS = ("RS256", "PS256")
MAX_BYTES = 256 * 1024
MAX_AGE = 300.0  # seconds until known keys are read again
MIN_INTERVAL = 5.0  # seconds between two questions, whatever strangers send

log: structlog.stdlib.BoundLogger = logs.get("main")


class _Key(NamedTuple):
    public: Any  # for `jwt.decode`
    algorithms: tuple[str, ...]


class KeySet:
    """Keys by `kid`. Known keys serve on while the service is down; unknown ones are asked for once per interval."""

    def __init__(self, url: str, *, max_age: float = MAX_AGE, min_interval: float = MIN_INTERVAL) -> None:
        """`max_age` and `min_interval` are in seconds."""
        self._url = url
        self._max_age, self._min_interval = max_age, min_interval
        self._keys: dict[str, _Key] = {}
        self._asked_at = self._read_at = float("-inf")  # monotonic time
        self._asking = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def key(self, kid: object, algorithm: str) -> Any:
        """The public key of that id, for `jwt.decode`. Raises `Unauthorized` when the service has none for `algorithm`,
        and `DependencyUnavailable` when it cannot be asked."""
        if not isinstance(kid, str):
            raise errors.Unauthorized("This access token does not say which key it was signed with.")
        if kid not in self._keys:
            await self._read_again(kid)
        elif time.monotonic() - self._read_at > self._max_age and not self._asking.locked():
            await self._read_again(kid)  # the others need not wait for that
        found = self._keys.get(kid)
        if found is None and self._read_at < self._asked_at:
            raise errors.DependencyUnavailable("sign-in service", retry_after=self._min_interval)
        if found is None or algorithm not in found.algorithms:
            raise errors.Unauthorized("This access token was signed with a key that nobody vouches for.")
        return found.public

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _read_again(self, kid: str) -> None:
        """One question at a time; those who waited for it share its answer."""
        came_at = time.monotonic()
        async with self._asking:
            if self._asked_at > came_at or time.monotonic() - self._asked_at < self._min_interval:
                return
            asked_at = self._asked_at = time.monotonic()
            try:
                self._keys = await self._fetch()
            except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
                log.warning(
                    "The sign-in service did not give its keys.",
                    action="key_set_failed",
                    kid=kid[:64],
                    error=f"{type(error).__name__}: {error}",
                )
            else:
                self._read_at = asked_at

    async def _fetch(self) -> dict[str, _Key]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        async with self._session.get(self._url, headers={"Accept": "application/json"}) as reply:
            reply.raise_for_status()
            data = await reply.content.read(MAX_BYTES + 1)
            while len(data) <= MAX_BYTES and (more := await reply.content.read(MAX_BYTES + 1)):
                data += more
        if len(data) > MAX_BYTES:
            raise ValueError("the key set is too large")
        return _usable(data)


def _usable(data: bytes) -> dict[str, _Key]:
    """Signature keys with an id; others (RFC 7517, section 5: unknown kinds are ignored) are left out."""
    document = orjson.loads(data)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("this is not a key set")
    keys: dict[str, _Key] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK(entry)
        except jwt.PyJWTError:
            continue
        if entry.get("kty") == "RSA" and key.key.key_size < MIN_RSA_BITS:
            log.warning(
                f"A key of the sign-in service has fewer than {MIN_RSA_BITS} bits; what it has signed is refused.",
                action="key_too_short",
                kid=entry["kid"][:64],
            )
            continue
        # A key that does not name its algorithm serves all that its kind can (RFC 7517, section 4.4).
        unnamed = entry.get("kty") == "RSA" and "alg" not in entry
        keys[entry["kid"]] = _Key(key.key, RSA_ALGORITHMS if unnamed else (key.algorithm_name,))
    return keys
