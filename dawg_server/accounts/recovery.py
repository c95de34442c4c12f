"""Forgotten passwords: a link by mail, which sets a new one (OWASP, Forgot Password Cheat Sheet).

A request is a row before it is answered, so the mail is sent even when this process dies or the mail server is away for
a while. Links are made when they are sent, because the table knows only hashes of them.
"""

from __future__ import annotations

import secrets
import sys

import structlog

from bus import events
from bus.local import LocalBus
from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.accounts.passwords import Passwords
from dawg_server.database import password_resets, server_secrets, sessions, users
from dawg_server.database.pool import Database
from dawg_server.identity import Identity
from dawg_server.mail import Mailer

LINK_SECONDS = 1800
MAX_LINKS = 3  # of one account that are good at once, so that nobody's mailbox is filled by strangers
ATTEMPTS = 3  # to send a mail
RETRY_SECONDS = 60.0
INTERVAL = 30.0  # seconds between two looks for mails that have not been sent
SUBJECT = "Set a new password for DAWG"
TEXT = """Somebody, hopefully you, has asked for a new password for your account at DAWG.
This link sets it, once and within {minutes} minutes:

{link}

If it was not you, do nothing: your password stays as it is.
"""

log: structlog.stdlib.BoundLogger = logs.get("main")


class PasswordRecovery:
    """`page` is the address of the front end, without a slash at its end; links lead to its `/reset-password`.

    Without a mailer, links are shown where the server runs in development mode, and are not sent in secured mode.
    """

    def __init__(
        self,
        database: Database,
        bus: LocalBus,
        identity: Identity,
        passwords: Passwords,
        mailer: Mailer | None,
        page: str,
    ) -> None:
        self._database, self._bus, self._identity, self._passwords = database, bus, identity, passwords
        self._mailer, self._page = mailer, page
        self._loop = SupervisedLoop(
            "password-mails",
            self._send_due,
            doing="Sending links for new passwords",
            interval=INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )

    def start(self) -> None:
        self._loop.start()

    def wake(self) -> None:
        """Looks now for mails that have not been sent."""
        self._loop.wake()

    async def close(self) -> None:
        await self._loop.close()

    async def request(self, email: str) -> None:
        """Has a link sent to that address, in lower case, if it has an account here; nobody is told whether it has."""
        self._identity.require_accounts()
        if not self._sends:
            raise errors.ProviderUnconfigured("Sending mail", "SMTP_URL")
        await password_resets.request(self._database, email, seconds=LINK_SECONDS, most=MAX_LINKS)
        self.wake()

    async def reset(self, token: str, password: str) -> None:
        """Sets the password of the account whose link has that token; all its logins and links end.

        Raises `ValidationError` for a token that is not, or no longer, good.
        """
        self._identity.require_accounts()
        digest = server_secrets.digest(token)
        spent = errors.ValidationError(
            "This link is not good any more. Ask for a new one.", details={"token": "is unknown, used or too old"}
        )
        if not await password_resets.is_good(self._database, digest):
            raise spent
        hashed = await self._passwords.hash(password)
        async with self._database.transaction() as connection:
            user_id = await password_resets.spend(connection, digest)
            if user_id is None:
                raise spent
            await users.change_password(connection, user_id, hashed)
            ended = await sessions.end_all(connection, user_id)
        log.info("A password was set by a link.", action="password_reset", user_id=user_id)
        for family in ended:
            await self._bus.publish(events.LoginEnded(family, user_id))

    @property
    def _sends(self) -> bool:
        return self._mailer is not None or not self._identity.secured

    async def _send_due(self) -> None:
        while self._sends:
            token = secrets.token_urlsafe(32)
            due = await password_resets.take(
                self._database, server_secrets.digest(token), attempts=ATTEMPTS, retry_seconds=RETRY_SECONDS
            )
            if due is None:
                return
            try:
                await self._send(due["email"], _link(self._page, token))
            except errors.DependencyUnavailable as error:
                log.warning(
                    "A link for a new password could not be sent.",
                    action="mail_failed",
                    attempt=due["attempts"],
                    attempts=ATTEMPTS,
                    error=error.message,
                )
            else:
                await password_resets.sent(self._database, due["id"])

    async def _send(self, email: str, link: str) -> None:
        if self._mailer is not None:
            await self._mailer.send(email, SUBJECT, TEXT.format(link=link, minutes=LINK_SECONDS // 60))
        else:  # past the log, which hides tokens
            print(f"{email} sets a new password at {link}", file=sys.stderr, flush=True)  # noqa: T201


async def make_link(database: Database, page: str, email: str) -> str | None:
    """A link for an operator to hand over; None when that address has no account with a password."""
    token = secrets.token_urlsafe(32)
    made = await password_resets.insert_sent(
        database, email.lower(), server_secrets.digest(token), seconds=LINK_SECONDS
    )
    return _link(page, token) if made else None


def _link(page: str, token: str) -> str:
    return f"{page}/reset-password?token={token}"
