"""Fetching what a provider has made, from addresses that nobody here has chosen (providers, section 6).

Only https, only public addresses, limited in size and time; every redirect is checked like the first address. The hosts
of the configured base URLs are trusted, so that a gateway in one's own network works.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from dawg_server import errors
from dawg_server.generation.providers.base import Late, Transient

MAX_BYTES = 200 * 1024 * 1024
TIME_LIMIT = 180.0  # seconds for one file
STALL_LIMIT = 30.0  # seconds without a byte
CONNECT_TIMEOUT = 10.0  # seconds
MAX_REDIRECTS = 5
PIECE = 256 * 1024  # bytes
REDIRECTS = (301, 302, 303, 307, 308)
BUSY = (408, 425, 429)  # statuses below 500 that may be gone in a moment


class ForbiddenAddress(errors.ProviderFailed):
    """The provider has named an address from which this server does not fetch files."""


class Gone(errors.ProviderFailed):
    """The provider's file is not there (any more)."""


class Downloader:
    """Copies files; sends no key to anybody, for files lie on hosts of others."""

    def __init__(self, *trusted: str, max_bytes: int = MAX_BYTES) -> None:
        """`trusted`: base URLs from the settings."""
        self._trusted = {_host_and_port(yarl.URL(url)) for url in trusted}
        self._max_bytes = max_bytes

    async def fetch(self, url: str, target: Path, report: Callable[[float], None] = lambda done: None) -> None:
        """Copies a file; `report(fraction 0..1)` while it comes.

        Raises `Transient` when the connection broke off or the host is unwell, `Gone`, `ForbiddenAddress`, and
        `ProviderFailed` when the file is too large.
        """
        try:
            async with asyncio.timeout(TIME_LIMIT), contextlib.AsyncExitStack() as stack:
                await self._save(await self._open(url, stack), target, report)
        except TimeoutError:
            raise Late("The provider's file did not arrive in time.") from None
        except aiohttp.ClientError as error:
            raise Transient(f"The provider's file could not be copied ({type(error).__name__}).") from None

    async def _open(self, url: str, stack: contextlib.AsyncExitStack) -> aiohttp.ClientResponse:
        address = yarl.URL(url, encoded=True)
        for _ in range(MAX_REDIRECTS + 1):
            trusted = self._check(address)
            session = await stack.enter_async_context(_session(trusted))
            reply = await stack.enter_async_context(session.get(address, allow_redirects=False))
            if reply.status not in REDIRECTS:
                return _accept(reply)
            address = address.join(yarl.URL(reply.headers.get("Location", ""), encoded=True))
        raise ForbiddenAddress("The provider's file is behind too many redirects.")

    def _check(self, address: yarl.URL) -> bool:
        """True for a trusted host; raises `ForbiddenAddress` for what must not even be asked."""
        if not address.host or address.scheme not in ("http", "https"):
            raise ForbiddenAddress("The provider has named something that is no web address.")
        if _host_and_port(address) in self._trusted:
            return True
        if address.scheme != "https":
            raise ForbiddenAddress("The provider has named an address without https.")
        with contextlib.suppress(ValueError):
            if not is_public(address.host):
                raise ForbiddenAddress("The provider has named an address inside of a private network.")
        return False

    async def _save(self, reply: aiohttp.ClientResponse, target: Path, report: Callable[[float], None]) -> None:
        announced = reply.content_length or 0
        if announced > self._max_bytes:
            raise _too_large(self._max_bytes)
        size = 0
        with target.open("wb") as file:
            async for piece in reply.content.iter_chunked(PIECE):
                size += len(piece)
                if size > self._max_bytes:
                    raise _too_large(self._max_bytes)
                await asyncio.to_thread(file.write, piece)
                report(size / announced if announced else 0.0)
        if not size:
            raise Transient("The provider's file was empty.")


class PublicResolver(AbstractResolver):
    """Looks names up and refuses those that lead into a private network, at the moment of connecting."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(is_public(each["host"]) for each in found):
            raise ForbiddenAddress("The provider has named an address inside of a private network.")
        return found

    async def close(self) -> None:
        await self._inner.close()


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet. Raises ValueError for what is no address."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        parsed = inner if inner is not None else parsed
    return parsed.is_global and not parsed.is_multicast


def _session(trusted: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(resolver=None if trusted else PublicResolver(), use_dns_cache=False)
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT, sock_read=STALL_LIMIT)
    options: dict[str, Any] = {"auto_decompress": False, "headers": {"Accept-Encoding": "identity"}}
    return aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False, **options)


def _accept(reply: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    if reply.status == 200:
        return reply
    if reply.status >= 500 or reply.status in BUSY:
        raise Transient(f"The provider's file host answered with {reply.status}.")
    raise Gone(f"The provider's file could not be fetched: its host answered with {reply.status}.")


def _too_large(limit: int) -> errors.ProviderFailed:
    return errors.ProviderFailed(f"The provider's file is larger than {limit // 2**20} MiB, so it was not copied.")


def _host_and_port(url: yarl.URL) -> tuple[str, int]:
    return urllib.parse.unquote(url.host or "").lower(), url.port or 0
