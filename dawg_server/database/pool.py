"""A bounded pool of aiopg sessions, and the one place where their traps are handled."""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeAlias, TypeVar

import psycopg2  # type: ignore[import-untyped]
from aiopg.utils import ClosableQueue
from psycopg2 import extensions

from dawg_server import errors
from dawg_server.database import address
from dawg_server.database.driver import Json as Json
from dawg_server.database.driver import (
    Session,
    cancel_requests,
    connect,
    no_request_lost,
    translated,
)
from dawg_server.wire import TimeSlices

POOL_WAIT = 5.0  # seconds for a free session
CONNECT_TIMEOUT = 5.0  # seconds
ROLLBACK_TIMEOUT = 2.0  # seconds, then the session is closed, which rolls back as well
CLOSE_TIMEOUT = 5.0  # seconds for statements that still run when the pool closes
CONTENTION_TRIES = 3  # of a transaction that gives way to others
NETWORK_MARGIN = 2.0  # seconds that we wait longer than Postgres' own statement_timeout
SHUTTING_DOWN = "The server is shutting down."

FETCHED = 50  # rows that are translated at once; a clip of twenty thousand notes is one

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any] | None
Row: TypeAlias = dict[str, Any]
T = TypeVar("T")


class _Result(NamedTuple):
    changed: int
    rows: list[Row]


class _Statements(ABC):
    """The four ways to run one statement. Parameters are `%s` with a sequence or `%(name)s` with a mapping.

    uuid comes back as str, jsonb as Python objects, numeric as float, bytea as bytes, timestamptz as datetime in UTC.
    A dict or list for a jsonb column is passed as `Json(value)`, a list for an array as it is.
    Raises `errors.DependencyUnavailable("database")` when Postgres does not answer or the statement takes too long,
    `errors.Contention` when it gave way to another transaction, and the classes of `driver` when a constraint refuses.
    """

    async def execute(self, sql: str, parameters: Parameters = None) -> int:
        """The number of rows that were changed, or found."""
        return (await self._run(sql, parameters)).changed

    async def fetch_all(self, sql: str, parameters: Parameters = None) -> list[Row]:
        return (await self._run(sql, parameters)).rows

    async def fetch_one(self, sql: str, parameters: Parameters = None) -> Row | None:
        rows = (await self._run(sql, parameters)).rows
        return rows[0] if rows else None

    async def fetch_value(self, sql: str, parameters: Parameters = None) -> Any:
        """The first column of the first row, or None."""
        row = await self.fetch_one(sql, parameters)
        return next(iter(row.values())) if row else None

    @abstractmethod
    async def _run(self, sql: str, parameters: Parameters) -> _Result: ...


class Connection(_Statements):
    """A session inside a transaction; one statement at a time."""

    def __init__(self, session: Session, timeout: float, *, begin: bool = False) -> None:
        """`begin`: a transaction begins with the first statement, in the same round trip."""
        self._session = session
        self._timeout = timeout  # seconds
        self._unbegun, self._committed = begin, False

    async def finish(self, sql: str, parameters: Parameters = None) -> None:
        """The last statement of the transaction, which it commits in the same round trip."""
        await self._run(f"{sql};\nCOMMIT", parameters)
        self._committed = True

    async def _run(self, sql: str, parameters: Parameters) -> _Result:
        assert not self._committed, "this transaction has ended"
        if self._unbegun:
            sql, self._unbegun = f"BEGIN;\n{sql}", False
        with translated(self._session):
            async with self._session.cursor(timeout=self._timeout) as cursor:
                with no_request_lost():
                    await cursor.execute(sql, parameters)
                if cursor.description is None:
                    return _Result(max(cursor.rowcount, 0), [])
                names = [column[0] for column in cursor.description]
                rows: list[Row] = []
                slices: TimeSlices | None = None
                while found := cursor.raw.fetchmany(FETCHED):
                    rows += [dict(zip(names, row, strict=True)) for row in found]
                    if len(found) < FETCHED:
                        break
                    slices = slices or TimeSlices()
                    await slices.pause()
                return _Result(cursor.rowcount, rows)

    async def _commit(self) -> None:
        if self._unbegun or self._committed:
            return
        if self._session.raw.get_transaction_status() == extensions.TRANSACTION_STATUS_INERROR:
            # Postgres would answer COMMIT with a silent ROLLBACK.
            raise RuntimeError("A statement of this transaction failed, and its error was swallowed.")
        await self.execute("COMMIT")

    async def _roll_back(self) -> None:
        if self._session.closed or self._unbegun or self._committed:
            return
        try:
            async with asyncio.timeout(ROLLBACK_TIMEOUT):
                await self.execute("ROLLBACK")
        except (TimeoutError, errors.DependencyUnavailable):
            await self._session.close()


class Database(_Statements):
    """A pool of at most `size` sessions. Its own four methods run one statement each, committed at once.

    Sessions are made when they are needed, and anew when Postgres was away.
    """

    def __init__(self, parts: Mapping[str, str], size: int, statement_timeout: float) -> None:
        self._parts = parts
        self._size = size
        self._statement_timeout = statement_timeout  # seconds
        self._slots = asyncio.Semaphore(size)  # first come, first served; a queue of sessions would not be
        self._idle: list[Session] = []
        self._busy: set[Session] = set()
        self._connecting = ThreadPoolExecutor(size, thread_name_prefix="database-connect")
        self._closed = False

    @classmethod
    async def open(cls, dsn: str, *, size: int = 10, statement_timeout: float = 10.0) -> Database:
        """Connects once, so that a wrong address stops the start: `errors.ConfigurationError` without the password.

        `statement_timeout` is in seconds.
        """
        database = cls(address.parse(dsn), size, statement_timeout)
        try:
            await database.ping(CONNECT_TIMEOUT)
        except errors.DependencyUnavailable as error:
            raise address.unreachable(database._parts, error.__cause__) from None
        return database

    async def close(self) -> None:
        """Lets running statements finish for `CLOSE_TIMEOUT`, then closes every session."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                for _ in range(self._size):
                    await self._slots.acquire()
        for session in (*self._idle, *self._busy):
            await session.close()
        self._idle.clear()
        self._connecting.shutdown(wait=False)

    async def ping(self, timeout: float) -> float:  # noqa: ASYNC109 - health checks say how patient they are
        """Seconds that a round trip takes; `errors.DependencyUnavailable` after `timeout` seconds."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout):
                await self.execute("SELECT 1")
        except TimeoutError as error:
            raise errors.DependencyUnavailable("database") from error
        return time.perf_counter() - started

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Commits when the block ends and rolls back when it raises; errors of deferred constraints come at the end."""
        async with self._session() as session:
            connection = Connection(session, self._statement_timeout + NETWORK_MARGIN, begin=True)
            try:
                yield connection
                await connection._commit()
            except BaseException:
                await connection._roll_back()
                raise

    async def repeat(self, transaction: Callable[[], Awaitable[T]]) -> T:
        """Runs it again when it gave way to others; raises `errors.Contention` when it has to each time.

        For what does everything inside of one transaction: nothing of it is left when that is rolled back.
        """
        for _ in range(CONTENTION_TRIES - 1):
            try:
                return await transaction()
            except errors.Contention:
                continue
        return await transaction()

    @contextlib.asynccontextmanager
    async def notifications(self, *channels: str) -> AsyncIterator[ClosableQueue]:
        """What is announced on these channels while the context is open, from a session besides the pool's.

        `get()` waits for the next one; it raises psycopg2.Error when the session is lost.
        """
        session = await self._connect()
        try:
            with translated(session):
                for channel in channels:
                    async with session.cursor(timeout=self._statement_timeout) as cursor:
                        await cursor.execute(f'LISTEN "{channel}"')
            yield session.notifies
        finally:
            await session.close()

    async def _run(self, sql: str, parameters: Parameters) -> _Result:
        async with self._session() as session:
            connection = Connection(session, self._statement_timeout + NETWORK_MARGIN)
            return await self.repeat(lambda: connection._run(sql, parameters))

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        if self._closed:
            raise errors.DependencyUnavailable("database", SHUTTING_DOWN)
        try:
            async with asyncio.timeout(POOL_WAIT):
                await self._slots.acquire()
        except TimeoutError as error:
            raise errors.DependencyUnavailable("database") from error
        try:
            requests = cancel_requests()
            session = await self._take_idle() or await self._connect()
            self._busy.add(session)
            try:
                if cancel_requests() > requests:
                    raise asyncio.CancelledError  # see `no_request_lost`; the session itself is fine
                yield session
            finally:
                self._busy.discard(session)
                await self._put_back(session)
        finally:
            self._slots.release()

    async def _take_idle(self) -> Session | None:
        while self._idle:
            session = self._idle.pop()
            if not session.closed:
                return session
            await session.close()
        return None

    async def _put_back(self, session: Session) -> None:
        """What is still at work or in a transaction is not for the next one."""
        usable = not session.closed and session.raw.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE
        if usable and not self._closed:
            self._idle.append(session)
        else:
            await session.close()

    async def _connect(self) -> Session:
        try:
            session = await connect(
                self._parts, self._connecting, statement_timeout=self._statement_timeout, patience=CONNECT_TIMEOUT
            )
        except (OSError, psycopg2.Error) as error:  # a TimeoutError is an OSError
            raise errors.DependencyUnavailable("database") from error
        except RuntimeError as error:  # what the executor of a closed pool says
            if not self._closed:
                raise
            raise errors.DependencyUnavailable("database", SHUTTING_DOWN) from error
        if self._closed:
            await session.close()
            raise errors.DependencyUnavailable("database", SHUTTING_DOWN)
        return session
