"""Who is calling: verified tokens in secured mode, a plain name in development mode (contract, section 3)."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from dataclasses import dataclass
from typing import Any, Literal

import jwt
import structlog

from dawg_server import errors, logs
from dawg_server.database import users
from dawg_server.database.pool import Database

Origin = Literal["local", "token", "development"]

DEVELOPMENT_USER = "dev-user"
CLOCK_TOLERANCE = 30  # seconds
KEY_SET_TIMEOUT = 5.0  # seconds
MAX_KNOWN_USERS = 10_000
_USER_ID = re.compile(r"[A-Za-z0-9_.@:-]{1,128}")

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified identity. `login` names the login whose token was used, so that its sockets end with it."""

    user_id: str
    origin: Origin
    login: str | None = None


class Identity:
    """Turns what a client sent into a `Caller`, or refuses. Nothing else that a client sends can change who it is."""

    def __init__(self, database: Database, *, secret: str | None, key_set_url: str | None) -> None:
        self._database = database
        self.secured = bool(secret or key_set_url)
        # Without JWT_SECRET, local accounts still work in development mode, with a key that dies with the process.
        self._secret = secret or (None if key_set_url else secrets.token_hex(32))
        self._keys = jwt.PyJWKClient(key_set_url, timeout=KEY_SET_TIMEOUT) if key_set_url else None
        self._known: dict[str, None] = {}

    async def identify(self, token: str | None, claimed: str | None) -> Caller:
        """`token` is the bearer token; `claimed` is a user id that only development mode believes."""
        caller = await (self._by_token(token) if self.secured else self._by_name(token, claimed))
        if caller.user_id not in self._known:
            await users.ensure(self._database, caller.user_id, caller.origin)
            if len(self._known) >= MAX_KNOWN_USERS:
                self._known.pop(next(iter(self._known)))
            self._known[caller.user_id] = None
        return caller

    async def _by_name(self, token: str | None, claimed: str | None) -> Caller:
        if token:
            with contextlib.suppress(errors.DawgError):  # earlier pages send a made-up token; it is no reason to refuse
                return await self._by_token(token)
        user_id = claimed or DEVELOPMENT_USER
        if not _USER_ID.fullmatch(user_id):
            raise errors.Unauthorized("A user id has 1 to 128 of the characters A-Z a-z 0-9 _ . @ : -")
        return Caller(user_id, "development")

    async def _by_token(self, token: str | None) -> Caller:
        if not token:
            raise errors.Unauthorized()
        try:
            header = jwt.get_unverified_header(token)
            key, algorithms = await self._key_for(token, str(header.get("alg")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=algorithms,
                leeway=CLOCK_TOLERANCE,
                options={"require": ["exp", "sub"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError:
            raise errors.TokenExpired() from None
        except jwt.PyJWKClientConnectionError:
            raise errors.DependencyUnavailable("sign-in service") from None
        except (jwt.PyJWTError, ValueError):
            raise errors.Unauthorized("This access token is not valid.") from None
        if not _USER_ID.fullmatch(claims["sub"]):
            raise errors.Unauthorized("This access token names no usable user.")
        return Caller(claims["sub"], "local" if algorithms == ["HS256"] else "token", claims.get("login"))

    async def _key_for(self, token: str, algorithm: str) -> tuple[Any, list[str]]:
        """The algorithm decides the kind of key, so that a public key can never serve as an HS256 secret."""
        if algorithm == "HS256" and self._secret:
            return self._secret, ["HS256"]
        if algorithm in ("RS256", "ES256") and self._keys:
            key = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
            return key.key, [algorithm]
        raise errors.Unauthorized("This access token is signed in a way that this server does not accept.")
