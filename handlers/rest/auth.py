"""`/auth`: accounts and logins (contract, section 4.3)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from dawg_server import errors
from dawg_server.accounts.service import Login
from dawg_server.identity import Caller
from handlers.rest.endpoint import bearer
from handlers.rest.json import timestamp
from handlers.rest.routing import ADDRESSES, STATE, Answer, RestCall, Routes
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
    errors=(409, 429),
)
async def register(call: RestCall) -> Answer:
    """Projects that were shared with this address are shared with the new account from now on."""
    await _limit(call)
    return _signed_in(await call.services.platform.accounts.register(**call.body, user_agent=_user_agent(call.request)))


@routes.post("/auth/login", "Sign in", body=schemas.Credentials, reply=schemas.SignedIn, public=True, errors=(401, 429))
async def login(call: RestCall) -> Answer:
    await _limit(call)
    email, password = call.body["email"].lower(), call.body["password"]
    accounts = call.services.platform.accounts
    return _signed_in(await accounts.login(email=email, password=password, user_agent=_user_agent(call.request)))


@routes.post(
    "/auth/refresh",
    "Get new tokens",
    body=schemas.RefreshRequest,
    reply=schemas.SignedIn,
    public=True,
    errors=(401, 429),
)
async def refresh(call: RestCall) -> Answer:
    """The refresh token is spent by this. If it comes again, its login ends, because somebody must have copied it."""
    await _limit(call)
    token = call.body["refresh_token"]
    return _signed_in(await call.services.platform.accounts.refresh(token, user_agent=_user_agent(call.request)))


@routes.post(
    "/auth/logout", "Sign out", body=schemas.LogoutRequest, reply=schemas.LoginEndedReply, public=True, errors=(429,)
)
async def logout(call: RestCall) -> Answer:
    """Ends the login and disconnects the sockets that were opened with it."""
    await _limit(call)
    caller = await _signed_in_caller(call)
    await call.services.platform.accounts.logout(
        **call.body, user_id=caller.user_id if caller else None, login=caller.login if caller else None
    )
    return {"success": True}


@routes.get("/auth/me", "Who am I?", reply=schemas.Me)
async def me(call: RestCall) -> Answer:
    return {"success": True, "user": _shown(await call.services.platform.accounts.user(call.caller.user_id))}


async def _limit(call: RestCall) -> None:
    platform = call.services.platform
    network = call.request.app[ADDRESSES].network(call.request)
    call.request[STATE].allowance = await platform.limits.hit("auth", network, platform.settings.auth_per_minute)


async def _signed_in_caller(call: RestCall) -> Caller | None:
    """Who sends a valid access token along, if anybody does."""
    token = bearer(call.request)
    if token:
        with contextlib.suppress(errors.Unauthorized, errors.TokenExpired):
            caller = await call.services.platform.identity.identify(token, None)
            return None if caller.origin == "development" else caller
    return None


def _user_agent(request: web.Request) -> str | None:
    return request.headers.get("User-Agent", "")[:MAX_USER_AGENT].replace("\0", "") or None


def _signed_in(login: Login) -> dict[str, Any]:
    return {
        "success": True,
        "user": _shown(login.user),
        "token": login.access_token,
        "accessToken": login.access_token,
        "refreshToken": login.refresh_token,
        "expiresIn": login.expires_in,
    }


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
