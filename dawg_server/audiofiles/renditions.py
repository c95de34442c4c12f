"""Recordings in other formats, made when they are asked for."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from typing import Any

from dawg_server import errors, filenames
from dawg_server.audio.formats import MIME_TYPES
from dawg_server.audio.workers import Workers
from dawg_server.audiofiles.tracked_storage import TrackedStorage
from dawg_server.keyed_lock import KeyedLock
from dawg_server.storage.work import WorkFolder

FORMATS = ("wav", "flac", "mp3", "ogg", "opus")
CONVERT = "dawg_server.audio.conversion:convert"
TIME_LIMIT = 120.0  # seconds; half an hour of MP3 takes about forty
AT_ONCE = 2  # copies of recordings on this machine's disk
MOST_WAITING = 32


class Renditions:
    """No row names what is made here: the storage keeps it for an hour after it was last asked for."""

    def __init__(self, storage: TrackedStorage, workers: Workers, work: WorkFolder) -> None:
        self._storage, self._workers, self._work = storage, workers, work
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._locks = KeyedLock()

    async def of(self, row: dict[str, Any], format: str) -> dict[str, Any]:
        """What differs in the row of a recording when it is in that format, one of `FORMATS`.

        Raises `RateLimited` when too many others wait for theirs.
        """
        digest = hashlib.sha256(bytes(row["sha256"] or row["storage_key"].encode()) + format.encode()).digest()
        key = filenames.storage_key(row["owner_id"], row["id"], digest, format)
        async with self._locks.setdefault(key, asyncio.Lock()):
            size = await self._storage.kept(key)
            if size is None:
                size = await self._make(row["storage_key"], key, format)
        return {"mime_type": MIME_TYPES[format], "size_bytes": size, "storage_key": key, "sha256": digest}

    async def _make(self, source: str, key: str, format: str) -> int:
        if self._waiting >= MOST_WAITING:
            raise errors.RateLimited("Too many recordings are being converted at the moment. Try again soon.")
        self._waiting += 1
        try:
            async with self._slots:
                folder = self._work.new()
                try:
                    recording, target = folder / "recording", folder / f"rendition.{format}"
                    await self._storage.fetch(source, recording)
                    await self._workers.run(CONVERT, str(recording), str(target), format, timeout=TIME_LIMIT)
                    return (await self._storage.put(key, target, MIME_TYPES[format])).size
                finally:
                    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        finally:
            self._waiting -= 1
