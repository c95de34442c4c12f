"""Zip files of strangers: looked at without trust. Runs in a worker process (`reading`).

A zip says twice what is in it, and both can lie. So the table at its end is measured before it is read, sizes are added
up before anything is unpacked, and only files that `project.json` names are unpacked, to names of our own.
"""

from __future__ import annotations

import contextlib
import hashlib
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from dawg_server import errors
from dawg_server.archives.layout import DAWPROJECT, DOCUMENT, ArchiveLimits

MAX_TABLE = 2 * 2**20  # bytes; 2,000 entries with names of hundreds of characters
PIECE = 256 * 1024  # bytes
_END = struct.Struct("<4sHHHHIIH")  # "end of central directory record", APPNOTE.TXT section 4.3.16
_END_MAGIC = b"PK\x05\x06"
_LOCATOR_MAGIC = b"PK\x06\x07"
_LOCATOR_SIZE = 20
_MAX_COMMENT = 65_535
_ENCRYPTED, _UTF_8 = 0x1, 0x800
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Package:
    """A zip whose table of contents has been found harmless. Raises `InvalidArchive` for every other one.

    `document`: the name of the file that says what is in it.
    """

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        _check_table(path, limits)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError, struct.error):
            refuse("it is not a zip file")
        try:
            self._entries = _checked(self._zip.infolist(), limits)
            self.document, self._top = _top(self._entries)
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        self._zip.close()

    def read(self, name: str, limit: int) -> bytes:
        """A whole small file."""
        info = self._info(name)
        if info.file_size > limit:
            refuse(f"{name} is larger than {limit} bytes")
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, struct.error):
            refuse(f"{name} is damaged")

    def __contains__(self, name: str) -> bool:
        return self._top + unicodedata.normalize("NFC", name) in self._entries

    def extract(self, name: str, target: Path) -> tuple[int, str]:
        """Writes a file to `target`; returns its size and its SHA-256."""
        info = self._info(name)
        digest = hashlib.sha256()
        try:
            with self._zip.open(info) as source, target.open("wb") as file:
                while piece := source.read(PIECE):
                    digest.update(piece)
                    file.write(piece)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error):
            refuse(f"{name} is damaged")
        return info.file_size, digest.hexdigest()

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._entries.get(self._top + unicodedata.normalize("NFC", name))
        if info is None:
            refuse(f"{name} is missing")
        return info


def refuse(reason: str, **details: Any) -> NoReturn:
    raise errors.InvalidArchive(f"This file cannot be imported: {reason}.", details={"reason": reason, **details})


def _check_table(path: Path, limits: ArchiveLimits) -> None:
    """The table of contents has to be small, because it is read into memory as a whole."""
    size = path.stat().st_size
    if size > limits.packed:
        raise errors.PayloadTooLarge(details={"limit": limits.packed, "unit": "bytes"})
    with path.open("rb") as file:
        file.seek(max(0, size - _END.size - _MAX_COMMENT - _LOCATOR_SIZE))
        tail = file.read()
    at = tail.rfind(_END_MAGIC)
    if at < 0 or len(tail) - at < _END.size:
        refuse("it is not a zip file")
    _, _, _, here, entries, table, _, _ = _END.unpack_from(tail, at)
    # The larger form of the table (zip64) is for archives far beyond our limits, and would be believed instead.
    if tail[max(0, at - _LOCATOR_SIZE) : at].startswith(_LOCATOR_MAGIC) or here != entries:
        refuse("it is of a kind of zip that is not needed for its size")
    if entries > limits.entries or table > MAX_TABLE:
        refuse(f"it has more than {limits.entries} files in it", limit=limits.entries)


def _checked(infos: list[zipfile.ZipInfo], limits: ArchiveLimits) -> dict[str, zipfile.ZipInfo]:
    if len(infos) > limits.entries:
        refuse(f"it has more than {limits.entries} files in it", limit=limits.entries)
    if sum(info.file_size for info in infos) > limits.unpacked:
        refuse(f"it would become larger than {limits.unpacked} bytes", limit=limits.unpacked)
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename
        if not _is_harmless(info.orig_filename) or not _is_harmless(name):
            refuse("a file in it has a name that leads elsewhere")
        name = _spelt(info)
        if name in found:
            refuse("two files in it have the same name")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR and not info.is_dir()):
            refuse("there is a link or a device in it")
        if info.flag_bits & _ENCRYPTED:
            refuse("it is encrypted")
        if info.compress_type not in _METHODS:
            refuse("it is compressed in a way other than deflate")
        found[name] = info
    return found


def _spelt(info: zipfile.ZipInfo) -> str:
    """The name as it was meant: some programs write UTF-8 without saying so, and letters apart from their accents."""
    name = info.filename
    if not info.flag_bits & _UTF_8:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return unicodedata.normalize("NFC", name)


def _top(names: Iterable[str]) -> tuple[str, str]:
    """The name of the document, and the folder in which it lies, with a slash, if there is one."""
    for document in (DOCUMENT, DAWPROJECT):
        if document in names:
            return document, ""
    for document in (DOCUMENT, DAWPROJECT):
        tops = [name.removesuffix(document) for name in names if name.count("/") == 1 and name.endswith(f"/{document}")]
        tops = [top for top in tops if top != "__MACOSX/"]
        if len(tops) == 1:
            return document, tops[0]
    return DOCUMENT, ""


def _is_harmless(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(
        name
        and "\\" not in name
        and "\0" not in name
        and ":" not in name
        and not path.is_absolute()
        and ".." not in path.parts
    )
