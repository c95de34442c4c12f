"""Stems from Demucs at Replicate, against its simulator and through the whole server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.generation import outside
from tests.servers import dawg
from tests.simulators import replicate


@pytest.fixture
async def service() -> AsyncIterator[replicate.ReplicateSimulator]:
    async with replicate.ReplicateSimulator(token=outside.REPLICATE_KEY) as running:
        yield running


@pytest.fixture
async def server(service: replicate.ReplicateSimulator, database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with outside.server(database_dsn, tmp_path, music=service) as running:
        yield running


async def uploaded(server: dawg.Dawg, sound: bytes) -> str:
    form = aiohttp.FormData()
    form.add_field("audio", sound, filename="song.wav")
    status, body = await server.json("POST", "/api/audio/upload", data=form)
    assert status == 201
    return str(body["audioFile"]["id"])


async def separated(server: dawg.Dawg, audio_id: str, *types: str, quality: str = "fast") -> dict[str, Any]:
    wanted = {
        "audioFileId": audio_id,
        "title": "song",
        "duration": 6.0,
        "stemTypes": list(types),
        "quality": quality,
        "outputFormat": "wav",
        "projectId": None,
        "addToProject": False,
        "startTime": 0.0,
    }
    job, _ = await server.services.jobs.generation.submit(
        "ada", "stems", wanted, provider="replicate", base_url=server.url
    )
    return await server.finished(job.id)


async def test_stems_are_separated_by_demucs_from_a_file_that_replicate_got(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    source = outside.clicks(6.0)
    service.plan({"drums": outside.output(6.0), "vocals": outside.output(5.0), "bass": None, "other": outside.output()})
    ended = await separated(server, await uploaded(server, source), "drums", "vocals")
    assert ended["state"] == "completed", ended
    assert service.uploads[0].file.content == source
    asked = service.predictions[0].input
    assert asked["audio"] == f"{service.base_url}/v1/files/{service.uploads[0].id}"
    assert (asked["model"], asked["output_format"], asked["shifts"]) == ("htdemucs", "wav", 1)
    takes = ended["result"]["takes"]
    assert [(take["title"], round(take["duration"])) for take in takes] == [("drums", 6), ("vocals", 5)]
    assert any("vocals has 5.00 s" in warning for warning in ended["result"]["warnings"])
    rows = await outside.booked(server, ended["jobId"])
    assert (rows[0]["operation"], rows[0]["model"]) == ("stems", "ryan5453/demucs")


async def test_a_guitar_needs_the_model_of_six_stems_and_a_missing_stem_is_told_and_booked(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    audio_id = await uploaded(server, outside.clicks(6.0))
    service.plan({"guitar": None, "other": outside.output(6.0)})
    ended = await separated(server, audio_id, "guitar", "melody", quality="balanced")
    assert service.predictions[0].input["model"] == "htdemucs_6s"
    assert (ended["state"], ended["status"]["attemptsMade"]) == ("failed", 1)
    assert "no guitar" in ended["error"] and "melody" not in ended["error"]
    assert len(await outside.booked(server, ended["jobId"])) == 1


async def test_a_lost_answer_is_found_by_the_file_without_sending_it_again(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    audio_id = await uploaded(server, outside.clicks(6.0))
    service.plan(create="cut")
    service.plan({"bass": outside.output(6.0)}, create="cut when made")
    ended = await separated(server, audio_id, "bass")
    assert ended["state"] == "completed", ended
    assert (len(service.uploads), len(service.creations), len(service.predictions)) == (1, 2, 1)
