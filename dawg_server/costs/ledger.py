"""Writing down what was paid for, whatever happens meanwhile.

An entry is written straight to Postgres. When that fails or takes too long, the entry becomes a small file, and one
task writes the files to Postgres as soon as it answers again; at the next start it finds those that a crash left.
Writing twice is harmless, because the ledger knows every call by its service and request id.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.database import IntegrityError, usage_records
from dawg_server.database.pool import Database

PATIENCE = 2.0  # seconds for Postgres before an entry goes to a file
LATE_INTERVAL = 2.0  # seconds between two attempts at the files
MAX_FILES = 10_000  # entries that may wait; beyond that they are only logged
CLOSE_TIMEOUT = 5.0  # seconds

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What one settlement writes: rows of `usage_records`, and the reservation that it closes. `at`: ISO-8601."""

    user_id: str
    reservation_id: str | None
    at: str
    rows: Sequence[Mapping[str, Any]]


Booked = Callable[[str, dict[str, float]], Awaitable[None]]
"""Called with the user and the new costs by service, after they were written."""


class Ledger:
    def __init__(self, database: Database, folder: Path, booked: Booked) -> None:
        """`folder` outlives the process; it is made when it is needed."""
        self._database, self._folder, self._booked = database, folder, booked
        self._writing: set[asyncio.Task[None]] = set()
        self._late = SupervisedLoop("late-costs", self._write_late, doing="Booking late costs", interval=LATE_INTERVAL)

    def start(self) -> None:
        """Takes up what an earlier process could not write."""
        self._late.start()

    async def close(self) -> None:
        """Entries under way are written, to Postgres or to files; files stay for the next start."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=CLOSE_TIMEOUT)
        await self._late.close()

    async def book(self, entry: LedgerEntry) -> None:
        """Returns when the entry is in Postgres or in a file. Goes on when the caller is cancelled."""
        task = asyncio.create_task(self._book(entry), name="ledger-entry")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        await asyncio.shield(task)

    async def _book(self, entry: LedgerEntry) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                booked = await self._write(entry)
        except Exception as error:
            if entry.rows:  # a reservation alone expires by itself
                await self._keep(entry, error)
            return
        if booked:
            await self._booked(entry.user_id, booked)

    async def _write(self, entry: LedgerEntry) -> dict[str, float]:
        at = datetime.datetime.fromisoformat(entry.at)
        try:
            return await usage_records.settle(
                self._database, user_id=entry.user_id, reservation_id=entry.reservation_id, rows=entry.rows, at=at
            )
        except (IntegrityError, errors.ValidationError) as error:
            log.error(
                "A cost can never be booked; is its user gone?",
                action="usage_refused",
                entry=asdict(entry),
                error=str(error),
            )
            return {}

    async def _keep(self, entry: LedgerEntry, cause: Exception) -> None:
        try:
            waiting = await asyncio.to_thread(self._store, entry)
        except OSError as error:
            log.critical(
                "A cost can be written neither to the database nor to a file; book it by hand.",
                action="usage_lost",
                entry=asdict(entry),
                error=str(error),
            )
            return
        log.error(
            "A cost waits in a file until the database takes it.",
            action="usage_delayed",
            waiting=waiting,
            error=repr(cause),
        )
        self._late.wake()

    async def _write_late(self) -> None:
        for path in await asyncio.to_thread(self._files):
            try:
                entry = await asyncio.to_thread(_read, path)
            except FileNotFoundError:  # another process on this folder was faster
                continue
            except (ValueError, TypeError):
                log.exception("A late cost cannot be read; look at the file.", action="usage_refused", file=path.name)
                await asyncio.to_thread(_set_aside, path)
                continue
            try:
                booked = await self._write(entry)
            except Exception as error:
                log.warning("A late cost has to wait.", action="usage_delayed", file=path.name, error=repr(error))
                continue
            if booked:
                await self._booked(entry.user_id, booked)
            # Last, so that whoever sees no file finds everything counted.
            await asyncio.to_thread(path.unlink, missing_ok=True)
            log.info("A late cost was booked.", action="usage_late_booked", user_id=entry.user_id)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))

    def _store(self, entry: LedgerEntry) -> int:
        """How many files wait now. Whole or not at all: written beside and renamed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        waiting = len(self._files())
        if waiting >= MAX_FILES:
            raise OSError(f"{waiting} entries wait already")
        path = self._folder / f"{uuid.uuid4().hex}.json"
        beside = path.with_suffix(".part")
        with beside.open("w") as file:
            json.dump(asdict(entry), file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        return waiting + 1


def _read(path: Path) -> LedgerEntry:
    return LedgerEntry(**json.loads(path.read_text()))


def _set_aside(path: Path) -> None:
    """Kept for the operator, and never tried again."""
    with contextlib.suppress(FileNotFoundError):
        path.replace(path.with_suffix(".refused"))
