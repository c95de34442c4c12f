"""A real SMTP server on loopback that keeps what it is given."""

from __future__ import annotations

import asyncio
import datetime
import email
import email.policy
import ipaddress
import re
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ACCOUNT = ("dawg", "p@ss/word")
TRY_AGAIN = "451 4.3.0 Try again later"
LINK = re.compile(r"\S+[?]token=[\w-]+")


class Mailbox:
    """`messages` are those that have arrived; `logins` says of each connection that signed in whether it was by TLS.

    While it is to `refuse`, nothing arrives; while it is to `deny`, what arrives is said not to.
    """

    def __init__(self) -> None:
        self.port = 0
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logins: list[bool] = []
        self.refuse = self.deny = False
        self._news = asyncio.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuse:
            return TRY_AGAIN
        message = email.message_from_bytes(envelope.content or b"", policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        self._news.set()
        return TRY_AGAIN if self.deny else "250 OK"

    def check(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        self.logins.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
        good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == ACCOUNT
        return AuthResult(success=good)

    async def link(self, number: int = 1) -> str:
        """The link in the mail of that number, as soon as it is there."""
        async with asyncio.timeout(10):
            while len(self.messages) < number:
                self._news.clear()
                await self._news.wait()
        found = LINK.search(self.messages[number - 1].get_content())
        assert found is not None
        return found[0]

    async def token(self, number: int = 1) -> str:
        return (await self.link(number)).partition("token=")[2]


@asynccontextmanager
async def mailbox(
    *, port: int = 0, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> AsyncIterator[Mailbox]:
    """With `tls` from the first byte, or with `starttls` on demand, it lets only `ACCOUNT` send."""
    box = Mailbox()
    account = tls or starttls
    options: dict[str, Any] = {
        "tls_context": starttls,
        "require_starttls": starttls is not None,
        "auth_required": account is not None,
        "auth_require_tls": starttls is not None,
        "authenticator": box.check if account else None,
    }
    connections: set[SMTP] = set()

    def connect() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it does not know that the listener speaks TLS already
            made = SMTP(box, hostname="mail.test", **options)
        connections.add(made)
        return made

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", port, ssl=tls)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        for each in connections:
            if each.transport is not None:
                each.transport.abort()
            if each._handler_coroutine is not None:
                each._handler_coroutine.cancel()
                await asyncio.gather(each._handler_coroutine, return_exceptions=True)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """(context of a server on 127.0.0.1, the file that a client has to trust)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "mail.pem", folder / "mail.key"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
