"""Where a request came from and which address it was sent to: decided here, from the hops that are trusted.

REST, sockets, links, limits and CORS ask this module. Trusted are the proxy in front of the server, when there is one
(`TRUST_PROXY`), and other replicas, which sign the requests that they pass on.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from urllib.parse import urlsplit

from aiohttp import web

from dawg_server import errors
from dawg_server.settings import Settings, is_loopback
from dawg_server.variables import DEFAULT_PORTS

PASSED_ON = web.RequestKey("passed_on", bool)  # by another replica, which has proved that it is one
FORWARDED = ("X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")  # what trusted hops are believed
SITE_PREFIX = 64  # bits: one household or one rented server owns at least so much of IPv6
HEALTH = "/health"  # asked by platforms under names of their own
_KNOWN_HOSTS = 1024  # that are remembered
_LOOPBACK = re.compile(r"^(https?://)(?:127\.0\.0\.1|\[::1\])(:\d+)?$")


class Addresses:
    """What a trusted hop says is its last entry: the ones before it were written by whoever called that hop."""

    def __init__(self, settings: Settings) -> None:
        self.behind_proxy = settings.behind_proxy
        self._link_base = settings.link_base
        self._listed = AllowedOrigins(settings)
        self._any_host = settings.secured
        self._is_own = functools.lru_cache(_KNOWN_HOSTS)(OwnNames(settings).has)

    def client(self, request: web.BaseRequest) -> str:
        """The address of the caller, as text; `unknown` when the transport does not tell."""
        told = (self._told(request, "X-Real-IP"), self._told(request, "X-Forwarded-For"))
        for text in (*told, request.remote):
            try:
                return str(_address(text or ""))
            except ValueError:
                continue
        return "unknown"

    def network(self, request: web.BaseRequest) -> str:
        """What limits of callers without a name are counted by: an IPv4 address or the network of an IPv6 one."""
        client = self.client(request)
        return str(ipaddress.ip_network((client, SITE_PREFIX), strict=False)) if ":" in client else client

    def scheme(self, request: web.BaseRequest) -> str:
        """`http` or `https`: how the caller reached the outermost trusted hop."""
        told = self._told(request, "X-Forwarded-Proto")
        return told.lower() if told is not None and told.lower() in DEFAULT_PORTS else request.scheme

    def host(self, request: web.BaseRequest) -> str:
        """The host that the caller asked for, with its port where it named one."""
        return self._told(request, "X-Forwarded-Host") or request.headers.get("Host") or request.host

    def base_url(self, request: web.BaseRequest) -> str:
        """The address under which the caller reached this server, for absolute links: without a slash at its end."""
        return self._link_base or f"{self.scheme(request)}://{self.host(request)}"

    def forwarded(self, request: web.BaseRequest) -> dict[str, str]:
        """What the next hop has to be told, so that it decides as this one does."""
        client = self.client(request)
        return dict(zip(FORWARDED, (client, client, self.scheme(request), self.host(request)), strict=True))

    def accepts_origin(self, origin: str, request: web.BaseRequest) -> bool:
        """Whether a page of that origin may call: one of `CORS_ORIGINS`, or one that this server itself serves."""
        return self._listed.has(origin) or self.is_own_origin(origin, request)

    def is_own_origin(self, origin: str, request: web.BaseRequest) -> bool:
        """Whether that is the address that the request was sent to, and one of this server's."""
        own = _origin(self.scheme(request), self.host(request))
        return self._listed.same(origin, own) and self._is_served(request)

    def require_own_host(self, request: web.BaseRequest) -> None:
        """Raises `Forbidden` for a host that may be anybody's, where whoever calls is believed.

        A page can have the name that it came from lead to this machine (DNS rebinding), and then is of this server's
        own origin for the browser.
        """
        if not self._is_served(request) and not f"{request.path}/".startswith(f"{HEALTH}/"):
            raise errors.Forbidden(
                "In development mode this server answers under its own names only, such as localhost: set PUBLIC_URL "
                "to the address that you call it by, or JWT_SECRET so that it knows its callers."
            )

    def _is_served(self, request: web.BaseRequest) -> bool:
        if self._any_host:
            return True
        asked = (request.headers.get("Host"), self._told(request, "X-Forwarded-Host"))
        return all(host is None or self._is_own(host) for host in asked)

    def _told(self, request: web.BaseRequest, header: str) -> str | None:
        told = request.headers.get(header)
        if told is None or not (self.behind_proxy or request.get(PASSED_ON)):
            return None
        return told.rpartition(",")[2].strip() or None


class AllowedOrigins:
    """`CORS_ORIGINS`, with its patterns, and the origin of `PUBLIC_URL`.

    In development mode the names of this machine are one: a page of http://127.0.0.1:5173 is that of
    http://localhost:5173.
    """

    def __init__(self, settings: Settings) -> None:
        self._one_machine = not settings.secured
        own = [_origin(*urlsplit(settings.link_base)[:2])] if settings.link_base else []
        exact = [each for each in settings.cors_origins if "*" not in each]
        self._exact = frozenset(map(self._name, (*exact, *own)))
        self._patterns = tuple(_pattern(each) for each in settings.cors_origins if "*" in each)

    def has(self, origin: str) -> bool:
        return self._name(origin) in self._exact or any(each.fullmatch(origin) for each in self._patterns)

    def same(self, one: str, other: str) -> bool:
        return self._name(one) == self._name(other)

    def _name(self, origin: str) -> str:
        return _LOOPBACK.sub(r"\1localhost\2", origin) if self._one_machine else origin


ADDRESSES = web.AppKey("addresses", Addresses)


class OwnNames:
    """The names of a server in development mode: those that no page from elsewhere can have."""

    def __init__(self, settings: Settings) -> None:
        urls = (settings.link_base, settings.replica_url)
        self._names = {urlsplit(url).hostname for url in urls if url}
        self._for_others = settings.allow_development
        if self._for_others:
            self._names.add(socket.gethostname().lower())

    def has(self, host: str) -> bool:
        """`host`: as in the header, with or without a port."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
        except ValueError:
            return False
        if is_loopback(name) or name in self._names:
            return True
        return self._for_others and (_is_address(name) or name.endswith(".local"))


def _is_address(name: str) -> bool:
    try:
        _address(name)
    except ValueError:
        return False
    return True


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _origin(scheme: str, host: str) -> str:
    """As browsers write it (RFC 6454, section 6.2): in lower case, without the port that goes without saying."""
    return f"{scheme}://{host.lower().removesuffix(DEFAULT_PORTS[scheme])}"


def _pattern(origin: str) -> re.Pattern[str]:
    """A `*` stands for one or more characters of one label, so never for a dot."""
    return re.compile("[a-z0-9_-]+".join(map(re.escape, origin.split("*"))))
