"""Mail, by the SMTP server of the settings."""

from __future__ import annotations

import asyncio
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

from dawg_server import errors
from dawg_server.settings import is_loopback

TIMEOUT = 10.0  # seconds for one step
TOTAL_TIMEOUT = 30.0  # seconds
PORTS = {"smtp": 587, "smtps": 465}


class Mailer:
    """`smtps` is TLS from the first byte. `smtp` becomes TLS where the server can, and has to when a password is sent
    to another machine; certificates are checked.
    """

    def __init__(self, url: str, sender: str) -> None:
        """`sender` is what mails are from: an address, or `Name <address>`."""
        parts = urlsplit(url)
        name, address = parseaddr(sender)
        self._sender = Address(name, addr_spec=address)
        host, tls = parts.hostname or "", parts.scheme == "smtps"
        self._server: dict[str, Any] = {
            "hostname": host,
            "port": parts.port or PORTS[parts.scheme],
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "use_tls": tls,
            "start_tls": False if tls else True if parts.username and not is_loopback(host) else None,
        }
        self._tls: ssl.SSLContext | None = None

    async def send(self, recipient: str, subject: str, text: str) -> None:
        """Returns when the server has taken it; raises `DependencyUnavailable` when it has not."""
        import aiosmtplib

        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, recipient, subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = make_msgid(domain=self._sender.domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered
        message.set_content(text)
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT):
                await aiosmtplib.send(
                    message,
                    timeout=TIMEOUT,
                    tls_context=self._tls,
                    local_hostname=self._sender.domain,
                    **self._server,
                )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise errors.DependencyUnavailable("mail server", f"{type(error).__name__}: {error}") from error
