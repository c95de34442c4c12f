"""From files in a job's folder to stored files, rows, the job's result, and tracks of the project they were made for.

Recordings are put into the project in the transaction that completes the job: so there is no moment at which a crash
could leave a completed job without its track, or a track of a job that is done once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import structlog

from dawg_server import errors, filenames, logs
from dawg_server.audiofiles.tracked_storage import TrackedStorage
from dawg_server.database.pool import Connection, Database
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document, Editing
from dawg_server.generation import placing
from dawg_server.generation.job import Job
from dawg_server.generation.providers import LocalFile, LocalTake, Outcome
from dawg_server.storage.links import MIME_TYPES

LOSSLESS = ("wav", "flac")
DERIVED = ("wav", "flac", "mp3", "opus")  # what a lossless recording is converted to when somebody asks for it
SOURCES = {"beat": "generation", "music": "generation", "melody": "generation", "stems": "stem"}


log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclasses.dataclass(frozen=True, slots=True)
class StoredRecording:
    """A row of `audio_files` to be, and its renditions in other formats (rows of `audio_renditions`)."""

    row: dict[str, Any]
    renditions: tuple[dict[str, Any], ...]


Stored = tuple[list[StoredRecording], dict[str, Any]]
"""The recordings to be written down, and the result of the job that names them."""


async def store(job: Job, outcome: Outcome, storage: TrackedStorage) -> Stored:
    """Puts every file into the storage; returns the rows to be written and the result that names them.

    Ids and keys follow from the job and the content alone, so an attempt that is repeated overwrites what a lost one
    had stored instead of storing it twice.
    """
    recordings: list[StoredRecording] = []
    files: list[tuple[str, Path, str]] = []  # (key, source, content type)
    takes: list[dict[str, Any]] = []
    for number, take in enumerate(outcome.takes):
        recording = await _recording(job, take.title, f"take{number}", take.files, files)
        recordings.append(recording)
        stems = []
        for name, file in take.stems.items():
            stem = await _recording(job, f"{take.title} – {name}", f"take{number}-{name}", (file,), files)
            stem.row["source"] = "stem"
            recordings.append(stem)
            stems.append(
                {
                    "type": name,
                    "audioFileId": stem.row["id"],
                    "duration": stem.row["duration"],
                    "storageKey": stem.row["storage_key"],
                }
            )
        takes.append(_take(take, recording, stems, job))
    if job.type == "stems" and takes:
        takes[0]["stems"] = [_as_stem(take) for take in takes]
    await storage.put_all(files)
    first = takes[0] if takes else {}
    metadata = {name: first.get(name) for name in ("format", "sampleRate", "channels", "bitrate", "provider")}
    notes = [*job.input.get("notes", ()), *job.provider_state.get("notes", ()), *outcome.extra.get("warnings", ())]
    noted = {"warnings": notes} if notes or "warnings" in outcome.extra else {}
    return recordings, {**first, **outcome.extra, **noted, "takes": takes, "metadata": metadata}


# `storageKey` and `storageKeys` say where the bytes are kept: links are made of them at reading, and nobody sees them.
def _take(take: LocalTake, recording: StoredRecording, stems: list[dict[str, Any]], job: Job) -> dict[str, Any]:
    row = recording.row
    main = take.files[0].format
    others = [each["format"] for each in recording.renditions]
    made_when_asked = [each for each in DERIVED if each != main and each not in others] if main in LOSSLESS else []
    return {
        "audioFileId": row["id"],
        "duration": row["duration"],
        "bpm": None,
        "bpmConfidence": None,
        "key": None,
        "keyConfidence": None,
        **take.measured,
        "format": main,
        "formats": [main, *(format for format in others if format != "mid"), *made_when_asked],
        "midi": "mid" in others,
        "storageKeys": {main: row["storage_key"]}
        | {each["format"]: each["storage_key"] for each in recording.renditions},
        "sampleRate": row["sample_rate"],
        "channels": row["channels"],
        "bitrate": round(row["size_bytes"] * 8 / row["duration"]) if row["duration"] else None,
        "lufs": row["lufs"],
        "truePeak": row["true_peak_db"],
        "provider": job.provider,
        "title": take.title,
        "stems": stems,
    }


def _as_stem(take: dict[str, Any]) -> dict[str, Any]:
    """A take of a separation, which is named by what it holds."""
    key = take["storageKeys"][take["format"]]
    return {"type": take["title"], "audioFileId": take["audioFileId"], "duration": take["duration"], "storageKey": key}


async def _recording(
    job: Job, title: str, role: str, files: tuple[LocalFile, ...], to_store: list[tuple[str, Path, str]]
) -> StoredRecording:
    audio_id = str(uuid.uuid5(uuid.UUID(job.id), role))
    main, *others = [await _describe(job, audio_id, file, to_store) for file in files]
    facts = files[0].facts
    row = {
        "id": audio_id,
        "owner_id": job.owner_id,
        "project_id": job.project_id,
        "generation_id": job.id,
        "filename": f"{role}.{files[0].format}",
        "original_name": f"{title}.{files[0].format}",
        "source": SOURCES.get(job.type, job.type),
        "lufs": None,
        "true_peak_db": None,
        "bit_depth": None,
        **facts,
        **{name: main[name] for name in ("mime_type", "size_bytes", "storage_key", "sha256")},
    }
    return StoredRecording(row, tuple({"audio_file_id": audio_id, **each} for each in others))


async def _describe(job: Job, audio_id: str, file: LocalFile, to_store: list[tuple[str, Path, str]]) -> dict[str, Any]:
    digest, size = await asyncio.to_thread(_sha256_and_size, file.path)
    key = filenames.storage_key(job.owner_id, audio_id, digest, file.format)
    mime_type = MIME_TYPES[file.format]
    to_store.append((key, file.path, mime_type))
    return {
        "format": file.format,
        "mime_type": mime_type,
        "size_bytes": size,
        "storage_key": key,
        "sha256": digest,
    }


def _sha256_and_size(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest(), path.stat().st_size


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
        parts, settled = result.pop("parts", None), result.pop("settled", {})
        if self._editing is None:
            return result
        job = dataclasses.replace(self._job, input=self._job.input | settled)
        about = {**result, "parts": parts}
        commands = placing.commands(job, about) if job.input.get("addToProject") else []
        made = len(commands)
        commands += _changes(result)
        try:
            executed = await self._editing.execute(
                commands,
                group=job.id,
                base_revision=result.pop("baseRevision", None),
                client_operation_id=f"job:{job.id}",
            )
        except (errors.NotFound, errors.Forbidden, errors.Conflict, errors.ValidationError) as error:
            log.warning("A recording could not be put into its project.", action="job_not_placed", error=error.message)
            warning = f"It could not be put into the project: {error.message}"
            return {**result, "warnings": [*result.get("warnings", []), warning]}
        tracks = [each["track"] for each in executed.results[:made] if "track" in each]
        clips = [each["clip"] for each in executed.results[:made] if "clip" in each]
        placed = [
            {"trackId": track["id"], "trackName": track["name"], "clipId": clip["id"], "startTime": clip["startTime"]}
            for track, clip in zip(tracks, clips, strict=True)
        ]
        first = placed[0] if placed else {}
        return {**result, "placed": {**first, "revision": executed.revision, "tracks": placed}}


def _changes_project(job: Job) -> bool:
    return bool(job.input.get("addToProject") or job.input.get("apply") or job.input.get("clipIds"))


def _changes(result: dict[str, Any]) -> list[Command]:
    """What the job changes of what was there: `faders` of tracks, clips that it has `edited` (their recordings, if a
    take is named, and other fields) or `replaced` by one; the track that it has `frozen`."""
    faders = [
        Command("updateTrack", {"trackId": each["trackId"], "changes": {"volume": each["volume"], "pan": each["pan"]}})
        for each in result.get("faders", [])
    ]
    edited = [
        Command(
            "updateClip",
            {
                "clipId": each["clipId"],
                "changes": each.get("changes", {})
                | ({"audioFileId": result["takes"][each["take"]]["audioFileId"]} if "take" in each else {}),
            },
        )
        for each in result.get("edited", [])
    ]
    frozen = [
        Command("createFreeze", {**each, "audioFileId": result["audioFileId"]}) for each in _one(result, "frozen")
    ]
    replaced = [command for each in _one(result, "replaced") for command in _replacing(each, result)]
    return [*faders, *edited, *replaced, *frozen]


def _one(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [result[name]] if name in result else []


def _replacing(replaced: dict[str, Any], result: dict[str, Any]) -> list[Command]:
    """One clip of the new recording in the place of those that it was made of; what is heard in it is bypassed."""
    clip = {**replaced["clip"], "audioFileId": result["audioFileId"]}
    audio = [Command("updateTrack", {"trackId": clip["trackId"], "changes": {"trackType": "AUDIO"}})]
    return [
        Command("deleteClips", {"clipIds": replaced["clipIds"]}),
        *(audio if replaced["becomesAudio"] else []),
        *(Command("updateDevice", {"deviceId": id, "changes": {"bypassed": True}}) for id in replaced["bypassed"]),
        Command("createClip", clip),
    ]
