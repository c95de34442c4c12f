"""Bytes without a row are found and removed; bytes with a row are not."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.audiofiles.cleaner import Cleaner
from dawg_server.audiofiles.tracked_storage import TrackedStorage
from dawg_server.database import audio_files
from dawg_server.database.pool import Database
from dawg_server.keyed_lock import KeyedLock
from dawg_server.storage.folder import FolderStorage


class Stored:
    """A tracked storage and its cleaner."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.storage = TrackedStorage(FolderStorage(folder / "files"), database)
        self.cleaner = Cleaner(database, self.storage)

    async def put(self, key: str) -> None:
        source = self.folder / "source"
        source.write_bytes(b"bytes")
        await self.storage.put(key, source, "audio/wav")

    async def row(self, key: str, *renditions: str) -> str:
        """A recording that names the key, and renditions of it."""
        audio_id = str(uuid.uuid4())
        row: dict[str, Any] = dict.fromkeys(audio_files._COLUMNS)
        row |= {
            "id": audio_id,
            "owner_id": "ada",
            "filename": "a.wav",
            "mime_type": "audio/wav",
            "size_bytes": 5,
            "storage_key": key,
            "sha256": b"x",
            "source": "upload",
            "original_name": "a.wav",
        }
        others = [
            {
                "audio_file_id": audio_id,
                "format": format,
                "mime_type": "audio/x",
                "size_bytes": 5,
                "sha256": b"x",
                "storage_key": other,
            }
            for format, other in zip(("mp3", "ogg"), renditions, strict=False)
        ]
        async with self.database.transaction() as connection:
            await audio_files.insert(connection, [row], others)
        return audio_id

    async def all_due(self) -> None:
        """As if an hour had passed."""
        await self.database.execute("UPDATE storage_leftovers SET remove_after = now() - interval '1 second'")

    async def written_down(self) -> set[str]:
        rows = await self.database.fetch_all("SELECT storage_key FROM storage_leftovers")
        return {row["storage_key"] for row in rows}


@pytest.fixture
async def stored(database: Database, tmp_path: Path) -> AsyncIterator[Stored]:
    await database.execute("INSERT INTO users (id, origin) VALUES ('ada', 'development')")
    yield Stored(database, tmp_path)


async def test_bytes_that_got_no_row_are_removed_after_their_time_and_not_before(stored: Stored) -> None:
    await stored.put("a/b/c.wav")
    assert await stored.cleaner.clean() == 0
    await stored.all_due()
    assert await stored.cleaner.clean() == 1
    assert await stored.storage.size("a/b/c.wav") is None
    assert await stored.written_down() == set()


async def test_a_row_crosses_its_key_out_and_a_failed_transaction_does_not(stored: Stored) -> None:
    for key in ("a/1/x.wav", "a/1/x.mp3", "a/2/x.wav"):
        await stored.put(key)
    await stored.row("a/1/x.wav", "a/1/x.mp3")
    with pytest.raises(RuntimeError):
        async with stored.database.transaction() as connection:
            await connection.execute("DELETE FROM storage_leftovers")
            raise RuntimeError
    assert await stored.written_down() == {"a/2/x.wav"}


async def test_a_row_that_goes_leaves_its_bytes_and_those_of_its_renditions_to_be_removed(stored: Stored) -> None:
    keys = ["a/1/x.wav", "a/1/x.mp3", "a/1/x.ogg"]
    for key in keys:
        await stored.put(key)
    await stored.row(*keys)
    await stored.database.execute("DELETE FROM users")  # and with the account go its recordings
    assert await stored.written_down() == set(keys)
    assert await stored.cleaner.clean() == 3
    assert [await stored.storage.size(key) for key in keys] == [None] * 3


async def test_bytes_that_a_row_names_are_never_removed(stored: Stored) -> None:
    await stored.put("a/1/x.wav")
    await stored.row("a/1/x.wav")
    await stored.put("a/1/x.wav")  # a second attempt at a job that had succeeded
    await stored.all_due()
    assert await stored.cleaner.clean() == 1
    assert await stored.storage.size("a/1/x.wav") == 5
    assert await stored.written_down() == set()


async def test_two_cleaners_share_the_work(stored: Stored) -> None:
    for number in range(20):
        await stored.put(f"a/{number}/x.wav")
    await stored.all_due()
    other = Cleaner(stored.database, stored.storage)
    assert sum(await asyncio.gather(stored.cleaner.clean(), other.clean())) == 20
    assert await stored.written_down() == set()


async def test_what_cannot_be_removed_now_is_tried_again_later_and_holds_nothing_up(stored: Stored) -> None:
    class Stubborn(FolderStorage):
        async def delete(self, key: str) -> None:
            if key == "a/0/x.wav":
                raise errors.DependencyUnavailable("storage")
            await super().delete(key)

    stored.storage = TrackedStorage(Stubborn(stored.folder / "files"), stored.database)
    stored.cleaner = Cleaner(stored.database, stored.storage)
    for number in range(2):
        await stored.put(f"a/{number}/x.wav")
    await stored.database.execute(
        "UPDATE storage_leftovers SET remove_after = now() - interval '1 hour' * (2 - substr(storage_key, 3, 1)::int)"
    )
    with pytest.raises(errors.DependencyUnavailable):
        await stored.cleaner.clean()
    assert await stored.cleaner.clean() == 1
    assert await stored.written_down() == {"a/0/x.wav"}


async def test_locks_are_held_by_name_and_leave_nothing_behind() -> None:
    locks, order = KeyedLock(), []

    async def one(name: str, number: int) -> None:
        async with locks.setdefault(name, asyncio.Lock()):
            order.append((name, number, "in"))
            await asyncio.sleep(0.01)
            order.append((name, number, "out"))

    waiting = asyncio.create_task(one("a", 9))
    tasks = [asyncio.create_task(one(name, number)) for number in range(2) for name in "ab"]
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, *tasks, return_exceptions=True)
    for name in "ab":
        assert [step for each, number, step in order if each == name and number < 9] == ["in", "out"] * 2
    assert dict(locks) == {}
