"""Taking recordings in, finding them, removing them."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from dawg_server import errors, filenames, logs
from dawg_server.audio.formats import SUPPORTED, AudioInfo
from dawg_server.audio.workers import WorkerCrashed, WorkerOutOfMemory, Workers, WorkTimeLimit
from dawg_server.audiofiles.cleaner import Cleaner
from dawg_server.audiofiles.measuring import Measuring, unmeasured
from dawg_server.audiofiles.renditions import FORMATS, Renditions
from dawg_server.database import ForeignKeyViolation, RestrictViolation, audio_files
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.storage import Storage
from dawg_server.wire import is_uuid

PROBE_TIMEOUT = 20.0  # seconds
CLEANED_AT_ONCE = 20  # files; a recording has a few renditions, and what else is due can wait
SORTED_BY = {"uploadedAt": "created_at", "fileName": "lower(original_name)", "size": "size_bytes"}
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.-]+")

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file on this machine's disk that is to become a recording. `name` is what its owner calls it."""

    path: Path
    name: str
    sha256: bytes


class AudioFiles:
    """`probes` are processes of their own, so that an upload never waits behind a long rendering."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        access: Access,
        probes: Workers,
        measuring: Measuring,
        cleaner: Cleaner,
        renditions: Renditions,
    ) -> None:
        self._database, self._storage, self._access = database, storage, access
        self._probes, self._measuring, self._cleaner = probes, measuring, cleaner
        self._renditions = renditions

    async def probe(self, path: Path) -> AudioInfo:
        """What a file is, told by its content. Raises `UnsupportedMediaType`, `PayloadTooLarge`, `ValidationError`."""
        try:
            info: AudioInfo = await self._probes.run("dawg_server.audio.codecs:probe", str(path), timeout=PROBE_TIMEOUT)
        except (WorkerCrashed, WorkerOutOfMemory, WorkTimeLimit):
            raise errors.UnsupportedMediaType(
                "This file cannot be read as audio: it is damaged.", details={"supported": [*SUPPORTED]}
            ) from None
        return info

    async def add(
        self, incoming: Incoming, *, owner_id: str, project_id: str | None = None, source: str = "upload"
    ) -> dict[str, Any]:
        """Stores the file and returns its row; waveform and loudness follow in the background.

        Raises what `probe` raises. `source` is one of those in the table.
        """
        info = await self.probe(incoming.path)
        audio_id = str(uuid.uuid4())
        key = filenames.storage_key(owner_id, audio_id, incoming.sha256, info.format)
        stored = await self._storage.put(key, incoming.path, info.mime_type)
        row = unmeasured(
            info,
            id=audio_id,
            owner_id=owner_id,
            project_id=project_id,
            filename=f"{_file_name(incoming.name, info.format)}.{info.format}",
            original_name=incoming.name,
            size_bytes=stored.size,
            storage_key=key,
            sha256=incoming.sha256,
            source=source,
        )
        async with self._database.transaction() as connection:
            await audio_files.insert(connection, [row])
            written = await audio_files.get(connection, audio_id)
        assert written is not None
        self._measuring.wake()
        log.info(
            "A recording was taken in.",
            action="audio_added",
            audio_id=audio_id,
            format=info.format,
            size=stored.size,
            source=source,
        )
        return written

    async def get(self, audio_id: str, user_id: str) -> dict[str, Any]:
        """The row, if that user may see it; raises `NotFound` otherwise."""
        row = await audio_files.get_visible(self._database, audio_id, user_id) if is_uuid(audio_id) else None
        if row is None:
            raise errors.NotFound("There is no such recording.", details={"kind": "audio"})
        return row

    async def get_shared(self, audio_id: str) -> dict[str, Any]:
        """The row, for whoever has a signed link to it; raises `NotFound` when there is none."""
        row = await audio_files.get(self._database, audio_id) if is_uuid(audio_id) else None
        if row is None:
            raise errors.NotFound("There is no such recording.", details={"kind": "audio"})
        return row

    async def in_format(self, row: dict[str, Any], format: str | None) -> dict[str, Any]:
        """The row with key, name and type of its bytes in that format, which are made now if they were not before.

        Raises `NotFound` when there are none and none can be made, and what `Renditions` raises.
        """
        if format is None or row["storage_key"].endswith(f".{format}"):
            return row
        rendition = await audio_files.rendition(self._database, row["id"], format)
        if rendition is None and format in FORMATS:
            rendition = await self._renditions.of(row, format)
        if rendition is None:
            raise errors.NotFound(f"There is no {format} of this recording.", details={"kind": "audio"})
        return row | rendition | {"original_name": f"{filenames.without_extension(row['original_name'])}.{format}"}

    async def find(
        self,
        user_id: str,
        *,
        project_id: str | None = None,
        search: str | None = None,
        sort_by: str = "uploadedAt",
        descending: bool = True,
        limit: int,
        offset: int,
    ) -> tuple[list[dict[str, Any]], int]:
        """(recordings, how many there are in all): a project's for who may read it, else one's own.

        Those whose name holds `search`, sorted by a key of `SORTED_BY`.
        """
        if project_id is not None:
            await self._access.require(project_id, user_id, "viewer")
        return await audio_files.page(
            self._database,
            owner_id=user_id,
            project_id=project_id,
            search=search,
            order=f"{SORTED_BY[sort_by]} {'DESC' if descending else 'ASC'}",
            limit=limit,
            offset=offset,
        )

    async def used(self, user_id: str) -> tuple[int, int]:
        """(recordings of one's own, their bytes)."""
        return await audio_files.used(self._database, user_id)

    async def pyramid(self, row: dict[str, Any]) -> bytes:
        """The waveform as `audio.waveform.part` reads it; measured now if it was not before."""
        return await self._measuring.pyramid(row)

    async def rename(self, audio_id: str, user_id: str, name: str) -> dict[str, Any]:
        """The row with its new name. For the owner of the file or of its project; raises `NotFound`, `Forbidden`."""
        await self._owned(audio_id, user_id)
        if not await audio_files.rename(self._database, audio_id, name):
            raise errors.NotFound("There is no such recording.", details={"kind": "audio"})
        return await self.get(audio_id, user_id)

    async def _owned(self, audio_id: str, user_id: str) -> None:
        row = await self.get(audio_id, user_id)
        if row["owner_id"] != user_id:
            await self._access.require(row["project_id"], user_id, "owner")

    async def delete(self, audio_id: str, user_id: str) -> None:
        """For the owner of the file or of its project. Raises `NotFound`, `Forbidden`, and `InUse` with the clips."""
        await self._owned(audio_id, user_id)
        try:
            async with self._database.transaction() as connection:
                if clips := await audio_files.clips_with(connection, audio_id):
                    raise _in_use(clips)
                if not await audio_files.delete(connection, audio_id):
                    raise errors.NotFound("There is no such recording.", details={"kind": "audio"})
        except (RestrictViolation, ForeignKeyViolation):
            # A clip was made in between.
            async with self._database.transaction() as connection:
                raise _in_use(await audio_files.clips_with(connection, audio_id)) from None
        log.info("A recording was deleted.", action="audio_deleted", audio_id=audio_id)
        try:
            await self._cleaner.clean(most=CLEANED_AT_ONCE)
        except errors.DependencyUnavailable:
            log.warning("The bytes will be removed later.", action="audio_bytes_left", audio_id=audio_id)


def _in_use(clips: list[str]) -> errors.InUse:
    return errors.InUse("Clips still play this recording. Remove them first.", details={"clipIds": clips})


def _file_name(name: str, format: str) -> str:
    """What is left of a name when only letters, digits and `._-` are."""
    stem = name[: -len(format) - 1] if name.lower().endswith(f".{format}") else name
    return _NOT_IN_FILE_NAMES.sub("-", stem).strip("-.")[:100] or "audio"
