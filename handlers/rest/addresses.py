"""The address that a request comes from, for limits of those who are not signed in."""

from __future__ import annotations

import ipaddress

from aiohttp import web

SITE_PREFIX = 64  # bits: one household or one rented server owns at least so much of IPv6


def client(request: web.Request, *, behind_proxy: bool) -> str:
    """An IPv4 address or the network of an IPv6 one. `behind_proxy`: what the proxy in front of us says is believed.

    Of `X-Forwarded-For` only the last entry counts, because the ones before it are written by the client.
    """
    told = (request.headers.get("X-Real-IP", ""), request.headers.get("X-Forwarded-For", "").rpartition(",")[2])
    for text in (*(told if behind_proxy else ()), request.remote or ""):
        try:
            return _bucket(text.strip())
        except ValueError:
            continue
    return "unknown"


def _bucket(text: str) -> str:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, SITE_PREFIX), strict=False))
