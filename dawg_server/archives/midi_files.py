"""The notes of projects out to MIDI files, and those of MIDI files into projects."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from dawg_server import errors, filenames
from dawg_server.audio.workers import WorkerCrashed, WorkerOutOfMemory, Workers, WorkTimeLimit
from dawg_server.database import projects
from dawg_server.database.pool import Database
from dawg_server.daw import entity as registry
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document, Executed
from dawg_server.wire import is_uuid

TIME_LIMIT = 120.0  # seconds to read or to write one file
TYPE = "audio/midi"
WRITING = "dawg_server.archives.midi_writing:written"
NEEDED = ("project", "tracks", "clips", "markers", "sections", "tempoEvents", "timeSignatureEvents")
DAMAGED = errors.InvalidArchive(
    "This file cannot be read: it is damaged, or too much work.", details={"reason": "it is damaged"}
)


@dataclass(frozen=True, slots=True)
class MidiExport:
    """A whole file. `filename` is safe on every system."""

    filename: str
    content: bytes


class MidiFiles:
    """Files are read and written in worker processes."""

    def __init__(self, database: Database, workers: Workers, document: Document) -> None:
        self._database, self._workers, self._document = database, workers, document

    async def export(self, project_id: str, user_id: str, clip_ids: Sequence[str] | None = None) -> MidiExport:
        """All notes of a project, or those of some of its clips.

        Raises `NotFound`, and `ValidationError` for a clip that has no notes.
        """
        found = None
        if is_uuid(project_id):
            found = await projects.snapshot(self._database, project_id, user_id, registry.tables())
        registry.check(found["role"] if found else None, "viewer")
        assert found is not None
        noted = {clip["id"] for clip in found["clips"] if clip["midiData"] is not None}
        for number, id in enumerate(clip_ids or ()):
            if id not in noted:
                sentence = "has to be a clip of notes in this project"
                raise errors.ValidationError(f"clipIds {sentence}.", details={f"clipIds.{number}": sentence})
        needed = {name: found[name] for name in NEEDED}
        state = await asyncio.to_thread(orjson.dumps, needed)
        data = await self._workers.run(WRITING, state, clip_ids, timeout=TIME_LIMIT)
        return MidiExport(filenames.safe(found["project"]["name"], "project"), data)

    async def insert(self, project_id: str, path: Path, name: str, by: Actor) -> Executed:
        """New tracks with the notes of a file, as one step.

        While the project has no clips, the tempo map and the time signatures of the file replace its own.
        Raises `NotFound`, `Forbidden`, `InvalidArchive` with the reason, and `Conflict` for more than fits.
        """
        found = await self._document.snapshot(project_id, by.user_id)
        registry.check(found["role"], "editor")
        tempo = not any(track["clips"] for track in found["tracks"])
        try:
            steps = await self._workers.run(
                "dawg_server.archives.reading:read_steps",
                str(path),
                name,
                registry.every(),
                tempo=tempo,
                timeout=TIME_LIMIT,
            )
        except (WorkerCrashed, WorkerOutOfMemory, WorkTimeLimit):
            raise DAMAGED from None
        old = [
            Command(f"delete{kind.title}", {kind.id: each["id"]})
            for kind in registry.deciding_tempo()
            for each in (found[kind.plural] if tempo else ())
        ]
        new = [Command(step, values, checked=True) for step, values in steps]
        if not new:
            raise errors.InvalidArchive("There are no notes in this file.", details={"reason": "it has no notes"})
        return await self._document.execute(project_id, [*old, *new], by)
