"""Where a request came from and which address it was sent to: decided here, from the hops that are trusted.

REST, sockets, links, limits and CORS ask this module. Trusted are the proxy in front of the server, when there is one
(`TRUST_PROXY`), and other replicas, which sign the requests that they pass on.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

from dawg_server.settings import Settings

PASSED_ON = web.RequestKey("passed_on", bool)  # by another replica, which has proved that it is one
SITE_PREFIX = 64  # bits: one household or one rented server owns at least so much of IPv6
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Addresses:
    """What a trusted hop says is its last entry: the ones before it were written by whoever called that hop."""

    def __init__(self, settings: Settings) -> None:
        self._behind_proxy = settings.behind_proxy
        self._link_base = settings.link_base
        own = {_origin(*urlsplit(self._link_base)[:2])} if self._link_base else set()
        self._origins = frozenset(settings.cors_origins) | own

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
        return told.lower() if told is not None and told.lower() in _DEFAULT_PORTS else request.scheme

    def host(self, request: web.BaseRequest) -> str:
        """The host that the caller asked for, with its port where it named one."""
        return self._told(request, "X-Forwarded-Host") or request.headers.get("Host") or request.host

    def base_url(self, request: web.BaseRequest) -> str:
        """The address under which the caller reached this server, for absolute links: without a slash at its end."""
        return self._link_base or f"{self.scheme(request)}://{self.host(request)}"

    def forwarded(self, request: web.BaseRequest) -> dict[str, str]:
        """What the next hop has to be told, so that it decides as this one does."""
        return {
            "X-Real-IP": self.client(request),
            "X-Forwarded-For": self.client(request),
            "X-Forwarded-Proto": self.scheme(request),
            "X-Forwarded-Host": self.host(request),
        }

    def accepts_origin(self, origin: str, request: web.BaseRequest) -> bool:
        """Whether a page of that origin may call: one of `CORS_ORIGINS`, or one that this server itself serves."""
        return origin in self._origins or origin == _origin(self.scheme(request), self.host(request))

    def _told(self, request: web.BaseRequest, header: str) -> str | None:
        told = request.headers.get(header)
        if told is None or not (self._behind_proxy or request.get(PASSED_ON)):
            return None
        return told.rpartition(",")[2].strip() or None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _origin(scheme: str, host: str) -> str:
    """As browsers write it (RFC 6454, section 6.2): in lower case, without the port that goes without saying."""
    return f"{scheme}://{host.lower().removesuffix(_DEFAULT_PORTS[scheme])}"
