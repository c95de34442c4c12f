"""Files in a local folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import structlog

from dawg_server import errors, logs
from dawg_server.storage.base import StoredFile

PIECE = 256 * 1024  # bytes per read
ABANDONED = 3600.0  # seconds after which a copy that nobody finished was left by a crash

log: structlog.stdlib.BoundLogger = logs.get("main")


class FolderStorage:
    """A file is written beside its place, synced to disk and then renamed, so a crash leaves no half file behind."""

    name = "folder"
    origin: str | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._incoming = self._folder / ".incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        for copy in self._incoming.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process may be finishing it
                if copy.stat().st_mtime < time.time() - ABANDONED:
                    copy.unlink()

    async def put(self, key: str, source: Path, content_type: str) -> StoredFile:
        with _translated():
            return await asyncio.to_thread(self._put, key, source)

    async def size(self, key: str) -> int | None:
        try:
            return (await asyncio.to_thread(self._path(key).stat)).st_size
        except FileNotFoundError:
            return None

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        with _translated():
            file = await asyncio.to_thread(self._path(key).open, "rb")
        with file, _translated():
            file.seek(start)
            left = end - start if end is not None else None
            while left is None or left > 0:
                piece = await asyncio.to_thread(file.read, PIECE if left is None else min(PIECE, left))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece

    async def fetch(self, key: str, target: Path) -> None:
        with _translated():
            await asyncio.to_thread(shutil.copyfile, self._path(key), target)

    async def delete(self, key: str) -> None:
        with _translated():
            await asyncio.to_thread(self._delete, key)

    def link(self, key: str, *, seconds: int, disposition: str, content_type: str) -> str | None:
        return None

    async def check(self) -> None:
        with _translated():
            await asyncio.to_thread(self._probe)

    async def close(self) -> None: ...

    def _path(self, key: str) -> Path:
        path = (self._folder / key).resolve()
        if not path.is_relative_to(self._folder):
            raise errors.NotFound()
        return path

    def _put(self, key: str, source: Path) -> StoredFile:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        copy = self._incoming / uuid.uuid4().hex
        try:
            shutil.copyfile(source, copy)
            _sync(copy)
            copy.rename(path)
        finally:
            copy.unlink(missing_ok=True)
        _sync(path.parent)
        return StoredFile(key, path.stat().st_size)

    def _delete(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or gone already
            path.parent.rmdir()

    def _probe(self) -> None:
        probe = self._incoming / f"probe-{uuid.uuid4().hex}"
        probe.write_bytes(b"ok")
        probe.unlink()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise errors.NotFound("The stored file is gone.") from None
    except OSError as error:  # a full disk, above all
        log.error("The folder refused.", action="folder_refused", reason=error.strerror)
        raise errors.DependencyUnavailable("storage") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
