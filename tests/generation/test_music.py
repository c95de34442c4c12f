"""Who makes the music: the choice of a provider, and requests that need none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.generation import outside
from tests.simulators import replicate, suno

SIMPLE = {"prompt": "a slow sunrise"}
QUICK = {"stage_seconds": (1.0, 1.0, 1.0), "durations": (5.0, 5.0)}


@pytest.fixture
async def music() -> AsyncIterator[replicate.ReplicateSimulator]:
    async with replicate.ReplicateSimulator(token=outside.REPLICATE_KEY) as running:
        yield running


@pytest.fixture
async def songs() -> AsyncIterator[suno.SunoSimulator]:
    async with suno.SunoSimulator(key=outside.SUNO_KEY) as running:
        yield running


async def test_without_keys_an_instrumental_comes_from_the_embedded_engine_and_vocals_name_the_key(
    database_dsn: str, tmp_path: Path
) -> None:
    async with outside.server(database_dsn, tmp_path) as server:
        for body in ({"lyrics": "la la"}, {"instrumental": False}, {"includeVocals": True}):
            status, reply = await server.json("POST", "/api/generate/music", json=SIMPLE | body)
            assert (status, reply["code"]) == (503, "provider_unconfigured")
            assert reply["details"] == {"env": ["SUNO_API_KEY"]}
        job = await outside.made(server, "music", {"prompt": "slow lo-fi for a rainy day", "duration": 5, "key": "Gm"})
        assert job["state"] == "completed", job
        result = job["result"]
        assert (result["provider"], result["genre"], result["requested"]["key"]) == ("embedded", "lo-fi", "Gm")
        assert any("genre lo-fi" in warning and "bpm 73" in warning for warning in result["warnings"])  # slow
        assert {"slow", "rainy", "lo-fi"} == set(result["understood"])
        assert await outside.ledger(server, job["jobId"]) == []


async def test_auto_asks_replicate_for_beats_and_suno_for_music(
    music: replicate.ReplicateSimulator, songs: suno.SunoSimulator, database_dsn: str, tmp_path: Path
) -> None:
    async with outside.server(database_dsn, tmp_path, music=music, songs=songs) as server:
        music.plan(outside.output())
        songs.plan(outside.song(), outside.song(), **QUICK)
        beat = await outside.made(server, "beat", {"genre": "trap", "duration": 5})
        song = await outside.made(server, "music", SIMPLE)
        assert (beat["result"]["provider"], song["result"]["provider"]) == ("replicate", "suno")


async def test_auto_asks_the_second_only_when_the_first_has_surely_charged_nothing(
    music: replicate.ReplicateSimulator, songs: suno.SunoSimulator, database_dsn: str, tmp_path: Path
) -> None:
    async with outside.server(database_dsn, tmp_path, music=music, songs=songs) as server:
        music.plan(create=replicate.no_credit())
        songs.plan(outside.song(), outside.song(), **QUICK)
        beat = await outside.made(server, "beat", {"genre": "trap", "bpm": 150, "duration": 5})
        assert (beat["state"], beat["result"]["provider"]) == ("completed", "suno")
        assert any("replicate had refused" in w and "credit" in w for w in beat["result"]["warnings"])
        assert [row["service"] for row in await outside.booked(server, beat["jobId"])] == ["suno"]

        music.plan(create=replicate.no_credit())
        named = await outside.made(server, "beat", {"genre": "trap", "duration": 5, "provider": "replicate"})
        assert named["state"] == "failed"

        music.plan(status="failed", error="out of memory")
        charged = await outside.made(server, "beat", {"genre": "trap", "duration": 5})
        assert charged["state"] == "failed"

        songs.plan(create=suno.no_credit())
        sung = await outside.made(server, "music", SIMPLE | {"lyrics": "la la"})
        assert sung["state"] == "failed"

        songs.plan(create=suno.no_credit())
        music.plan(outside.output())
        played = await outside.made(server, "music", SIMPLE | {"bpm": 120})
        assert (played["state"], played["result"]["provider"]) == ("completed", "replicate")
        assert any("suno had refused" in warning for warning in played["result"]["warnings"])
        assert (len(songs.tasks), len(music.predictions)) == (1, 2)


async def test_a_cut_network_is_a_failure_and_never_a_substitute(database_dsn: str, tmp_path: Path) -> None:
    async with replicate.ReplicateSimulator() as music, suno.SunoSimulator() as songs:
        pass
    async with outside.server(database_dsn, tmp_path, music=music, songs=songs) as server:
        jobs = [
            await outside.ask(server, "beat", {"genre": "trap", "duration": 5}),
            await outside.ask(server, "music", SIMPLE),
        ]
        for job in jobs:
            ended = await server.finished(job)
            assert (ended["state"], ended["status"]["attemptsMade"], ended["result"]) == ("failed", 3, None)
            assert "could not be reached" in ended["error"]


async def test_the_embedded_engine_never_stands_in_for_a_provider_that_refused(
    music: replicate.ReplicateSimulator, database_dsn: str, tmp_path: Path
) -> None:
    async with outside.server(database_dsn, tmp_path, music=music) as server:
        music.plan(create=replicate.no_credit())
        beat = await outside.made(server, "beat", {"genre": "trap", "duration": 5})
        assert (beat["state"], beat["result"]) == ("failed", None)


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"prompt": ""}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"prompt": "x" * 2001}, "prompt"),
    ({"genre": "constructor"}, "genre"),
    ({"style": "polka metal"}, "genre"),
    ({"lyrics": "x" * 5001}, "lyrics"),
    ({"vocalGender": "x"}, "vocalGender"),
    ({"title": "x" * 81}, "title"),
    ({"bpm": 201}, "bpm"),
    ({"instrumental": "yes"}, "instrumental"),
    ({"lyrics": "la", "provider": "embedded"}, "provider"),
    ({"lyrics": "la", "provider": "replicate"}, "provider"),
)


async def test_a_wrong_field_is_named(songs: suno.SunoSimulator, database_dsn: str, tmp_path: Path) -> None:
    async with outside.server(database_dsn, tmp_path, songs=songs) as server:
        for changes, field in WRONG:
            status, body = await server.json("POST", "/api/generate/music", json=SIMPLE | changes)
            assert (status, body["code"], list(body["details"])) == (400, "validation_error", [field]), changes
        assert songs.creations == []


async def test_aliases_mean_the_same(songs: suno.SunoSimulator, database_dsn: str, tmp_path: Path) -> None:
    async with outside.server(database_dsn, tmp_path, songs=songs, JOB_CONCURRENCY="0") as server:
        body = SIMPLE | {"style": "R and B", "customLyrics": "ooh", "tempo": 90, "includeVocals": False}
        job = await outside.ask(server, "music", body)
        data = (await server.json("GET", f"/api/generate/status/{job}"))[1]["status"]["data"]
        assert (data["genre"], data["bpm"], data["instrumental"], data["lyrics"]) == ("r&b", 90, True, None)
        assert "not sung" in data["notes"][0]


async def test_a_waiting_job_that_is_cancelled_gives_its_reservation_back(
    songs: suno.SunoSimulator, database_dsn: str, tmp_path: Path
) -> None:
    async with outside.server(database_dsn, tmp_path, songs=songs, JOB_CONCURRENCY="0") as server:
        job = await outside.ask(server, "music", SIMPLE)
        held = "SELECT amount FROM budget_reservations WHERE id = %s AND settled_at IS NULL"
        assert await server.services.platform.database.fetch_value(held, (job,)) > 0
        await server.json("POST", f"/api/generate/cancel/{job}")
        assert await server.services.platform.database.fetch_value(held, (job,)) is None
        assert songs.creations == []
