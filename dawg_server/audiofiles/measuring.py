"""Measures recordings in the background: waveform, loudness, true peak. The queue is the table itself."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import structlog

from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.audio.formats import AudioInfo
from dawg_server.audio.workers import WorkerCrashed, WorkerOutOfMemory, Workers, WorkTimeLimit
from dawg_server.database import waveforms
from dawg_server.database.pool import Connection, Database
from dawg_server.daw import recordings
from dawg_server.daw.document import Document
from dawg_server.keyed_lock import KeyedLock
from dawg_server.storage import Storage
from dawg_server.storage.work import WorkFolder

INTERVAL = 30.0  # seconds between two looks at what others have left behind
LEASE = 300.0  # seconds; whoever holds one longer is taken for dead
TIME_LIMIT = 180.0  # seconds; half an hour of audio takes about four
AT_ONCE = 2  # copies of recordings on this machine's disk
RETRY_AFTER = 30.0  # seconds, when the storage was away

UNREADABLE = (
    errors.UnsupportedMediaType,
    errors.PayloadTooLarge,
    errors.ValidationError,
    errors.NotFound,
    WorkTimeLimit,
    WorkerCrashed,
    WorkerOutOfMemory,
)

log: structlog.stdlib.BoundLogger = logs.get("main")


def unmeasured(info: AudioInfo, **columns: Any) -> dict[str, Any]:
    """A row of `audio_files` for a recording that is still to be measured; `columns` are those that its file does not
    say."""
    return {
        "generation_id": None,
        "mime_type": info.mime_type,
        "duration": info.duration,
        "sample_rate": info.rate,
        "channels": info.channels,
        "bit_depth": info.bit_depth,
        "lufs": None,
        "true_peak_db": None,
        **columns,
    }


class Measuring:
    """One task works off what is not measured yet, also what a server that died has left; a person need not wait."""

    def __init__(
        self, database: Database, document: Document, storage: Storage, workers: Workers, work: WorkFolder
    ) -> None:
        self._database, self._document = database, document
        self._storage, self._workers, self._work = storage, workers, work
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._locks = KeyedLock()
        self._alone = False
        self._loop = SupervisedLoop(
            "measuring",
            self._work_off,
            doing="Measuring recordings",
            interval=INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )

    def start(self, *, alone: bool) -> None:
        """`alone`: nobody else is at work on this database, so what was begun is not being done by anybody."""
        self._alone = alone
        self._loop.start()

    async def close(self) -> None:
        await self._loop.close()

    def wake(self) -> None:
        """There is a new recording."""
        self._loop.wake()

    async def pyramid(self, row: dict[str, Any]) -> bytes:
        """The waveform of a recording, measured now if that was not done before.

        Raises `errors.UnsupportedMediaType` when it cannot be read.
        """
        async with self._locks.setdefault(row["id"], asyncio.Lock()):
            pyramid, failure = await waveforms.read(self._database, row["id"])
            if failure is not None:
                raise errors.UnsupportedMediaType(failure)
            return pyramid if pyramid is not None else await self._measure(row)

    async def _work_off(self) -> None:
        if self._alone:
            await waveforms.end_leases(self._database)
            self._alone = False
        while row := await waveforms.take_unmeasured(self._database, LEASE):
            await self._attend(row)

    async def _attend(self, row: dict[str, Any]) -> None:
        try:
            await self.pyramid(row)
        except UNREADABLE as error:
            log.warning(
                "A recording cannot be measured.", action="measuring_failed", audio_id=row["id"], code=error.code
            )
        except errors.DependencyUnavailable:
            await waveforms.postpone(self._database, row["id"], RETRY_AFTER)
            raise

    async def _measure(self, row: dict[str, Any]) -> bytes:
        async with self._slots:
            folder = self._work.new()
            try:
                file = folder / "recording"
                await self._storage.fetch(row["storage_key"], file)
                measured = await self._workers.run(
                    "dawg_server.audio.recording_meter:measure", str(file), timeout=TIME_LIMIT
                )
            except UNREADABLE as error:
                await waveforms.store_failure(self._database, row["id"], error.message)
                raise
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

        async def store(connection: Connection) -> None:
            await waveforms.store(
                connection,
                row["id"],
                measured.pyramid,
                duration=measured.duration,
                lufs=measured.lufs,
                true_peak=measured.true_peak,
            )

        await recordings.measured(self._database, self._document, row["id"], measured.duration, store)
        pyramid: bytes = measured.pyramid
        return pyramid
