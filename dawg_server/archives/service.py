"""Projects out to archives, and in from them."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from dawg_server import __version__, errors, filenames, logs
from dawg_server.archives import checking, document
from dawg_server.archives import midi_files as midi
from dawg_server.archives.layout import (
    COMPRESSIBLE,
    DOCUMENT,
    MAX_PACKED,
    MAX_VERSION_BYTES,
    MAX_VERSIONS,
    NOTES,
    README,
    ArchiveLimits,
)
from dawg_server.archives.packing import ArchiveEntry, packed, whole
from dawg_server.audio.workers import WorkerCrashed, WorkerOutOfMemory, Workers, WorkTimeLimit
from dawg_server.audiofiles.measuring import Measuring, unmeasured
from dawg_server.database import ForeignKeyViolation, archives, tracks
from dawg_server.database.pool import Database
from dawg_server.database.table import Batch
from dawg_server.daw import entity as registry
from dawg_server.storage import Storage
from dawg_server.storage.work import WorkFolder
from dawg_server.wire import is_uuid

TIME_LIMIT = 300.0  # seconds to unpack and decode everything in an archive
AT_ONCE = 2  # archives that are unpacked on this machine's disk

JsonObject = dict[str, Any]

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class Export:
    """An archive that is made while it is read. `filename` is safe on every system."""

    filename: str
    content: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Import:
    """A new project. Of a file of another program: names of recordings that it does not bring along, and what else of
    it has no place here."""

    project_id: str
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Archives:
    """Export streams from the storage; import unpacks and decodes in a worker, and then writes everything at once."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        workers: Workers,
        work: WorkFolder,
        measuring: Measuring,
        limits: ArchiveLimits,
    ) -> None:
        self._database, self._storage, self._workers = database, storage, workers
        self._work, self._measuring, self._limits = work, measuring, limits
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def export_dawproject(self, project_id: str, user_id: str) -> Export:
        """The project as other workstations read it. Raises as `export` does."""
        state, recordings, _ = await self._found(project_id, user_id)
        paths = document.paths(recordings)
        needed = {name: state[name] for name in (*midi.NEEDED, "devices", "automations")}
        content = await asyncio.to_thread(orjson.dumps, needed)
        about = {
            row["id"]: {
                "path": paths[row["id"]],
                "duration": row["duration"],
                "channels": row["channels"],
                "rate": row["sample_rate"],
            }
            for row in recordings
            if row["duration"]
        }
        texts = await self._workers.run(
            "dawg_server.archives.dawproject_writing:written", content, about, __version__, timeout=midi.TIME_LIMIT
        )
        self._check_size(recordings, texts)
        name = f"{filenames.safe(state['project']['name'], 'project')}.dawproject"
        return Export(name, packed(self._entries(texts, paths, recordings)))

    async def export(
        self,
        project_id: str,
        user_id: str,
        *,
        audio: bool,
        notes: bool = False,
        mix: str | None = None,
        versions: bool = True,
    ) -> Export:
        """`notes`: with a MIDI file of them; `mix`: the id of the project's recording that is the whole song.

        Raises `NotFound`, and `PayloadTooLarge` for what could not be imported again. While it is read, the content
        raises `NotFound` as well when a stored file has gone.
        """
        state, recordings, kept = await self._found(project_id, user_id, versions=versions)
        if mix is not None and not any(row["id"] == mix for row in recordings):
            raise errors.NotFound("This project has no such recording.", details={"kind": "audio", "id": mix})
        paths = {id: path for id, path in document.paths(recordings, mix).items() if audio or id == mix}
        told = await asyncio.to_thread(document.written, state, recordings, paths, kept)
        described = await asyncio.to_thread(orjson.dumps, told, option=orjson.OPT_INDENT_2)
        texts = {DOCUMENT: described, README: document.readme(state, recordings, paths, kept).encode()}
        for row in kept:
            texts[document.version_path(row)] = await asyncio.to_thread(document.version_written, row)
        if notes:
            content = await asyncio.to_thread(orjson.dumps, {name: state[name] for name in midi.NEEDED})
            texts[NOTES] = await self._workers.run(midi.WRITING, content, None, timeout=midi.TIME_LIMIT)
        along = [row for row in recordings if row["id"] in paths]
        if along:
            self._check_size(along, texts)
        entries = self._entries(texts, paths, along)
        return Export(f"{filenames.safe(state['project']['name'], 'project')}.zip", packed(entries))

    async def take_in(self, path: Path, name: str, user_id: str) -> Import:
        """A new project of that user, with the content of the file `name`: an archive, a DAWproject or a MIDI file.
        All of it, or nothing.

        Raises `InvalidArchive` with the reason, and `PayloadTooLarge`.
        """
        async with self._slots:
            folder = self._work.new()
            try:
                contents = await self._read(path, name, folder)
                project_id = await self._store(contents, user_id)
            finally:
                await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
        return Import(project_id, contents.missing, contents.left_out)

    async def _found(
        self, project_id: str, user_id: str, *, versions: bool = False
    ) -> tuple[JsonObject, list[JsonObject], list[JsonObject]]:
        if not is_uuid(project_id):
            registry.check(None, "viewer")
        kept = {"kept": MAX_VERSIONS if versions else 0, "kept_bytes": MAX_VERSION_BYTES}
        found = await archives.export(self._database, project_id, user_id, registry.tables(), document.played, **kept)
        registry.check(found[0]["role"] if found else None, "viewer")
        assert found is not None
        return found

    def _check_size(self, recordings: list[JsonObject], texts: Mapping[str, bytes]) -> None:
        size = sum(row["size_bytes"] for row in recordings) + sum(len(text) for text in texts.values())
        limit = min(self._limits.packed, self._limits.unpacked, MAX_PACKED)
        if size > limit or len(recordings) + len(texts) > self._limits.entries:
            raise errors.PayloadTooLarge(
                f"With its {len(recordings)} recordings this project is more than an archive may hold here. Export it "
                "with audio=false, or raise MAX_ARCHIVE_MB, MAX_ARCHIVE_UNPACKED_MB and MAX_ARCHIVE_ENTRIES.",
                details={"limit": limit, "size": size, "unit": "bytes"},
            )

    def _entries(
        self, texts: Mapping[str, bytes], paths: Mapping[str, str], recordings: list[JsonObject]
    ) -> Iterator[ArchiveEntry]:
        for name, text in texts.items():
            yield ArchiveEntry(name, len(text), True, whole(text))
        for row in recordings:
            content = self._storage.read(row["storage_key"])
            compress = document.format_of(row) in COMPRESSIBLE
            yield ArchiveEntry(paths[row["id"]], row["size_bytes"], compress, content)

    async def _read(self, path: Path, name: str, folder: Path) -> Any:
        """`reading.Contents`, whose module is for workers only."""
        try:
            return await self._workers.run(
                "dawg_server.archives.reading:read",
                str(path),
                name,
                str(folder),
                self._limits,
                registry.every(),
                timeout=TIME_LIMIT,
            )
        except (WorkerCrashed, WorkerOutOfMemory, WorkTimeLimit):
            raise midi.DAMAGED from None

    async def _store(self, contents: Any, user_id: str) -> str:
        described, project_id = contents.document, str(uuid.uuid4())
        new = {recording["id"]: str(uuid.uuid4()) for recording in described["audioFiles"]}
        own = await self._own(described, contents.recordings, user_id)
        rows = []
        for recording in described["audioFiles"]:
            if (unpacked := contents.recordings.get(recording["id"])) is not None:
                rows.append(await self._put(recording, unpacked, new[recording["id"]], user_id, project_id))
        batch = Batch()
        # Not at one go on the event loop: there may be ten thousand clips.
        names: document.Names = defaultdict(dict)
        content = await asyncio.to_thread(document.renamed, described, project_id, new | own, names)
        await asyncio.to_thread(document.fill, batch, content)
        tracks.attach(batch, project_id, own.values())
        kept = []
        for version in contents.versions:
            state = await asyncio.to_thread(document.renamed, version["document"], project_id, new | own, names)
            text = await asyncio.to_thread(document.snapshot, version["document"], state, version["lists"])
            kept.append({**version, "snapshot": text})
        project = {"id": project_id, "userId": user_id}
        project |= {name: described["project"][name] for name in registry.find("project").kept}
        try:
            async with self._database.transaction() as connection:
                await archives.insert(connection, project, rows, batch, kept)
        except ForeignKeyViolation:
            raise errors.Conflict("One of your recordings that this needs was deleted meanwhile.") from None
        self._measuring.wake()
        log.info("A project was imported.", action="project_imported", project_id=project_id, recordings=len(rows))
        return project_id

    async def _own(self, described: JsonObject, unpacked: Mapping[str, Any], user_id: str) -> dict[str, str]:
        """For recordings that are played and that were left out of the archive: the importer's own with those bytes."""
        played = document.played(described) - unpacked.keys()
        left_out = [each for each in described["audioFiles"] if each["id"] in played]
        checksums = {each["id"]: bytes.fromhex(each["sha256"]) for each in left_out}
        found = await archives.owned_by_checksum(self._database, user_id, checksums.values()) if played else {}
        if missing := [id for id, checksum in checksums.items() if checksum not in found]:
            names = [each["name"] for each in left_out if each["id"] in missing]
            raise errors.InvalidArchive(
                "This archive was made without recordings, and these are not among yours: "
                f"{', '.join(name[:60] for name in names[:10])}{' and others' if len(names) > 10 else ''}. "
                "Upload them, or export the project with its recordings.",
                details={"reason": "recordings are missing", "missing": missing, "missingNames": names},
            )
        own = {id: found[checksum] for id, checksum in checksums.items()}
        checking.fit_lengths(described, {id: row["duration"] for id, row in own.items() if row["duration"]})
        return {id: row["id"] for id, row in own.items()}

    async def _put(self, recording: JsonObject, unpacked: Any, id: str, user_id: str, project_id: str) -> JsonObject:
        """Stores the bytes; returns the row that will name them."""
        info, checksum = unpacked.info, bytes.fromhex(recording["sha256"])
        key = filenames.storage_key(user_id, id, checksum, info.format)
        stored = await self._storage.put(key, Path(unpacked.path), info.mime_type)
        stem = recording["name"].removesuffix(f".{info.format}")
        return unmeasured(
            info,
            id=id,
            owner_id=user_id,
            project_id=project_id,
            filename=f"{filenames.safe(stem, 'audio')}.{info.format}",
            original_name=recording["name"],
            size_bytes=stored.size,
            storage_key=key,
            sha256=checksum,
            source=recording["source"],
        )
