"""`/auth`: accounts and logins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from dawg_server import errors
from dawg_server.accounts.service import Login
from dawg_server.identity import Caller, Credentials
from dawg_server.wire import timestamp
from handlers.addresses import ADDRESSES
from handlers.rest import endpoint, session_cookie
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.routes import Routes
from handlers.rest.state import STATE
from handlers.schemas import auth as schemas

MAX_USER_AGENT = 256  # characters

routes = Routes("auth")


@routes.post(
    "/auth/register",
    "Make an account",
    body=schemas.Registration,
    reply=schemas.SignedIn,
    status=201,
    public=True,
    errors=(403, 409, 429),
)
async def register(call: RestCall) -> Answer:
    """403 where REGISTRATION does not let this caller in."""
    await _limit_guesses(call)
    accounts = call.services.platform.accounts
    return _signed_in(call, await accounts.register(**call.body, user_agent=_user_agent(call.request)))


@routes.post(
    "/auth/login", "Sign in", body=schemas.LoginRequest, reply=schemas.SignedIn, public=True, errors=(401, 429)
)
async def login(call: RestCall) -> Answer:
    """The answer also sets a cookie, which is as good as the access token and lasts as long as the login."""
    await _limit_guesses(call)
    email, password = call.body["email"].lower(), call.body["password"]
    accounts = call.services.platform.accounts
    return _signed_in(call, await accounts.login(email=email, password=password, user_agent=_user_agent(call.request)))


@routes.post(
    "/auth/refresh",
    "Get new tokens",
    body=schemas.RefreshRequest,
    reply=schemas.SignedIn,
    public=True,
    errors=(401, 429),
)
async def refresh(call: RestCall) -> Answer:
    """The refresh token is spent by this. If it comes again after half a minute, its login ends, because somebody must
    have copied it.
    """
    await _limit(call, "refresh")
    accounts, token = call.services.platform.accounts, call.body["refresh_token"]
    return _signed_in(call, await accounts.refresh(token, user_agent=_user_agent(call.request)))


@routes.post(
    "/auth/logout",
    "Sign out",
    body=schemas.LogoutRequest,
    reply=schemas.LoginEndedReply,
    public=True,
    errors=(403, 429),
)
async def logout(call: RestCall) -> Answer:
    """Ends the login, disconnects the sockets that were opened with it, and deletes the cookie."""
    await _limit(call, "logout")
    given = session_cookie.credentials(call.request)
    caller = await _signed_in_caller(call, given)
    if caller is None and given.token:  # it has expired, and the cookie lives longer
        caller = await _signed_in_caller(call, Credentials(session=given.session))
    await call.services.platform.accounts.logout(
        **call.body, user_id=caller.user_id if caller else None, login=caller.login if caller else None
    )
    session_cookie.take_back(call.request)
    session_cookie.renew_browser(call.request)
    return {"success": True}


@routes.get("/csrf-token", "The token of a page", reply=schemas.CsrfToken, public=True, errors=(429,))
async def csrf_token(call: RestCall) -> Answer:
    """For pages of another origin that are known by the cookie: `X-CSRF-Token` of what is no JSON. It belongs to the
    browser, which is told from others by a cookie of its own, so it stays the same until somebody signs out.
    """
    await _limit(call, "csrf-token")
    token = call.services.platform.identity.csrf_token(session_cookie.browser(call.request))
    return endpoint.response(
        {"success": True, "csrfToken": token, "token": token}, headers={"Cache-Control": "no-store"}
    )


@routes.get("/auth/me", "Who am I?", reply=schemas.Me)
async def me(call: RestCall) -> Answer:
    return {"success": True, "user": _shown(await call.services.platform.accounts.user(call.caller.user_id))}


@routes.change("/auth/me", "Change my name or picture", body=schemas.ProfileChange, reply=schemas.Me)
async def change_me(call: RestCall) -> Answer:
    return {
        "success": True,
        "user": _shown(await call.services.platform.accounts.change(call.caller.user_id, call.body)),
    }


@routes.put(
    "/auth/me/password", "Change my password", body=schemas.PasswordChange, reply=schemas.LoginEndedReply, errors=(409,)
)
async def change_password(call: RestCall) -> Answer:
    """All other logins of the user end; this one goes on."""
    platform, caller = call.services.platform, call.caller
    call.request[STATE].allowance = await platform.limits.hit(
        "password", caller.user_id, platform.settings.auth_per_minute
    )
    await platform.accounts.change_password(caller.user_id, **call.body, keep=caller.login)
    return {"success": True}


@routes.post(
    "/auth/forgot-password",
    "Have a link sent",
    body=schemas.ForgottenPassword,
    reply=schemas.LinkPromised,
    public=True,
    errors=(429,),
)
async def forgot_password(call: RestCall) -> Answer:
    """The link leads to `/reset-password?token=…` of the front end, works once and for half an hour."""
    await _limit(call, "forgot-password", call.services.platform.settings.auth_per_minute)
    await call.services.platform.recovery.request(call.body["email"])
    return {"success": True, "message": "If this address has an account, a link to set a new password is on its way."}


@routes.post(
    "/auth/reset-password",
    "Set a new password",
    body=schemas.PasswordReset,
    reply=schemas.LoginEndedReply,
    public=True,
    errors=(429,),
)
async def reset_password(call: RestCall) -> Answer:
    """All logins of the user end."""
    await _limit(call, "reset-password", call.services.platform.settings.auth_per_minute)
    await call.services.platform.recovery.reset(**call.body)
    return {"success": True}


async def _limit_guesses(call: RestCall) -> None:
    await _limit(call, "auth", call.services.platform.settings.auth_per_minute)


async def _limit(call: RestCall, what: str, per_minute: int | None = None) -> None:
    platform = call.services.platform
    network = call.request.app[ADDRESSES].network(call.request)
    per_minute = per_minute or platform.settings.requests_per_minute
    call.request[STATE].allowance = await platform.limits.hit(what, network, per_minute)


async def _signed_in_caller(call: RestCall, given: Credentials) -> Caller | None:
    """Who that is, if it is anybody who has signed in."""
    if not (given.has_token or given.session):
        return None
    try:
        return await session_cookie.identify(call.request, call.services.platform.identity, given)
    except (errors.Unauthorized, errors.TokenExpired):
        return None


def _user_agent(request: web.Request) -> str | None:
    return request.headers.get("User-Agent", "")[:MAX_USER_AGENT].replace("\0", "") or None


def _signed_in(call: RestCall, login: Login) -> web.Response:
    session_cookie.give(call.request, login.session, login.session_seconds)
    body = {
        "success": True,
        "user": _shown(login.user),
        "token": login.access_token,
        "accessToken": login.access_token,
        "refreshToken": login.refresh_token,
        "expiresIn": login.expires_in,
    }
    return endpoint.response(body, call.status, {"Cache-Control": "no-store"})


def _shown(user: Mapping[str, Any]) -> dict[str, Any]:
    """Somebody without a name of their own is called by their id."""
    username = user["username"] or user["id"]
    full_name = " ".join(part for part in (user["first_name"], user["last_name"]) if part)
    return {
        "id": user["id"],
        "email": user["email"],
        "username": username,
        "name": full_name or username,
        "firstName": user["first_name"],
        "lastName": user["last_name"],
        "avatar": user["avatar"],
        "role": "USER",
        "isVerified": user["is_verified"],
        "isActive": user["is_active"],
        "createdAt": timestamp(user["created_at"]),
        "updatedAt": timestamp(user["updated_at"]),
        "lastLoginAt": timestamp(user["last_login_at"]) if user["last_login_at"] else None,
    }
