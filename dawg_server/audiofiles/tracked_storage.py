"""A storage in which nothing can be forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from dawg_server.database import pending_deletes
from dawg_server.database.pool import Database
from dawg_server.storage import Storage, StoredFile

GRACE = 3600.0  # seconds from storing bytes to naming them in a row; no job runs longer, and no link works longer


class TrackedStorage:
    """Writes every key down before its bytes are stored, so that bytes that never get a row are found and removed.

    Reading and everything else is the storage's own.
    """

    def __init__(self, storage: Storage, database: Database) -> None:
        self._storage, self._database = storage, database
        self.name, self.origin = storage.name, storage.origin

    async def put(self, key: str, source: Path, content_type: str) -> StoredFile:
        await pending_deletes.announce(self._database, [key], GRACE)
        return await self._storage.put(key, source, content_type)

    async def put_all(self, files: Sequence[tuple[str, Path, str]]) -> None:
        """As `put` with each (key, source, content type), written down in one statement."""
        await pending_deletes.announce(self._database, [key for key, _, _ in files], GRACE)
        for key, source, content_type in files:
            await self._storage.put(key, source, content_type)

    async def kept(self, key: str) -> int | None:
        """As `size`, of bytes that no row names: they stay for another `GRACE` from now on."""
        await pending_deletes.announce(self._database, [key], GRACE)
        return await self._storage.size(key)

    async def size(self, key: str) -> int | None:
        return await self._storage.size(key)

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        return self._storage.read(key, start, end)

    async def fetch(self, key: str, target: Path) -> None:
        await self._storage.fetch(key, target)

    async def delete(self, key: str) -> None:
        await self._storage.delete(key)

    def link(self, key: str, *, seconds: int, disposition: str, content_type: str) -> str | None:
        return self._storage.link(key, seconds=seconds, disposition=disposition, content_type=content_type)

    async def check(self) -> None:
        await self._storage.check()

    async def close(self) -> None:
        await self._storage.close()
