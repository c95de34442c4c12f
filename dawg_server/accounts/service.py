"""Registering, signing in, staying signed in and signing out."""

from __future__ import annotations

import base64
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from bus import events
from bus.local import LocalBus
from dawg_server import errors, logs
from dawg_server.accounts.passwords import Passwords
from dawg_server.database import password_resets, server_secrets, sessions, share_links, users
from dawg_server.database.pool import Connection, Database
from dawg_server.identity import ACCESS_SECONDS, Identity

REFRESH_DAYS = 30
SESSION_SECONDS = REFRESH_DAYS * 86_400
GRACE_SECONDS = 30.0  # in which a spent refresh token is answered as before
MAX_USERNAME = 40  # characters
# Known to everybody, so it is an account in development mode alone, and without a password in the table.
DEMO = ("demo@aidaw.com", "DemoPassword123!")

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class Login:
    """What a client gets: its user (a row of `users`), an access token, and the single-use token for the next one.

    `session` is the value of the cookie, which is as good as an access token for as long as the login lasts.
    """

    user: dict[str, Any]
    access_token: str
    refresh_token: str
    session: str
    expires_in: int = ACCESS_SECONDS
    session_seconds: int = SESSION_SECONDS


class Accounts:
    """Local accounts, and what is known of everybody else. Where the server cannot sign tokens of its own, whatever is
    about passwords and logins raises `ProviderUnconfigured`; `change`, `name` and `user` work there too.
    """

    def __init__(
        self,
        database: Database,
        bus: LocalBus,
        identity: Identity,
        passwords: Passwords,
        refresh_key: bytes,
        *,
        registration: str,
    ) -> None:
        """`refresh_key` is the same on all replicas: each refresh token and this key make the next one.
        `registration`: who may make an account, `open`, `invited` or `closed`."""
        self._registration = registration
        self._database = database
        self._bus = bus
        self._identity = identity
        self._passwords = passwords
        self._refresh_key = refresh_key

    async def register(
        self,
        *,
        email: str,
        password: str,
        username: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        invitation: str | None = None,
        user_agent: str | None = None,
    ) -> Login:
        """`email` is in lower case; `invitation` the secret of a link that shares a project, which is not spent.
        Raises `EmailTaken`, and `Forbidden` for whoever may not make an account."""
        self._identity.require_accounts()
        await self._require_welcome(invitation)
        hashed = await self._passwords.hash(password)
        async with self._database.transaction() as connection:
            user = await users.insert(
                connection,
                email=email,
                password_hash=hashed,
                first_name=first_name,
                last_name=last_name,
                username=username or email.partition("@")[0][:MAX_USERNAME],
            )
            login = await self._open(connection, user, str(uuid.uuid4()), user_agent)
        log.info("An account was made.", action="account_registered", user_id=user["id"])
        return login

    async def _require_welcome(self, invitation: str | None) -> None:
        if self._registration == "closed":
            raise errors.Forbidden("Nobody makes an account here by themselves. Ask whoever runs this server.")
        if self._registration == "invited" and not (
            invitation and await share_links.is_good(self._database, server_secrets.digest(invitation))
        ):
            raise errors.Forbidden(
                "An account is made here by invitation: open the link that somebody has sent you for a project, and "
                "send its secret as `invitation`."
            )

    async def login(self, *, email: str, password: str, user_agent: str | None = None) -> Login:
        """Raises `InvalidCredentials`, with one sentence and after one time for every cause."""
        self._identity.require_accounts()
        found = await users.by_email(self._database, email)
        stored = found["password_hash"] if found else None
        if stored is None and (email, password) == DEMO and not self._identity.secured:
            found = await users.ensure_without_password(self._database, email=email, username="demo")
        elif not await self._passwords.matches(stored, password) or found is None:
            raise errors.InvalidCredentials()
        if not found["is_active"]:
            raise errors.Unauthorized("This account is switched off.")
        async with self._database.transaction() as connection:
            await sessions.prune(connection, found["id"])
            user = await users.note_login(connection, found["id"])
            return await self._open(connection, user, str(uuid.uuid4()), user_agent)

    async def refresh(self, refresh_token: str, *, user_agent: str | None = None) -> Login:
        """Spends the token, and answers with the next one.

        For `GRACE_SECONDS` a spent token gets the same answer again: two tabs may use it at once, and an answer may be
        lost. One that comes later has been copied: its whole login ends (`RefreshReused`).
        """
        self._identity.require_accounts()
        digest = server_secrets.digest(refresh_token)
        async with self._database.transaction() as connection:
            user = await sessions.lock_user_of(connection, digest)
            session = await sessions.by_hash(connection, digest)
            if user is None or session is None:
                raise errors.Unauthorized("This refresh token is not valid. Sign in again.")
            if user["origin"] == "development" and self._identity.secured:
                raise errors.Unauthorized("This account is for development mode only. Sign in with another one.")
            if session["replaced_by"] is None:
                _require_good(session, user)
                token = self._successor(refresh_token)
                return await self._open(connection, user, session["family"], user_agent, token, session["id"])
            good = await self._unspent_successor(connection, refresh_token, session)
            if good is not None:
                token, session = good
                _require_good(session, user)
                return self._login(user, session["family"], token)
            await sessions.end(connection, session["family"])
        log.warning(
            "A spent refresh token came back; its login was ended.", action="refresh_reused", user_id=user["id"]
        )
        await self._bus.publish(events.LoginEnded(session["family"], user["id"]))
        raise errors.RefreshReused()

    async def logout(
        self, *, refresh_token: str | None, user_id: str | None, login: str | None, everywhere: bool
    ) -> None:
        """Ends the login of the refresh token or else of the access token (`user_id`, `login`); `everywhere`: all.

        Tokens that mean nothing here leave nothing to end, so they are no error.
        """
        self._identity.require_accounts()
        async with self._database.transaction() as connection:
            if refresh_token:
                owner = await sessions.lock_user_of(connection, server_secrets.digest(refresh_token))
                session = await sessions.by_hash(connection, server_secrets.digest(refresh_token))
                if owner and session:
                    user_id, login = owner["id"], session["family"]
            if user_id:
                await sessions.lock_user(connection, user_id)
            if user_id is None:
                return
            ended = await sessions.end_all(connection, user_id) if everywhere else set()
            if login:
                await sessions.end(connection, login)
                ended.add(login)
        for family in ended:
            await self._bus.publish(events.LoginEnded(family, user_id))

    async def change(self, user_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The user with another `first_name`, `last_name` or `avatar`; what is not among the changes stays."""
        return _existing(await users.change(self._database, user_id, changes))

    async def change_password(
        self, user_id: str, *, current_password: str, new_password: str, keep: str | None
    ) -> None:
        """Ends all logins of the user but `keep`, and every link to set a password.

        Raises `ValidationError` for a wrong `current_password`, and `Conflict` for a user who has none here.
        """
        self._identity.require_accounts()
        stored = (await self.user(user_id))["password_hash"]
        if stored is None:
            raise errors.Conflict(
                "This account has no password here: it signs in elsewhere, or is of development mode."
            )
        wrong = errors.ValidationError(
            "The current password is wrong.", details={"currentPassword": "is not the password of this account"}
        )
        if not await self._passwords.matches(stored, current_password):
            raise wrong
        hashed = await self._passwords.hash(new_password)
        async with self._database.transaction() as connection:
            await sessions.lock_user(connection, user_id)
            if not await users.change_password(connection, user_id, hashed, instead_of=stored):
                raise wrong  # somebody has changed it meanwhile
            await password_resets.end_all(connection, user_id)
            ended = await sessions.end_all(connection, user_id, keep=keep)
        log.info("A password was changed.", action="password_changed", user_id=user_id)
        for family in ended:
            await self._bus.publish(events.LoginEnded(family, user_id))

    async def name(self, user_id: str) -> str:
        """How others see that user."""
        return await users.name(self._database, user_id)

    async def user(self, user_id: str) -> dict[str, Any]:
        return _existing(await users.get(self._database, user_id))

    async def _open(
        self,
        connection: Connection,
        user: dict[str, Any],
        family: str,
        user_agent: str | None,
        token: str | None = None,
        replaces: str | None = None,
    ) -> Login:
        token = token or secrets.token_urlsafe(32)
        await sessions.insert(
            connection,
            user["id"],
            family,
            server_secrets.digest(token),
            days=REFRESH_DAYS,
            user_agent=user_agent,
            replaces=replaces,
        )
        return self._login(user, family, token)

    def _login(self, user: dict[str, Any], family: str, token: str) -> Login:
        session = self._identity.issue_session(user["id"], family, SESSION_SECONDS)
        return Login(user, self._identity.issue(user["id"], family), token, session)

    def _successor(self, token: str) -> str:
        """The token after that one. Whoever has only the database, where tokens are hashed, cannot make it."""
        made = hmac.digest(self._refresh_key, token.encode(), "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    async def _unspent_successor(
        self, connection: Connection, token: str, session: dict[str, Any] | None
    ) -> tuple[str, dict[str, Any]] | None:
        """The last token of those that followed, each in its time of grace; None when the time of one is over."""
        while session is not None and session["replaced_by"] is not None:
            if session["spent_for"] > GRACE_SECONDS:
                return None
            token = self._successor(token)
            session = await sessions.by_hash(connection, server_secrets.digest(token))
        return (token, session) if session is not None else None


def _existing(user: dict[str, Any] | None) -> dict[str, Any]:
    if user is None:
        raise errors.Unauthorized("This account does not exist any more.")
    return user


def _require_good(session: dict[str, Any], user: dict[str, Any]) -> None:
    if session["revoked_at"] is not None:
        raise errors.Unauthorized("This login has ended. Sign in again.")
    if session["expired"]:
        raise errors.TokenExpired("This refresh token has expired. Sign in again.")
    if not user["is_active"]:
        raise errors.Unauthorized("This account is switched off.")
