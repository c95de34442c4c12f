"""aiopg's sessions over psycopg2: how one is made and lost, and how its values and errors look.

aiopg's own way to connect leaves the socket of a failed attempt in the event loop (aiopg 856, 909): libpq closes it
inside of `poll`, the number is used again, and uvloop refuses the next connection with it. Connections are therefore
made in a thread, and a session that is lost takes its socket out of the event loop at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
import time
import uuid
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import aiopg
import orjson
import psycopg2  # type: ignore[import-untyped]
import psycopg2.errors  # type: ignore[import-untyped]
import psycopg2.extras  # type: ignore[import-untyped]
from aiopg.utils import ClosableQueue
from psycopg2 import extensions

from dawg_server import errors

DEFAULT_TIMEOUT = 60.0  # seconds for a statement whose cursor names none
CLIENT_CHECK_INTERVAL = 300  # ms after which Postgres ends a statement whose client has gone
IDLE_IN_TRANSACTION_TIMEOUT = 60_000  # ms; nobody waits for a model or a provider inside a transaction
GIVE_UP_INTERVAL = 100  # ms between two looks whether anybody still waits for the connection
# Seconds and counts of TCP keep-alive: without them a connection that a router forgot looks healthy for hours.
KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}

# What constraints refuse, under names that need no driver.
IntegrityError = psycopg2.IntegrityError  # the root of the five below
UniqueViolation = psycopg2.errors.UniqueViolation
ForeignKeyViolation = psycopg2.errors.ForeignKeyViolation  # a row names another one that does not exist
RestrictViolation = psycopg2.errors.RestrictViolation  # a row is deleted that another one still names
CheckViolation = psycopg2.errors.CheckViolation
NotNullViolation = psycopg2.errors.NotNullViolation

InvalidText = psycopg2.errors.InvalidTextRepresentation  # a text is no value of its type, such as an id that is no UUID

# Type numbers, fixed in Postgres' src/include/catalog/pg_type.dat.
BYTEA, JSON, JSONB, NUMERIC, NUMERIC_ARRAY, UUID, UUID_ARRAY = 17, 114, 3802, 1700, 1231, 2950, 2951


class Session(aiopg.Connection):
    """Cursors and notifications are aiopg's. Belongs to the event loop in which it is made."""

    def __init__(self, raw: Any) -> None:
        """`raw`: an asynchronous psycopg2 connection on which nothing is running."""
        # The attributes of aiopg.Connection 1.4, whose constructor would connect.
        self._loop = asyncio.get_running_loop()
        self._conn = raw
        self._dsn = raw.dsn
        self._fileno: int | None = raw.fileno()
        self._waiter: asyncio.Future[None] | None = None
        self._timeout = DEFAULT_TIMEOUT
        self._last_usage = self._loop.time()
        self._writing = False
        self._echo = False
        self._notifies: asyncio.Queue[Any] = asyncio.Queue()
        self._notifies_proxy = ClosableQueue(self._notifies, self._loop)
        self._weakref = weakref.ref(self)
        try:
            self._loop.add_reader(self._fileno, self._ready, self._weakref)
        except BaseException:
            raw.close()
            raise

    @staticmethod
    def _ready(weak_self: weakref.ref[Any]) -> None:
        session = weak_self()
        if session is not None and not session.closed:
            session._advance()

    def _advance(self) -> None:
        """Called by the event loop when the socket is ready, and by aiopg when a statement begins."""
        try:
            state = self._conn.poll()
            while self._conn.notifies:
                self._notifies.put_nowait(self._conn.notifies.pop(0))
        except (psycopg2.Warning, psycopg2.Error) as error:
            waiter = self._waiter
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)
            if self._conn.closed or self._conn.fileno() < 0:
                self._close()
            return
        if state == extensions.POLL_WRITE:
            self._watch_writing(True)
            return
        self._watch_writing(False)
        if state == extensions.POLL_OK and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _watch_writing(self, wanted: bool) -> None:
        if wanted and not self._writing:
            self._loop.add_writer(self._fileno, self._ready, self._weakref)  # type: ignore[arg-type]
        elif self._writing and not wanted:
            self._loop.remove_writer(self._fileno)  # type: ignore[arg-type]
        self._writing = wanted

    def _close(self) -> None:
        super()._close()
        self._fileno = None  # the number may belong to somebody else from now on


class Json(psycopg2.extras.Json):  # type: ignore[misc]
    """Wraps a dict, list or any other JSON value that is to be stored in a `jsonb` column."""

    def dumps(self, value: Any) -> str:
        try:
            return orjson.dumps(value).decode()
        except TypeError as error:
            if "surrogates" in str(error):
                raise unstorable_text() from error
            raise


def adapted(value: Any) -> Any:
    """The value as a parameter of a statement, where a dict is always meant for a `jsonb` column."""
    return Json(value) if isinstance(value, dict) else value


def unstorable_text() -> errors.ValidationError:
    """Postgres stores every character but NUL; half a surrogate pair is none."""
    return errors.ValidationError("Text must not contain the NUL character or broken Unicode.")


def constraint(error: psycopg2.IntegrityError) -> str:
    """The name of the constraint or unique index that refused, for example `users_email`; for NOT NULL the column."""
    return str(error.diag.constraint_name or error.diag.column_name or "")


@contextlib.contextmanager
def no_request_lost() -> Iterator[None]:
    """Cancels at its end when that was asked for meanwhile: aiopg waits with `wait_for`, which in Python 3.11 swallows
    a request that meets the end of what it waits for."""
    requests = cancel_requests()
    yield
    if cancel_requests() > requests:
        raise asyncio.CancelledError


def cancel_requests() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0


@contextlib.contextmanager
def translated(session: Session) -> Iterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        # aiopg closes the session when our task is cancelled, and Postgres then ends the statement. When Postgres
        # itself ends a statement (statement_timeout), aiopg raises the same error but leaves the session open.
        if session.closed or cancel_requests():
            raise
        raise errors.DependencyUnavailable("database", "The database took too long. Try again soon.") from None
    except TimeoutError as error:
        raise errors.DependencyUnavailable("database") from error
    except extensions.TransactionRollbackError as error:  # a deadlock, or a conflict of serializable transactions
        raise errors.Contention(str(error).partition("\n")[0]) from error
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise errors.DependencyUnavailable("database") from error
    except (psycopg2.errors.UntranslatableCharacter, UnicodeEncodeError) as error:
        raise unstorable_text() from error
    except ValueError as error:
        if "NUL" not in str(error):
            raise
        raise unstorable_text() from error
    except psycopg2.DatabaseError as error:
        if session.closed:  # lost in the middle of a reply, which libpq reports without a code
            raise errors.DependencyUnavailable("database") from error
        raise


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
        for caster in _CASTERS:
            extensions.register_type(caster, raw)
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


def _bytes(value: str | None, cursor: Any) -> bytes | None:
    return None if value is None else bytes(psycopg2.BINARY(value, cursor))


def _json(value: str | None, _: Any) -> Any:
    return None if value is None else orjson.loads(value)


_FLOAT = extensions.new_type((NUMERIC,), "DAWG_NUMERIC", extensions.FLOAT)
_UUID = extensions.new_type((UUID,), "DAWG_UUID", psycopg2.STRING)
_CASTERS = (
    _FLOAT,
    _UUID,
    extensions.new_type((BYTEA,), "DAWG_BYTEA", _bytes),
    extensions.new_type((JSON, JSONB), "DAWG_JSON", _json),
    extensions.new_array_type((NUMERIC_ARRAY,), "DAWG_NUMERICS", _FLOAT),
    extensions.new_array_type((UUID_ARRAY,), "DAWG_UUIDS", _UUID),
)
extensions.register_adapter(uuid.UUID, psycopg2.extras.UUID_adapter)
