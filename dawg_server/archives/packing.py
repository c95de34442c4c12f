"""Zip files that are sent while they are made: never more than a piece of one in memory."""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from dawg_server import errors

_FILE_MODE = 0o644 << 16  # where zip keeps Unix permissions
_ZIP64_FROM = 2 * 10**9  # bytes


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """A file of an archive. `size` is in bytes and is what `content` will bring."""

    name: str
    size: int
    compress: bool
    content: AsyncIterator[bytes]


async def packed(entries: Iterable[ArchiveEntry]) -> AsyncIterator[bytes]:
    """The bytes of the archive. Raises `NotFound` when a file is gone or cut off; what came before is no archive."""
    sink = _Sink()
    archive = zipfile.ZipFile(sink, "w")
    try:
        for entry in entries:
            with archive.open(_info(entry), "w", force_zip64=entry.size > _ZIP64_FROM) as target:
                left = entry.size
                async for piece in entry.content:
                    left -= len(piece)
                    if entry.compress:
                        await asyncio.to_thread(target.write, piece)
                    else:
                        target.write(piece)
                    if data := sink.take():
                        yield data
                if left:
                    raise errors.NotFound(f"The stored file of {entry.name} is damaged.", details={"kind": "audio"})
    finally:
        archive.close()  # after an error this writes to the sink only, which nobody empties any more
    yield sink.take()


async def whole(data: bytes) -> AsyncIterator[bytes]:
    """The content of an entry that is in memory."""
    yield data


def _info(entry: ArchiveEntry) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(entry.name, time.gmtime()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED if entry.compress else zipfile.ZIP_STORED
    info.external_attr = _FILE_MODE
    info.file_size = entry.size
    return info


class _Sink(io.RawIOBase):
    """Where the archive is written to, and taken from."""

    def __init__(self) -> None:
        super().__init__()
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data
