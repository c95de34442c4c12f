"""Puts finished recordings into the project that they were made for, in the transaction that completes the job.

So there is no moment at which a crash could leave a completed job without its track, or a track of a job that is done
once more.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.database.pool import Connection, Database
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from dawg_server.daw.editing import Editing
from dawg_server.generation.job import Job

MAX_NAME = 120  # characters of a track

log: structlog.stdlib.BoundLogger = logs.get("main")


class Placement:
    def __init__(self, database: Database, document: Document) -> None:
        self._database, self._document = database, document

    @contextlib.asynccontextmanager
    async def completing(self, job: Job) -> AsyncIterator[Placing]:
        """A transaction; the room of the project hears of the new tracks when it has been committed."""
        if job.project_id is None or not _changes_project(job):
            async with self._database.transaction() as connection:
                yield Placing(job, connection, None)
            return
        async with self._document.editing(job.project_id, Actor(job.owner_id, "generation")) as editing:
            yield Placing(job, editing.connection, editing)


class Placing:
    """`connection` is inside of the transaction."""

    def __init__(self, job: Job, connection: Connection, editing: Editing | None) -> None:
        self._job, self._editing = job, editing
        self.connection = connection

    async def place(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result with `placed`: the new track and clip, or those of each stem. Recordings are written already.

        When the project takes nothing any more (it is gone, or the owner may not change it now), the job is complete
        all the same, and `warnings` say so.
        """
        if self._editing is None:
            return result
        job = self._job
        recordings = _recordings(job, result) if job.input.get("addToProject") else []
        track_ids = [str(uuid.uuid5(uuid.UUID(job.id), f"track{number}")) for number in range(len(recordings))]
        commands: list[Command] = []
        for track_id, (name, audio_file_id) in zip(track_ids, recordings, strict=True):
            commands.append(Command("createTrack", {"id": track_id, "name": name}))
            clip = {"trackId": track_id, "audioFileId": audio_file_id, "name": name}
            commands.append(Command("createClip", {**clip, "startTime": job.input.get("startTime") or 0}))
        changes = _changes(result)
        commands += changes
        try:
            executed = await self._editing.execute(commands, group=job.id, client_operation_id=f"job:{job.id}")
        except (errors.NotFound, errors.Forbidden, errors.Conflict, errors.ValidationError) as error:
            log.warning("A recording could not be put into its project.", action="job_not_placed", error=error.message)
            warning = f"It could not be put into the project: {error.message}"
            return {**result, "warnings": [*result.get("warnings", []), warning]}
        made = executed.results[: len(commands) - len(changes)]
        told = [each["track"] for each in made[::2]], [each["clip"] for each in made[1::2]]
        placed = [
            {"trackId": track["id"], "trackName": track["name"], "clipId": clip["id"], "startTime": clip["startTime"]}
            for track, clip in zip(*told, strict=True)
        ]
        first = placed[0] if placed else {}
        return {**result, "placed": {**first, "revision": executed.revision, "tracks": placed}}


def _changes_project(job: Job) -> bool:
    return bool(job.input.get("addToProject") or job.input.get("apply") or job.type == "edit")


def _changes(result: dict[str, Any]) -> list[Command]:
    """What the job changes of what was there: `faders` of tracks, and the recordings of clips that it has `edited`."""
    faders = [
        Command("updateTrack", {"trackId": each["trackId"], "changes": {"volume": each["volume"], "pan": each["pan"]}})
        for each in result.get("faders", [])
    ]
    edited = [
        Command(
            "updateClip",
            {
                "clipId": each["clipId"],
                "changes": {"audioFileId": result["takes"][each["take"]]["audioFileId"]},
            },
        )
        for each in result.get("edited", [])
    ]
    return [*faders, *edited]


def _recordings(job: Job, result: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, id) of what becomes a track: each stem of a separation, of everything else the first take."""
    if job.type == "stems":
        return [(str(stem["type"]).capitalize(), stem["audioFileId"]) for stem in result.get("stems", [])]
    takes = result.get("takes", [])[:1]
    return [((take.get("title") or job.type)[:MAX_NAME].strip() or job.type, take["audioFileId"]) for take in takes]
