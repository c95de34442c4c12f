"""A disk that is nearly full is left to the database; one that is full is said to be."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dawg_server import errors
from tests.servers import dawg


async def test_uploads_and_jobs_leave_some_of_the_disk_free(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, MIN_FREE_MB="10000000") as server:
        beat = {"genre": "pop", "duration": 5}
        answers = [
            await server.json("POST", "/api/generate/beat", json=beat),
            await server.json("POST", "/api/audio/upload", data={"file": io.BytesIO(b"RIFF")}),
            await server.json("POST", "/api/projects/import", data={"file": io.BytesIO(b"PK")}),
        ]
        for status, body in answers:
            assert (status, body["code"], body["details"]) == (
                503,
                "dependency_unavailable",
                {"dependency": "storage"},
            ), body
            assert "MIN_FREE_MB" in body["message"]
        assert (await server.json("POST", "/api/projects", json={"name": "Song"}))[0] == 201
        assert await server.services.platform.database.fetch_value("SELECT count(*) FROM generations") == 0


def test_a_full_disk_is_known_by_what_the_system_says() -> None:
    with pytest.raises(OSError) as full, Path("/dev/full").open("wb", buffering=0) as device:
        device.write(b"x")
    assert errors.is_full_disk(full.value)
    assert not errors.is_full_disk(FileNotFoundError())
