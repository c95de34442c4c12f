"""What recordings sound like: asked of the workers once per recording, excerpt and question, then remembered."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dawg_server import errors, wire
from dawg_server.audio.workers import Workers
from dawg_server.database import analyses
from dawg_server.database.pool import Database
from dawg_server.keyed_lock import KeyedLock
from dawg_server.storage import Storage
from dawg_server.storage.work import WorkFolder

TIME_LIMIT = 180.0  # seconds; half an hour of audio takes about eight
AT_ONCE = 2  # copies of recordings on this machine's disk
MAX_WAITING = 50
BUSY_RETRY_AFTER = 10.0  # seconds
NEARLY = 0.005  # seconds by which a clip may miss an end of its recording and still play all of it


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`seconds` None: to the end."""

    offset: float = 0.0
    seconds: float | None = None

    @classmethod
    def of_clip(cls, row: dict[str, Any]) -> Excerpt:
        """What a clip plays of its recording; `row` as `database.analyses` reads clips."""
        offset, seconds, whole = row["source_offset"], row["clip_duration"], row["duration"]
        to_the_end = whole is not None and offset + seconds > whole - NEARLY
        return cls(0.0 if offset < NEARLY else round(offset, 3), None if to_the_end else round(seconds, 3))


@dataclass(frozen=True, slots=True)
class Question:
    """What its owner says about a recording. `track_type`: vocal, instrument or unknown."""

    track_type: str = "unknown"
    genre: str | None = None
    mood: str | None = None


class Analyses:
    """Track metadata of recordings."""

    def __init__(self, database: Database, storage: Storage, workers: Workers, work: WorkFolder) -> None:
        self._database, self._storage, self._workers, self._work = database, storage, workers, work
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._locks = KeyedLock()
        self._version: str | None = None

    async def clips(self, clip_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By clip id: the clip, its project, and its recording (`id` null when it plays none), whoever asks."""
        return await analyses.clips(self._database, clip_ids)

    async def of_stored(self, row: dict[str, Any], excerpt: Excerpt, question: Question) -> dict[str, Any]:
        """`row` names the recording's `storage_key` and `sha256`. Raises `UnsupportedMediaType` if it is unreadable."""

        async def measure() -> dict[str, Any]:
            async with self._copied(row) as file:
                return await self._measure(file, excerpt, question)

        return await self._once(bytes(row["sha256"]), excerpt, question, measure)

    async def of_file(self, path: Path, sha256: bytes, question: Question) -> dict[str, Any]:
        """Of a file that is not stored; known all the same when somebody has stored the same bytes."""
        return await self._once(sha256, Excerpt(), question, lambda: self._measure(path, Excerpt(), question))

    async def coach(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """How a voice sings in a stored recording: see `audio.pitch.coaching`."""
        async with self._slot(), self._copied(row) as file:
            found: dict[str, Any] = await self._workers.run(
                "dawg_server.audio.pitch.coaching:coach", str(file), analyzed_at=wire.now(), timeout=TIME_LIMIT
            )
            return found

    async def drums(self, path: Path, *, quantize: bool) -> dict[str, Any]:
        """The hits of a beat: see `audio.analysis.percussion`."""
        async with self._slot():
            found: dict[str, Any] = await self._workers.run(
                "dawg_server.audio.analysis.percussion:transcribe", str(path), quantize=quantize, timeout=TIME_LIMIT
            )
            return found

    async def _once(
        self, sha256: bytes, excerpt: Excerpt, question: Question, measure: Callable[[], Any]
    ) -> dict[str, Any]:
        name = json.dumps(
            [
                await self._analyzer(),
                excerpt.offset,
                excerpt.seconds,
                question.track_type,
                question.genre,
                question.mood,
            ]
        )
        async with self._locks.setdefault((sha256, name), asyncio.Lock()):
            known = await analyses.find(self._database, sha256, name)
            if known is not None:
                return known
            async with self._slot():
                found: dict[str, Any] = await measure()
            await analyses.keep(self._database, sha256, name, found)
            return found

    async def _measure(self, path: Path, excerpt: Excerpt, question: Question) -> dict[str, Any]:
        now = wire.now()
        found: dict[str, Any] = await self._workers.run(
            "dawg_server.audio.analysis.track:analyze",
            str(path),
            track_type=question.track_type,
            suggested_genre=question.genre,
            suggested_mood=question.mood,
            offset=excerpt.offset,
            seconds=excerpt.seconds,
            analyzed_at=now,
            timeout=TIME_LIMIT,
        )
        return found

    async def _analyzer(self) -> str:
        """The analyser's version: what an older one has found is not what this one would find."""
        if self._version is None:
            self._version = str(await self._workers.run("dawg_server.audio.analysis.track:version"))
        return self._version

    @asynccontextmanager
    async def _copied(self, row: Mapping[str, Any]) -> AsyncIterator[Path]:
        """A copy of a stored recording, until the block ends."""
        folder = self._work.new()
        try:
            file = folder / "recording"
            await self._storage.fetch(row["storage_key"], file)
            yield file
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._waiting >= MAX_WAITING:
            raise errors.RateLimited(
                "Too many recordings are being analysed at the moment. Try again soon.",
                details={"limit": MAX_WAITING, "unit": "recordings at once"},
                retry_after=BUSY_RETRY_AFTER,
            )
        self._waiting += 1
        try:
            async with self._slots:
                yield
        finally:
            self._waiting -= 1
