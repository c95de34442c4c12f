"""One session of aiopg over a psycopg2 connection that is connected already.

aiopg's own way to connect leaves the socket of a failed attempt in the event loop (aiopg 856, 909): libpq closes it
inside of `poll`, the number is used again, and uvloop refuses the next connection with it. Connections are therefore
made in a thread (`connecting`), and a session that is lost takes its socket out of the event loop at once.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import aiopg
import psycopg2  # type: ignore[import-untyped]
from aiopg.utils import ClosableQueue
from psycopg2 import extensions

DEFAULT_TIMEOUT = 60.0  # seconds for a statement whose cursor names none


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
