"""How one connection to Postgres is made: addresses, timeouts and the settings of every session."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import aiopg
import psycopg2  # type: ignore[import-untyped]
import psycopg2.extensions  # type: ignore[import-untyped]

from dawg_server import errors
from dawg_server.database import values

CLIENT_CHECK_INTERVAL = 300  # ms after which Postgres ends a statement whose client has gone
IDLE_IN_TRANSACTION_TIMEOUT = 60_000  # ms; nobody waits for a model or a provider inside a transaction
# Seconds and counts of TCP keep-alive: without them a connection that a router forgot looks healthy for hours.
KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


def parse(dsn: str) -> dict[str, str]:
    """The parts of a `postgresql://` or `postgres://` address; `errors.ConfigurationError` when it is none."""
    try:
        parts: dict[str, str] = psycopg2.extensions.parse_dsn(dsn)
        for port in filter(None, parts.get("port", "").split(",")):
            int(port)
    except (psycopg2.ProgrammingError, ValueError):  # their messages may quote the password
        raise errors.ConfigurationError(
            "DATABASE_URL is not an address of Postgres; it looks like postgresql://user:password@host:5432/name."
        ) from None
    return parts


def unreachable(parts: Mapping[str, str], cause: BaseException | None) -> errors.ConfigurationError:
    """The sentence for an operator whose database does not answer; it shows the address without the password."""
    user = f"{parts['user']}@" if "user" in parts else ""
    port = f":{parts['port']}" if "port" in parts else ""
    address = f"postgresql://{user}{parts.get('host', '')}{port}/{parts.get('dbname', '')}"
    reason = str(cause or "").strip().partition("\n")[0] or "no answer in time"
    return errors.ConfigurationError(f"The database of DATABASE_URL, {address}, does not answer ({reason}).")


async def connect(parts: Mapping[str, str], *, statement_timeout: float, patience: float) -> aiopg.Connection:
    """Opens and prepares a session in at most `patience` seconds; `statement_timeout` is in seconds too.

    Raises OSError, TimeoutError or psycopg2.Error of the last address that was tried.
    """
    async with asyncio.timeout(patience):
        addresses = await _addresses(parts)
        for left, address in reversed(list(enumerate(reversed(addresses)))):
            try:
                session = await aiopg.connect(
                    **{"application_name": "dawg", **KEEPALIVES, **parts, **address},
                    timeout=patience / len(addresses),
                    enable_hstore=False,
                    enable_uuid=False,
                    enable_json=False,
                )
                break
            except (TimeoutError, psycopg2.Error):
                if left == 0:
                    raise
        try:
            values.prepare(session.raw)
            async with session.cursor() as cursor:
                # Not as start-up options, which poolers in front of Postgres refuse and a DSN may carry already.
                await cursor.execute(
                    f"SET statement_timeout = {round(statement_timeout * 1000)};"
                    f"SET client_connection_check_interval = {CLIENT_CHECK_INTERVAL};"
                    f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_TIMEOUT};"
                    "SET TimeZone = 'UTC'"
                )
        except BaseException:
            await session.close()
            raise
        return session


async def _addresses(parts: Mapping[str, str]) -> list[dict[str, Any]]:
    # libpq would go through several addresses on sockets that aiopg does not watch, and hang; it would also look up
    # the name on the event loop. Looking up anew each time follows a database that moves.
    if "hostaddr" in parts or not parts.get("host"):
        return [{}]
    hosts = parts["host"].split(",")
    ports = parts.get("port", "5432").split(",")
    found: list[dict[str, Any]] = []
    for number, host in enumerate(hosts):
        port = ports[number % len(ports)] or "5432"
        if host.startswith("/"):
            found.append({"host": host, "port": port})
            continue
        for *_, address in await asyncio.get_running_loop().getaddrinfo(host, int(port), type=socket.SOCK_STREAM):
            found.append({"host": host, "hostaddr": address[0], "port": port})
    return found
