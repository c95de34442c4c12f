"""Who is calling: verified tokens in secured mode, a plain name in development mode."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson

from dawg_server import errors
from dawg_server.database import sessions, users
from dawg_server.database.pool import Database

if TYPE_CHECKING:
    from dawg_server.key_set import KeySet

# `jwt` brings a cryptography library of 9 MiB with it: it is imported where a token is really read or made.

Origin = Literal["local", "token", "development"]

DEVELOPMENT_USER = "dev-user"
NOBODY = "user-123"  # what DAWG's first page calls whoever uses it, on most calls; its socket and its beats name nobody
CLOCK_TOLERANCE = 30  # seconds
ACCESS_SECONDS = 3600  # life of an access token
TRUSTED_SECONDS = 5.0  # how long an answer of the database about a caller is believed
MAX_REMEMBERED = 10_000  # callers, and logins that have ended
OUTSIDE_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
ANY_AUDIENCE = "any"
MAX_SUBJECT = 255  # characters of a token's `sub` (OpenID Connect Core, section 2)
_NAME = re.compile(r"[A-Za-z0-9_.@:-]{1,128}")


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Which tokens are believed: signed with `secret` (HS256) or by a key of the set at `key_set_url`
    (`OUTSIDE_ALGORITHMS`), for one of `audiences` (`any`: for anybody) and from `issuer` (`iss`) where those are
    given. Ours carry both.
    """

    secret: str | None = None
    key_set_url: str | None = None
    audiences: tuple[str, ...] = ()
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client sent to say who it is: an access token, the value of the session cookie, and a user id, which only
    development mode believes. The first that is there counts; a `token` that is no JWT is none.
    """

    token: str | None = None
    session: str | None = None
    claimed: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str], session: str | None = None) -> Credentials:
        """By the headers of a request, `Authorization: Bearer …` and `X-User-Id`, and its cookie."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        return cls(token.strip() if scheme.lower() == "bearer" else None, session, headers.get("X-User-Id"))

    @property
    def by_session(self) -> bool:
        """Whether it is the cookie that counts. A browser sends it by itself, whichever page has made the request."""
        return bool(self.session) and not self.has_token

    @property
    def has_token(self) -> bool:
        return self.token is not None and _is_jwt(self.token)


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified identity. `origin` is `local` when the token was signed with the secret of this server, `token` when
    an outside service signed it. `login` names the login whose token was used, so that its sockets end with it.
    `expires_at`, in epoch seconds, is when the token or session ends; None in development mode.
    """

    user_id: str
    origin: Origin
    login: str | None = None
    expires_at: float | None = field(default=None, compare=False)


class Identity:
    """Turns what a client sent into a `Caller`, or refuses. Nothing else that a client sends can change who it is."""

    def __init__(self, database: Database, rules: TokenRules, development_key: str) -> None:
        """`development_key` signs the tokens of local accounts in development mode."""
        self._database = database
        self._rules = rules
        self.secured = bool(rules.secret or rules.key_set_url)
        self._secret = rules.secret or (None if rules.key_set_url else development_key)
        # Keys of their own, so that neither a session nor a token against CSRF is ever an access token.
        base = (self._secret or secrets.token_hex(32)).encode()
        self._session_key, self._csrf_key = (hmac.digest(base, use, "sha256") for use in (b"session", b"csrf"))
        self._keys = _key_set(rules.key_set_url) if rules.key_set_url else None
        self._trusted_until: dict[Caller, float] = {}  # monotonic time
        self._ended: dict[str, None] = {}

    async def close(self) -> None:
        if self._keys is not None:
            await self._keys.close()

    async def identify(self, given: Credentials) -> Caller:
        """In development mode, who sends neither token nor session is who they say they are."""
        if given.has_token:
            return await self._trust(await self._by_token(given.token or ""))
        if given.session:
            return await self._trust(self._by_session(given.session))
        if not self.secured:
            return await self._trust(_by_name(given.claimed))
        raise errors.Unauthorized("This access token is not valid." if given.token else None)

    def require_accounts(self) -> str:
        """The key of our own tokens; raises `ProviderUnconfigured` when this server cannot sign any."""
        if not self._secret:
            raise errors.ProviderUnconfigured("Signing in with a password", "JWT_SECRET")
        return self._secret

    def issue(self, user_id: str, login: str) -> str:
        """An access token that is good for `ACCESS_SECONDS`."""
        import jwt

        secret = self.require_accounts()
        now = int(time.time())
        claims = {"sub": user_id, "iat": now, "exp": now + ACCESS_SECONDS, "login": login, "jti": uuid.uuid4().hex}
        if self._rules.audiences and ANY_AUDIENCE not in self._rules.audiences:
            claims["aud"] = self._rules.audiences[0]
        if self._rules.issuer:
            claims["iss"] = self._rules.issuer
        return jwt.encode(claims, secret, "HS256")

    def issue_session(self, user_id: str, login: str, seconds: int) -> str:
        """The value of a session cookie. It is good for so many seconds, and not longer than its login."""
        import jwt

        claims = {"sub": user_id, "login": login, "exp": int(time.time()) + seconds, "jti": uuid.uuid4().hex}
        return jwt.encode(claims, self._session_key, "HS256")

    def csrf_token(self, browser: str) -> str:
        """What a page has to know to act by the cookies of that browser; `browser` is the secret that it was given."""
        mac = hmac.digest(self._csrf_key, browser.encode(errors="replace"), "sha256")
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")

    def is_csrf_token(self, token: str, browser: str) -> bool:
        return bool(browser) and hmac.compare_digest(token.encode(errors="replace"), self.csrf_token(browser).encode())

    def end(self, login: str) -> None:
        """Tokens of that login are refused from now on, also those that are being looked at just now."""
        _remember(self._ended, login, None)

    async def ended_among(self, logins: Iterable[str]) -> set[str]:
        """Those of the logins that are over; their tokens are refused from now on."""
        asked = set(logins)
        ended = asked - await sessions.open_among(self._database, asked) if asked else set()
        for login in ended:
            self.end(login)
        return ended

    async def _trust(self, caller: Caller) -> Caller:
        """The caller, when account and login are still good; makes the user's row on first sight."""
        if self._trusted_until.get(caller, 0.0) < time.monotonic():
            # Accounts are made by registering, never by a token.
            made_as = "development" if caller.origin == "development" else "token"
            user = await users.ensure(self._database, caller.user_id, made_as)
            if not user["is_active"]:
                raise errors.Unauthorized("This account is switched off.")
            if user["is_account"] and caller.origin == "token":
                raise errors.Unauthorized("This access token names an account of this server, but was not made by it.")
            if caller.login is not None and not await sessions.is_open(self._database, caller.login):
                self.end(caller.login)
            _remember(self._trusted_until, caller, time.monotonic() + TRUSTED_SECONDS)
        if caller.login in self._ended:
            raise errors.Unauthorized("This login has ended. Please sign in again.")
        return caller

    def _by_session(self, value: str) -> Caller:
        import jwt

        try:
            claims = jwt.decode(
                value,
                self._session_key,
                algorithms=["HS256"],
                leeway=CLOCK_TOLERANCE,
                options={"require": ["exp", "sub", "login"]},
            )
        except (jwt.PyJWTError, ValueError):
            raise errors.Unauthorized("This session has ended. Please sign in again.") from None
        return Caller(claims["sub"], "local", claims["login"], claims["exp"])

    async def _by_token(self, token: str) -> Caller:
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            key, algorithm = await self._key_for(header)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                leeway=CLOCK_TOLERANCE,
                issuer=self._rules.issuer,
                options={"require": ["exp", "sub"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError:
            raise errors.TokenExpired() from None
        except (jwt.PyJWTError, ValueError):
            raise errors.Unauthorized("This access token is not valid.") from None
        if not self._is_audience(claims):
            raise errors.Unauthorized("This access token was made for another program.")
        subject = claims["sub"]
        if not (0 < len(subject) <= MAX_SUBJECT and subject.isprintable()):
            raise errors.Unauthorized("This access token names no usable user.")
        if algorithm != "HS256":
            return Caller(subject, "token", expires_at=claims["exp"])
        return Caller(subject, "local", _login(claims.get("login")), claims["exp"])

    def _is_audience(self, claims: Mapping[str, Any]) -> bool:
        """By `aud` (RFC 7519, section 4.1.3), or where a service leaves that out by `azp`, the party that the token was
        issued to (OpenID Connect Core, section 2)."""
        allowed = self._rules.audiences
        if not allowed or ANY_AUDIENCE in allowed:
            return True
        meant = claims.get("aud", claims.get("azp"))
        return any(each in allowed for each in (meant if isinstance(meant, list) else [meant]))

    async def _key_for(self, header: dict[str, Any]) -> tuple[Any, str]:
        """The algorithm decides the kind of key, so that a public key can never serve as an HS256 secret."""
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._secret:
            return self._secret, "HS256"
        if algorithm in OUTSIDE_ALGORITHMS and self._keys:
            return await self._keys.key(header.get("kid"), algorithm), algorithm
        raise errors.Unauthorized("This access token is signed in a way that this server does not accept.")


def _is_jwt(token: str) -> bool:
    """Three parts, of which the first is a header that names an algorithm (RFC 7515); pages also send made-up words."""
    header, _, rest = token.partition(".")
    try:
        found = orjson.loads(base64.b64decode(header + "=" * (-len(header) % 4), b"-_", validate=True))
    except (ValueError, binascii.Error):
        return False
    return rest.count(".") == 1 and isinstance(found, dict) and "alg" in found


def _by_name(claimed: str | None) -> Caller:
    user_id = DEVELOPMENT_USER if claimed in (None, "", NOBODY) else claimed
    if not _NAME.fullmatch(user_id):
        raise errors.Unauthorized("A user id has 1 to 128 of the characters A-Z a-z 0-9 _ . @ : -")
    return Caller(user_id, "development")


def _login(claim: object) -> str | None:
    """Only logins of ours are UUIDs; others who share the secret may mean something else by that claim."""
    try:
        return str(uuid.UUID(claim)) if isinstance(claim, str) else None
    except ValueError:
        return None


def _remember(memory: dict[Any, Any], key: object, value: object) -> None:
    """The oldest entries make room."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > MAX_REMEMBERED:
        del memory[next(iter(memory))]


def _key_set(url: str) -> KeySet:
    from dawg_server.key_set import KeySet

    return KeySet(url)
