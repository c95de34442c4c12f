"""The session cookie: a second bearer, which browsers send by themselves, and what has to be seen before it counts.

A page of another origin cannot read answers of this server, and `SameSite=Lax` keeps the cookie out of most of what it
sends. What is asked besides, of methods that change something (OWASP, Cross-Site Request Forgery Prevention):

- The request comes from a page that may call. `Origin` tells, else `Sec-Fetch-Site` or `Referer`, none of which a page
  can write. A request that says nothing of this was not made by a browser of today, and needs an access token.
- Its body is JSON, or it is no POST: pages elsewhere send these only after a preflight, which only accepted ones pass.
- Otherwise (a file, or no body at all) it is of the server's own origin, or carries the token of the browser as
  `X-CSRF-Token`: a MAC of the secret in a cookie of its own, which pages cannot read. It holds whoever signs in there,
  since pages ask for it before that and keep it, and is another one once somebody has signed out.
"""

from __future__ import annotations

import secrets

from aiohttp import web

from dawg_server import errors
from dawg_server.identity import Caller, Credentials, Identity
from handlers import payloads
from handlers.addresses import ADDRESSES, Addresses
from handlers.rest import multipart
from handlers.rest.state import STATE

NAME = "dawg_session"
BROWSER = "dawg_browser"
BROWSER_SECONDS = 400 * 24 * 3600  # as long as browsers keep a cookie (RFC 6265bis, section 5.5)
HOST_PREFIX = "__Host-"  # behind HTTPS: browsers take it from this very host alone (RFC 6265bis, section 4.1.3.2)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def credentials(request: web.Request) -> Credentials:
    return Credentials.of(request.headers, value(request, request.app[ADDRESSES]))


async def identify(request: web.Request, identity: Identity, given: Credentials | None = None) -> Caller:
    """Who calls, by all that the request has brought or by what is `given` of it.

    Raises what `Identity.identify` raises, and `CsrfFailed`; a session that has ended is taken back.
    """
    given = given or credentials(request)
    if not given.by_session:
        return await identity.identify(given)
    try:
        caller = await identity.identify(given)
    except (errors.Unauthorized, errors.TokenExpired):
        take_back(request)
        raise
    _require_own_page(request, identity)
    return caller


def value(request: web.BaseRequest, addresses: Addresses) -> str | None:
    return request.cookies.get(_name(NAME, request, addresses)) if "Cookie" in request.headers else None


def give(request: web.Request, session: str, seconds: int) -> None:
    """The answer sets the cookie, unless it goes to a page that may not call: nobody is signed in behind their back."""
    _set(request, NAME, session, seconds)


def take_back(request: web.Request) -> None:
    """The answer deletes the cookie; the same pages may have that done as may have it set."""
    give(request, "", 0)


def browser(request: web.Request) -> str:
    """The secret of the browser; one that has none is given it with the answer."""
    return _browser(request) or _new_browser(request)


def renew_browser(request: web.Request) -> None:
    """What was known of the browser's secret is good no more."""
    if _browser(request):
        _new_browser(request)


def _browser(request: web.Request) -> str:
    return request.cookies.get(_name(BROWSER, request, request.app[ADDRESSES]), "")


def _new_browser(request: web.Request) -> str:
    secret = secrets.token_urlsafe(32)
    _set(request, BROWSER, secret, BROWSER_SECONDS)
    return secret


def _set(request: web.Request, kind: str, value: str, seconds: int) -> None:
    addresses = request.app[ADDRESSES]
    if _is_own_page(request, addresses) is False:
        return
    name = _name(kind, request, addresses)
    secure = "; Secure" if name.startswith(HOST_PREFIX) else ""
    cookie = f"{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
    request[STATE].cookies[name] = cookie


def _name(kind: str, request: web.BaseRequest, addresses: Addresses) -> str:
    return f"{HOST_PREFIX}{kind}" if addresses.scheme(request) == "https" else kind


def _require_own_page(request: web.Request, identity: Identity) -> None:
    if request.method in SAFE_METHODS:
        return
    if not _is_own_page(request, request.app[ADDRESSES]):
        raise errors.CsrfFailed(
            "A session cookie counts only from pages that may call this server: send Origin, and add it to "
            "CORS_ORIGINS, or send an Authorization header instead."
        )
    if payloads.is_json(request.content_type):
        return
    if request.body_exists and request.content_type != multipart.TYPE:
        raise errors.CsrfFailed("With a session cookie send JSON or multipart/form-data, or an Authorization header.")
    if request.method != "POST" or _is_same_origin(request, request.app[ADDRESSES]):
        return
    if not identity.is_csrf_token(request.headers.get("X-CSRF-Token", ""), _browser(request)):
        raise errors.CsrfFailed()


def _is_own_page(request: web.BaseRequest, addresses: Addresses) -> bool | None:
    """Whether the page that has sent this may call; None when it does not say where it is."""
    headers = request.headers
    if (origin := headers.get("Origin")) is not None:
        return addresses.accepts_origin(origin, request)
    if _is_same_origin(request, addresses):
        return True
    if (referer := headers.get("Referer")) is not None:
        return addresses.accepts_origin("/".join(referer.split("/", 3)[:3]), request)
    return False if "Sec-Fetch-Site" in headers else None


def _is_same_origin(request: web.BaseRequest, addresses: Addresses) -> bool:
    """Browsers say so by `Sec-Fetch-Site`, but not to addresses without TLS other than of their own machine."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    return site == "same-origin" or (origin is not None and addresses.is_own_origin(origin, request))
