"""Bodies of text fields and files: text is checked like a query string, files are streamed to disk.

    @routes.post("/audio/upload", "…", multipart=Multipart(schemas.UploadForm(), ("audio", "file"), limit=…))

The handler finds the fields in `call.body` and the files in `call.files`; they are gone when it has answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import aiohttp
from aiohttp import web

from dawg_server import errors
from dawg_server.schema import FieldError, Query
from dawg_server.schema.base import checked
from dawg_server.settings import MEBIBYTE, Settings
from dawg_server.storage.work import WorkFolder
from handlers import payloads
from handlers.schemas import stored

TYPE = "multipart/form-data"
MAX_TEXT = 256 * 1024  # bytes of all text fields together
MAX_PARTS = 64
BATCH = 512 * 1024  # bytes that are written to disk at a time
PIECE = 64 * 1024  # bytes per read
MAX_NAME = 255  # characters of a file's name
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Multipart:
    """What a route takes: `form` checks the text fields, `names` are those of file fields (the first is the real one,
    the others its aliases), `limit` says how many bytes one file may have, `most` how many files there may be."""

    form: Query
    names: tuple[str, ...]
    limit: Callable[[Settings], int]
    most: int = 1


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that came with the request. `name` is its client's, without folders; `size` in bytes."""

    path: Path
    name: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A request's body: `raw` is what makes it the same request again, `fields` are checked."""

    raw: dict[str, Any]
    fields: dict[str, Any]
    files: tuple[UploadedFile, ...] = ()


@contextlib.asynccontextmanager
async def received(
    request: web.Request, kind: Multipart, settings: Settings, work: WorkFolder
) -> AsyncIterator[Received]:
    """The files exist until the block ends, however it ends."""
    if request.content_type != TYPE:
        raise errors.UnsupportedMediaType(f"Send {TYPE}, not {request.content_type}.", details={"supported": [TYPE]})
    payloads.encoding(request, ())
    limit = kind.limit(settings)
    if (request.content_length or 0) > kind.most * limit + MAX_TEXT + MAX_PARTS * 1024:
        raise _too_large(limit)
    folder = work.new()
    try:
        texts, files = await _read(request, kind, folder, limit)
        if not files:
            raise errors.ValidationError(
                f"{kind.names[0]} is required.", details={kind.names[0]: "is required, as a file"}
            )
        raw = {**texts, "files": [file.sha256.hex() for file in files]}
        try:
            fields = checked(kind.form, texts)
        except FieldError as error:
            raise stored.refusal(error) from None
        yield Received(raw, fields, tuple(files))
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


async def _read(
    request: web.Request, kind: Multipart, folder: Path, limit: int
) -> tuple[dict[str, str], list[UploadedFile]]:
    texts: dict[str, str] = {}
    files: list[UploadedFile] = []
    left = MAX_TEXT
    try:
        reader = await request.multipart()
        for _ in range(MAX_PARTS):
            part = await reader.next()
            if part is None:
                return texts, files
            if isinstance(part, aiohttp.MultipartReader):
                raise ValueError("parts inside of parts")
            if part.name in kind.names:
                if len(files) == kind.most:
                    raise errors.ValidationError(
                        f"At most {kind.most} files are accepted.",
                        details={kind.names[0]: f"has to be at most {kind.most} files"},
                    )
                files.append(await _save(part, folder / str(len(files)), limit))
            else:
                data = await _text(part, left)
                left -= len(data)
                texts.setdefault(part.name or "", data.decode())
    except (ConnectionError, aiohttp.ClientError, web.PayloadAccessError, web.RequestPayloadError) as error:
        raise errors.ValidationError("The upload broke off.", details={kind.names[0]: "is incomplete"}) from error
    except OSError as error:
        raise errors.DependencyUnavailable("storage", "There is no room for this file at the moment.") from error
    except (ValueError, RuntimeError, aiohttp.http_exceptions.BadHttpMessage) as error:
        raise errors.ValidationError(f"The body is not valid {TYPE}.", details={"body": f"has to be {TYPE}"}) from error
    raise errors.ValidationError(f"At most {MAX_PARTS} fields are accepted.", details={"body": "has too many fields"})


async def _save(part: aiohttp.BodyPartReader, path: Path, limit: int) -> UploadedFile:
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:

        def write(pieces: list[bytes]) -> None:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)

        batch: list[bytes] = []
        waiting = 0
        while not part.at_eof():
            piece = await part.read_chunk(PIECE)
            batch.append(piece)
            waiting += len(piece)
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            if waiting >= BATCH:
                await asyncio.to_thread(write, batch)
                batch, waiting = [], 0
        await asyncio.to_thread(write, batch)
        await asyncio.to_thread(file.flush)  # or a full disk would be found out by `close`, on the event loop
    return UploadedFile(path, _name(part.filename), size, digest.digest())


async def _text(part: aiohttp.BodyPartReader, limit: int) -> bytes:
    data = bytearray()
    while not part.at_eof():
        data += await part.read_chunk(PIECE)
        if len(data) > limit:
            raise errors.PayloadTooLarge(details={"limit": MAX_TEXT, "unit": "bytes"})
    return bytes(data)


def _name(given: str | None) -> str:
    name = PurePosixPath((given or "").replace("\\", "/")).name
    return _CONTROL.sub("", name).strip()[-MAX_NAME:] or "audio"


def _too_large(limit: int) -> errors.PayloadTooLarge:
    return errors.PayloadTooLarge(
        f"A file may have at most {limit // MEBIBYTE} MiB.", details={"limit": limit, "unit": "bytes"}
    )
