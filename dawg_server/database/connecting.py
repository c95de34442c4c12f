"""How one connection to Postgres is made: addresses, timeouts and the settings of every session."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import extensions

from dawg_server import errors
from dawg_server.database import values
from dawg_server.database.session import Session

CLIENT_CHECK_INTERVAL = 300  # ms after which Postgres ends a statement whose client has gone
IDLE_IN_TRANSACTION_TIMEOUT = 60_000  # ms; nobody waits for a model or a provider inside a transaction
GIVE_UP_INTERVAL = 100  # ms between two looks whether anybody still waits for the connection
# Seconds and counts of TCP keep-alive: without them a connection that a router forgot looks healthy for hours.
KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


def parse(dsn: str) -> dict[str, str]:
    """The parts of a `postgresql://` or `postgres://` address; `errors.ConfigurationError` when it is none."""
    try:
        parts: dict[str, str] = extensions.parse_dsn(dsn)
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


async def connect(
    parts: Mapping[str, str], executor: Executor, *, statement_timeout: float, patience: float
) -> Session:
    """Opens and prepares a session in at most `patience` seconds; `statement_timeout` is in seconds too.

    Raises OSError, TimeoutError or psycopg2.Error of the last address that was tried. Nothing stays open when it raises
    or is cancelled.
    """
    gave_up = threading.Event()
    opening = executor.submit(_open, parts, statement_timeout, patience, gave_up)
    try:
        async with asyncio.timeout(patience):
            raw = await asyncio.wrap_future(opening)
    except BaseException:
        gave_up.set()
        opening.add_done_callback(_close_unclaimed)
        raise
    return Session(raw)


def _close_unclaimed(opening: Future[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


# In a thread: looking names up and the handshake may block, and libpq changes sockets while it connects.


def _open(parts: Mapping[str, str], statement_timeout: float, patience: float, gave_up: threading.Event) -> Any:
    # Looking up anew each time follows a database that moves. Each address gets its share of the time, which libpq
    # would not give it when it connects asynchronously.
    addresses = _addresses(parts)
    for left, address in reversed(list(enumerate(reversed(addresses)))):
        deadline = time.monotonic() + patience / len(addresses)
        try:
            return _open_one({**parts, **address}, statement_timeout, deadline, gave_up)
        except (TimeoutError, psycopg2.Error):
            if left == 0 or gave_up.is_set():
                raise
    raise AssertionError("There is always an address.")


def _open_one(parts: Mapping[str, Any], statement_timeout: float, deadline: float, gave_up: threading.Event) -> Any:
    raw = psycopg2.connect(**{"application_name": "dawg", **KEEPALIVES, **parts}, async_=True)
    try:
        _wait(raw, deadline, gave_up)
        values.prepare(raw)
        with raw.cursor() as cursor:
            # Not as start-up options, which poolers in front of Postgres refuse and a DSN may carry already.
            cursor.execute(
                f"SET statement_timeout = {round(statement_timeout * 1000)};"
                f"SET client_connection_check_interval = {CLIENT_CHECK_INTERVAL};"
                f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_TIMEOUT};"
                "SET TimeZone = 'UTC'"
            )
            _wait(raw, deadline, gave_up)
    except BaseException:
        raw.close()
        raise
    return raw


def _wait(raw: Any, deadline: float, gave_up: threading.Event) -> None:
    while (state := raw.poll()) != extensions.POLL_OK:
        poll = select.poll()  # of this moment's socket; `select.select` knows none above 1,023
        poll.register(raw.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        while not poll.poll(GIVE_UP_INTERVAL):
            if gave_up.is_set() or time.monotonic() > deadline:
                raise TimeoutError("Postgres does not answer.")


def _addresses(parts: Mapping[str, str]) -> list[dict[str, Any]]:
    if "hostaddr" in parts or not parts.get("host"):
        return [{}]
    hosts = parts["host"].split(",")
    ports = parts.get("port", "5432").split(",")
    found: list[dict[str, Any]] = []
    unknown: OSError | None = None
    for number, host in enumerate(hosts):
        port = ports[number % len(ports)] or "5432"
        if host.startswith("/"):
            found.append({"host": host, "port": port})
            continue
        try:
            resolved = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        except OSError as error:  # another host of the address may be known
            unknown = error
            continue
        found += [{"host": host, "hostaddr": address[0], "port": port} for *_, address in resolved]
    if not found and unknown is not None:
        raise unknown
    return found
