"""The session cookie: a second bearer, which browsers send by themselves, and what has to be seen before it counts.

A page of another origin cannot read answers of this server, and `SameSite=Lax` keeps the cookie out of most of what it
sends. What is asked besides, of methods that change something (OWASP, Cross-Site Request Forgery Prevention):

- The request comes from a page that may call. `Origin` tells, else `Sec-Fetch-Site` or `Referer`, none of which a page
  can write. A request that says nothing of this was not made by a browser of today, and needs an access token.
- Its body is JSON, or it is no POST: pages elsewhere send these only after a preflight, which only accepted ones pass.
- Otherwise (a file, or no body at all) it is of the server's own origin, or carries the token of the session as
  `X-CSRF-Token`.
"""

from __future__ import annotations

from aiohttp import web

from dawg_server import errors
from dawg_server.identity import Caller, Credentials, Identity
from handlers import payloads
from handlers.addresses import ADDRESSES, Addresses
from handlers.rest import multipart
from handlers.rest.state import STATE

NAME = "dawg_session"
HOST_NAME = f"__Host-{NAME}"  # behind HTTPS: browsers take it from this very host alone (RFC 6265bis, section 4.1.3.2)
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
    _require_own_page(request, identity, caller.login)
    return caller


def value(request: web.BaseRequest, addresses: Addresses) -> str | None:
    return request.cookies.get(_name(request, addresses)) if "Cookie" in request.headers else None


def give(request: web.Request, session: str, seconds: int) -> None:
    """The answer sets the cookie, unless it goes to a page that may not call: nobody is signed in behind their back."""
    addresses = request.app[ADDRESSES]
    if _is_own_page(request, addresses) is False:
        return
    name = _name(request, addresses)
    secure = "; Secure" if name == HOST_NAME else ""
    request[STATE].cookie = f"{name}={session}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"


def take_back(request: web.Request) -> None:
    """The answer deletes the cookie; the same pages may have that done as may have it set."""
    give(request, "", 0)


def _name(request: web.BaseRequest, addresses: Addresses) -> str:
    return HOST_NAME if addresses.scheme(request) == "https" else NAME


def _require_own_page(request: web.Request, identity: Identity, login: str | None) -> None:
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
    if not identity.is_csrf_token(request.headers.get("X-CSRF-Token", ""), login):
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
