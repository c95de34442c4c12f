"""The table is the queue of what is to be measured: nothing is lost, nothing is done twice, nothing blocks it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus.local import LocalBus
from dawg_server import errors
from dawg_server.audio.workers import Workers
from dawg_server.audiofiles.cleaner import Cleaner
from dawg_server.audiofiles.measuring import Measuring
from dawg_server.audiofiles.renditions import Renditions
from dawg_server.audiofiles.service import AudioFiles, Incoming
from dawg_server.audiofiles.tracked_storage import TrackedStorage
from dawg_server.database import waveforms
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.daw.document import Document
from dawg_server.storage.folder import FolderStorage
from dawg_server.storage.work import WorkFolder
from tests.handlers.rest import recordings


class Stored:
    """Recordings without an API; `measuring` has not begun."""

    def __init__(self, database: Database, folder: Path, workers: Workers) -> None:
        self.database, self.folder = database, folder
        self.work = WorkFolder(folder / "work")
        self.storage = TrackedStorage(FolderStorage(folder / "files"), database)
        self.measuring = Measuring(database, Document(database, LocalBus()), self.storage, workers, self.work)
        cleaner = Cleaner(database, self.storage)
        renditions = Renditions(self.storage, workers, self.work)
        self.audio = AudioFiles(database, self.storage, Access(database), workers, self.measuring, cleaner, renditions)

    async def add(self, data: bytes) -> str:
        path = self.folder / "incoming"
        path.write_bytes(data)
        row = await self.audio.add(Incoming(path, "tone.wav", hashlib.sha256(data).digest()), owner_id="ada")
        return str(row["id"])

    async def status(self, audio_id: str) -> str:
        return str((await self.audio.get(audio_id, "ada"))["waveform_status"])

    async def settled(self, *audio_ids: str) -> list[str]:
        async with asyncio.timeout(20):
            while "pending" in (states := [await self.status(each) for each in audio_ids]):
                await asyncio.sleep(0.02)
        return states


@pytest.fixture
async def stored(database: Database, tmp_path: Path) -> AsyncIterator[Stored]:
    await database.execute("INSERT INTO users (id, origin) VALUES ('ada', 'development')")
    workers = Workers(1)
    built = Stored(database, tmp_path, workers)
    yield built
    await built.measuring.close()
    await workers.close()
    built.work.close()


async def test_what_was_pending_before_the_start_is_measured_after_it(stored: Stored) -> None:
    waiting = [await stored.add(recordings.wav(0.2 + n / 10)) for n in range(3)]
    assert [await stored.status(each) for each in waiting] == ["pending"] * 3
    stored.measuring.start(alone=False)
    assert await stored.settled(*waiting) == ["ready"] * 3
    assert list(stored.work.path.iterdir()) == []


async def test_what_a_dead_server_had_taken_is_measured_by_one_that_is_alone(stored: Stored) -> None:
    taken = await stored.add(recordings.wav(0.2))
    row = await waveforms.take_unmeasured(stored.database, 300.0)
    assert row is not None
    assert row["id"] == taken
    assert await waveforms.take_unmeasured(stored.database, 300.0) is None
    stored.measuring.start(alone=True)
    assert await stored.settled(taken) == ["ready"]


async def test_a_recording_that_cannot_be_measured_fails_and_the_next_one_does_not(stored: Stored) -> None:
    broken, gone, good = [await stored.add(recordings.wav(0.2 + n / 10)) for n in range(3)]
    keys = await stored.database.fetch_all("SELECT id, storage_key FROM audio_files")
    places = {row["id"]: stored.folder / "files" / row["storage_key"] for row in keys}
    places[broken].write_bytes(b"something else")
    places[gone].unlink()
    stored.measuring.start(alone=False)
    assert await stored.settled(broken, gone, good) == ["failed", "failed", "ready"]
    with pytest.raises(errors.UnsupportedMediaType):
        await stored.audio.pyramid(await stored.audio.get(broken, "ada"))


async def test_several_who_want_to_see_a_waveform_at_once_have_it_measured_once(stored: Stored) -> None:
    audio_id = await stored.add(recordings.wav(1.0))
    row = await stored.audio.get(audio_id, "ada")
    updated = "SELECT updated_at FROM audio_files"
    one, *others = await asyncio.gather(*(stored.audio.pyramid(row) for _ in range(5)))
    when = await stored.database.fetch_value(updated)
    assert all(other == one for other in others)
    assert await stored.audio.pyramid(row) == one
    assert await stored.database.fetch_value(updated) == when


async def test_loudness_that_the_maker_has_measured_stays(stored: Stored) -> None:
    audio_id = await stored.add(recordings.wav(1.0))
    await stored.database.execute("UPDATE audio_files SET lufs = -14.0, true_peak_db = -1.0")
    stored.measuring.start(alone=False)
    await stored.settled(audio_id)
    row = await stored.audio.get(audio_id, "ada")
    assert (row["lufs"], row["true_peak_db"]) == (-14.0, -1.0)
