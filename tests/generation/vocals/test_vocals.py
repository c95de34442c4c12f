"""A hummed melody becomes a song: what is written down, who writes the words, and what is said about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.daw.access import Actor
from tests.generation import outside
from tests.generation.vocals import humming
from tests.servers import dawg
from tests.simulators import anthropic, suno
from tests.simulators.anthropic import AnthropicSimulator

QUICK = {"stage_seconds": (1.0, 1.0, 1.0), "durations": (5.0, 5.0)}
ADA = Actor("ada", "ai-brain")


@pytest.fixture
async def songs() -> AsyncIterator[suno.SunoSimulator]:
    async with suno.SunoSimulator(key=outside.SUNO_KEY) as running:
        yield running


@pytest.fixture
async def writer() -> AsyncIterator[AnthropicSimulator]:
    async with AnthropicSimulator(key=humming.CLAUDE_KEY) as running:
        yield running


@pytest.fixture
async def server(songs: suno.SunoSimulator, database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with humming.server(database_dsn, tmp_path, songs) as running:
        yield running


@pytest.fixture
async def written(
    songs: suno.SunoSimulator, writer: AnthropicSimulator, database_dsn: str, tmp_path: Path
) -> AsyncIterator[dawg.Dawg]:
    """A server where Claude may write words."""
    async with humming.server(database_dsn, tmp_path, songs, writer) as running:
        yield running


def bought(songs: suno.SunoSimulator, **details: Any) -> None:
    songs.plan(outside.song(), outside.song(6.0), **QUICK | details)


async def test_claude_writes_a_line_for_each_phrase_and_suno_sings_them(
    songs: suno.SunoSimulator, writer: AnthropicSimulator, written: dawg.Dawg
) -> None:
    bought(songs)
    writer.script([humming.answer()])
    job = await humming.sung(written, theme="the sea")
    assert job["state"] == "completed", job
    assert job["status"]["type"] == "vocals"
    told = humming.asked(writer.requests[0])
    assert told == {**humming.ABOUT, "theme": "the sea", "notesPerPhrase": humming.PHRASES}
    order = songs.tasks[0].body
    assert order["prompt"] == "[Verse]\n" + "\n".join(humming.LINES)
    assert order["customMode"] and not order["instrumental"]
    for words in ("calm pop", "A minor", "bpm", humming.ABOUT["prompt"], "About the sea"):
        assert words in order["style"]
    result = job["result"]
    info = result["melodyInfo"]
    assert (info["numNotes"], info["key"], info["range"]) == (12, "Am", {"lowest": 57, "highest": 64})
    assert info["duration"] == pytest.approx(7.32, abs=0.05)
    assert [note["pitch"] for note in info["notes"]] == list(humming.MINOR) * 2
    assert result["lyrics"] == order["prompt"]
    assert result["lyricsInfo"] == {
        "numLines": 2,
        "syllables": 12,
        "genre": "pop",
        "theme": "the sea",
        "mood": "calm",
        "writtenBy": "claude",
    }
    assert result["melodyFollowed"] is False
    assert any("notes themselves were not given" in warning for warning in result["warnings"])
    steps = result["processingSteps"]
    assert "12 notes in 2 phrases, in A minor" in steps[0]
    assert "Claude wrote a line for each of 2 phrases" in steps[1]
    assert "sung 2 takes" in steps[2]
    assert [take["duration"] for take in result["takes"]] == [pytest.approx(5, abs=0.1), pytest.approx(6, abs=0.1)]
    async with written.http.get(result["audioUrl"]) as reply:
        assert reply.status == 200
    rows = await outside.booked(written, job["jobId"], 2)
    assert {(row["service"], row["operation"]) for row in rows} == {("anthropic", "vocals"), ("suno", "vocals")}
    assert all(row["total_cost"] > 0 for row in rows)
    cost = await written.services.platform.database.fetch_value(
        "SELECT cost FROM generations WHERE id = %s", (job["jobId"],)
    )
    assert cost == pytest.approx(sum(row["total_cost"] for row in rows))


async def test_ones_own_words_are_sung_as_they_are(
    songs: suno.SunoSimulator, writer: AnthropicSimulator, written: dawg.Dawg
) -> None:
    bought(songs)
    mine = "[Verse]\nHello my darling\n\n[Chorus]\nGoodbye"
    job = await humming.sung(written, lyrics=mine, mood="bitter")
    assert (songs.tasks[0].body["prompt"], job["result"]["lyrics"]) == (mine, mine)
    info = job["result"]["lyricsInfo"]
    assert (info["numLines"], info["syllables"], info["writtenBy"], info["mood"]) == (2, 7, "caller", "bitter")
    assert "as they are" in job["result"]["processingSteps"][1]
    assert writer.requests == []


async def test_without_a_writer_suno_writes_the_words_and_they_are_told(
    songs: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    bought(songs, lyrics="[Verse]\nSalt and sand")
    job = await humming.sung(server)
    order = songs.tasks[0].body
    assert (order["customMode"], order["instrumental"]) == (False, False)
    for words in ("A minor", humming.ABOUT["prompt"]):
        assert words in order["prompt"]
    assert job["result"]["lyrics"] == "[Verse]\nSalt and sand"
    assert job["result"]["lyricsInfo"]["writtenBy"] == "singer"
    assert (job["result"]["lyricsInfo"]["numLines"], job["result"]["lyricsInfo"]["syllables"]) == (1, 3)
    assert "ANTHROPIC_API_KEY is not set" in job["result"]["processingSteps"][1]
    bought(songs)
    job = await humming.sung(server)
    assert (job["result"]["lyrics"], job["result"]["lyricsInfo"]["numLines"]) == (None, None)
    assert any("has not told which words" in warning for warning in job["result"]["warnings"])


@pytest.mark.parametrize(
    "first", [anthropic.turn(anthropic.text("La la la")), humming.answer(["one line"]), humming.answer(["la", "la"])]
)
async def test_words_that_do_not_fit_are_asked_for_once_more(
    songs: suno.SunoSimulator, writer: AnthropicSimulator, written: dawg.Dawg, first: anthropic.ScriptedMessage
) -> None:
    bought(songs)
    writer.script([first, humming.answer()])
    job = await humming.sung(written)
    assert job["result"]["lyrics"].endswith(humming.LINES[1])
    assert len(writer.requests) == 2
    assert writer.requests[1].messages[-1]["role"] == "user"
    assert len(writer.requests[1].messages) == 3
    assert len(await outside.booked(written, job["jobId"], 3)) == 3


async def test_the_better_of_two_misfits_is_taken_and_said_to_be_one(
    songs: suno.SunoSimulator, writer: AnthropicSimulator, written: dawg.Dawg
) -> None:
    bought(songs)
    writer.script([humming.answer([humming.LINES[0], "no"]), humming.answer(["no", "no"])])
    job = await humming.sung(written)
    assert humming.LINES[0] in job["result"]["lyrics"]
    assert any("1 of 2 lines have clearly more or fewer" in warning for warning in job["result"]["warnings"])


@pytest.mark.parametrize(
    ("replies", "reason", "rows"),
    [
        ([anthropic.overloaded()], "overloaded", 1),
        ([anthropic.turn(anthropic.text("no"), stop_reason="refusal")], "declined to answer", 2),
        ([anthropic.turn(anthropic.text("no")), anthropic.turn(anthropic.text("no"))], "could not be used", 3),
    ],
)
async def test_words_that_cannot_be_had_are_left_to_the_singer(
    songs: suno.SunoSimulator,
    writer: AnthropicSimulator,
    written: dawg.Dawg,
    replies: list[Any],
    reason: str,
    rows: int,
) -> None:
    bought(songs)
    writer.script(replies)
    job = await humming.sung(written)
    assert job["state"] == "completed"
    assert reason in job["result"]["processingSteps"][1]
    assert songs.tasks[0].body["customMode"] is False
    assert len(await outside.booked(written, job["jobId"], rows)) == rows


async def test_who_cancels_while_the_words_are_written_buys_no_song(
    songs: suno.SunoSimulator, writer: AnthropicSimulator, written: dawg.Dawg
) -> None:
    writer.script([humming.slow(seconds=0.5)])
    body = {**humming.ABOUT, "audioFileId": await humming.uploaded(written)}
    _, accepted = await written.json("POST", "/api/ai/melody-to-vocals", json=body)
    await outside.until(lambda: writer.requests)
    await written.json("POST", f"/api/generate/cancel/{accepted['jobId']}")
    await outside.until(lambda: not written.services.jobs.runner._running)
    assert songs.creations == []
    rows = await outside.booked(written, accepted["jobId"])
    assert [row["service"] for row in rows] == ["anthropic"]
    _, budget = await written.json("GET", "/api/cost-monitoring/budget")
    assert budget["status"]["dailyReserved"] == 0


async def test_words_stay_within_the_budget(
    songs: suno.SunoSimulator, writer: AnthropicSimulator, written: dawg.Dawg
) -> None:
    bought(songs)
    song = written.services.platform.costs.estimate("suno", "V5", {"requests": 1})
    await written.json(
        "PUT", "/api/cost-monitoring/budget", json={"dailyLimit": float(song) + 0.001, "pauseOnExceed": True}
    )
    job = await humming.sung(written)
    assert "daily budget" in job["result"]["processingSteps"][1]
    assert writer.requests == []
    status, refused = await written.json("POST", "/api/ai/melody-to-vocals", data=humming.form())
    assert (status, refused["code"]) == (429, "budget_exceeded")


async def test_an_upload_is_kept_and_repeated_by_its_key_only(songs: suno.SunoSimulator, server: dawg.Dawg) -> None:
    bought(songs)
    path, key = "/api/ai/melody-to-vocals", {"Idempotency-Key": "hum-1"}
    status, first = await server.json("POST", f"{path}?wait=20", data=humming.form(), headers=key)
    assert status == 200, first
    assert first["result"]["result"]["melodyInfo"]["numNotes"] == 12
    status, again = await server.json("POST", f"{path}?wait=20", data=humming.form(), headers=key)
    assert (status, again["result"]["jobId"]) == (200, first["result"]["jobId"])
    assert len(songs.creations) == 1
    job = await server.finished(first["result"]["jobId"])
    kept = job["status"]["data"]["audioFileId"]
    assert (await server.json("GET", f"/api/audio/{kept}"))[1]["source"] == "upload"


async def test_what_cannot_be_sung_is_refused_before_anything_is_kept(
    songs: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    path = "/api/ai/melody-to-vocals"
    for fields in ({"prompt": "ab"}, {"genre": "constructor"}, {"lyrics": "x" * 5001}):
        status, refused = await server.json("POST", path, data=humming.form(**fields))
        assert (status, refused["code"], list(refused["details"])) == (400, "validation_error", list(fields))
    short = humming.aiohttp.FormData()
    short.add_field("audio", humming.hummed([(0.0, 0.5, 60.0)]), filename="hum.wav")
    short.add_field("prompt", "a short one")
    status, refused = await server.json("POST", path, data=short)
    assert (status, refused["details"]) == (400, {"audio": "has to be 1 to 300 s long"})
    status, refused = await server.json("POST", path, json=humming.ABOUT)
    assert (status, list(refused["details"])) == (400, ["audioFileId"])
    mine = await humming.uploaded(server)
    status, refused = await server.json("POST", path, "eve", json={**humming.ABOUT, "audioFileId": mine})
    assert (status, refused["code"]) == (404, "not_found")
    assert (await server.json("GET", "/api/audio"))[1]["total"] == 1
    assert songs.creations == []


async def test_a_melody_of_two_notes_is_too_short_and_costs_nothing(
    songs: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    audio = await humming.uploaded(server, [(0.2, 0.6, 57.0), (1.2, 0.6, 62.0)])
    job = await humming.sung(server, audioFileId=audio)
    assert (job["state"], job["status"]["errorCode"], job["status"]["attemptsMade"]) == (
        "failed",
        "melody_too_short",
        1,
    )
    assert songs.creations == []
    _, budget = await server.json("GET", "/api/cost-monitoring/budget")
    assert budget["status"]["dailyReserved"] == 0


async def test_without_a_key_for_suno_nothing_is_begun(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, ANTHROPIC_API_KEY="sk-x") as server:
        status, refused = await server.json("POST", "/api/v1/ai/melody-to-vocals", data=humming.form())
        assert (status, refused["code"]) == (503, "provider_unconfigured")
        assert refused["details"]["env"] == ["SUNO_API_KEY"]
        assert (await server.json("GET", "/api/audio"))[1]["total"] == 0
        _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
        with pytest.raises(errors.ProviderUnconfigured):
            await server.services.documents.functions.run(
                "melodyToVocals",
                {"audioFileId": project["id"], "prompt": "the sea"},
                project_id=project["id"],
                by=ADA,
                base_url=server.url,
            )


async def test_a_clip_is_sung_into_its_project_in_one_step(songs: suno.SunoSimulator, server: dawg.Dawg) -> None:
    """What the clip does not play of its recording is not heard."""
    bought(songs)
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    _, track = await server.json("POST", "/api/tracks", json={"projectId": project["id"], "name": "Hum"})
    clip = {"trackId": track["id"], "audioFileId": await humming.uploaded(server), "startTime": 0, "offset": 4.0}
    _, made = await server.json("POST", "/api/clips", json=clip)
    begun = await server.services.documents.functions.run(
        "melodyToVocals",
        {"clipId": made["id"], "prompt": "the sea"},
        project_id=project["id"],
        by=ADA,
        base_url=server.url,
    )
    job = await server.finished(begun.job_id)
    assert job["state"] == "completed", job
    assert [note["pitch"] for note in job["result"]["melodyInfo"]["notes"]] == list(humming.MINOR)
    _, after = await server.json("GET", f"/api/projects/{project['id']}")
    assert [each["name"] for each in after["tracks"]] == ["Hum", "the sea"]
    assert after["tracks"][1]["clips"][0]["audioFileId"] == job["result"]["takes"][0]["audioFileId"]
    assert job["result"]["placed"]["trackId"] == after["tracks"][1]["id"]
    await server.json("POST", f"/api/projects/{project['id']}/undo")
    assert len((await server.json("GET", f"/api/projects/{project['id']}"))[1]["tracks"]) == 1
    with pytest.raises(errors.ValidationError, match="genre"):
        await server.services.documents.functions.run(
            "melodyToVocals",
            {"clipId": made["id"], "prompt": "the sea", "genre": "polka"},
            project_id=project["id"],
            by=ADA,
            base_url=server.url,
        )
