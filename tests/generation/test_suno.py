"""Songs from Suno, against the gateway's simulator and through the whole server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.generation import outside
from tests.javascript.client import JavaScript
from tests.servers import dawg
from tests.simulators import suno

SONG = {
    "prompt": "driving home at night",
    "genre": "pop",
    "mood": "wistful",
    "bpm": 120,
    "key": "Am",
    "title": "Headlights",
    "lyrics": "[Verse]\nThe road is long\n[Chorus]\nAnd I am gone",
    "negativeTags": "screaming",
    "vocalGender": "f",
}
QUICK = {"stage_seconds": (1.0, 1.0, 1.0), "durations": (5.0, 5.0)}


@pytest.fixture
async def service() -> AsyncIterator[suno.SunoSimulator]:
    async with suno.SunoSimulator(key=outside.SUNO_KEY) as running:
        yield running


@pytest.fixture
async def server(service: suno.SunoSimulator, database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with outside.server(database_dsn, tmp_path, songs=service) as running:
        yield running


async def test_a_song_is_bought_once_heard_early_and_kept_with_both_takes(
    service: suno.SunoSimulator, server: dawg.Dawg, javascript: JavaScript
) -> None:
    browser = await javascript.connect(server.url, auth={"userId": "ada"})
    stranger = await javascript.connect(server.url, auth={"userId": "eve"})
    songs = [outside.song(), outside.song(7.0)]
    service.plan(*songs, durations=(5.0, 7.0), stage_seconds=(100.0, 700.0, 700.0))
    job = await outside.made(server, "music", SONG)
    assert job["state"] == "completed", job
    asked = service.tasks[0].body
    assert (asked["customMode"], asked["instrumental"], asked["title"]) == (True, False, "Headlights")
    assert asked["prompt"] == SONG["lyrics"]
    assert (asked["negativeTags"], asked["vocalGender"]) == ("screaming", "f")
    for word in ("wistful pop", "120 bpm", "A minor", "driving home at night"):
        assert word in asked["style"]
    takes = job["result"]["takes"]
    assert [take["duration"] for take in takes] == [pytest.approx(5, abs=0.01), pytest.approx(7, abs=0.01)]
    assert {(take["provider"], take["title"], take["format"]) for take in takes} == {("suno", "Headlights", "flac")}
    assert takes[0]["audioFileId"] != takes[1]["audioFileId"]
    assert service.base_url not in str(job["result"])
    assert not any("authorization" in download for song in songs for download in song.downloads)
    rows = await outside.booked(server, job["jobId"])
    assert [(row["service"], row["request_id"], row["units"]) for row in rows] == [
        ("suno", f"suno:{service.tasks[0].id}", 1)
    ]
    assert rows[0]["total_cost"] > 0
    await browser.wait_for("generation:completed", timeout=10)
    previews = [args[0] for name, args in browser.events if name == "generation:preview"]
    assert len(previews) == 1
    assert previews[0]["jobId"] == previews[0]["generationId"] == job["jobId"]
    assert [take["streamUrl"] for take in previews[0]["takes"]] == [
        service.tasks[0].urls["stream 0"],
        service.tasks[0].urls["stream 1"],
    ]
    names = [name for name, _ in browser.events]
    assert names.index("generation:preview") < names.index("generation:completed")
    messages = [args[0]["message"] for name, args in browser.events if name == "generation:progress"]
    assert any("words are written" in message for message in messages)
    assert any("first of two" in message for message in messages)
    assert stranger.events == []
    assert (len(service.creations), len(service.tasks)) == (1, 1)


async def test_without_lyrics_suno_writes_them_and_the_description_fits(
    service: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    service.plan(outside.song(), outside.song(), **QUICK)
    body = SONG | {"lyrics": None, "instrumental": False, "prompt": "word " * 399}
    job = await outside.made(server, "music", body)
    assert job["state"] == "completed", job
    asked = service.tasks[0].body
    assert (asked["customMode"], asked["instrumental"]) == (False, False)
    assert set(asked) == {"model", "customMode", "instrumental", "prompt", "callBackUrl"}
    assert len(asked["prompt"]) <= 500
    for word in ("wistful pop", "120 bpm", "A minor", "female voice", "without screaming", "word word"):
        assert word in asked["prompt"]
    assert any("500" in warning for warning in job["result"]["warnings"])


async def test_an_instrumental_and_a_beat_are_asked_for_without_words(
    service: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    for _ in range(2):
        service.plan(outside.song(), outside.song(), snake_case=True, **QUICK)
    job = await outside.made(server, "music", {"prompt": "rain on a roof", "duration": 60})
    asked = service.tasks[0].body
    assert (asked["customMode"], asked["instrumental"], "prompt" in asked) == (True, True, False)
    assert "rain on a roof" in asked["style"] and "instrumental" in asked["style"]
    assert len(job["result"]["takes"]) == 2
    assert [w for w in job["result"]["warnings"] if "60 s were asked for" in w]
    beat = {"genre": "lo-fi", "mood": "dreamy", "bpm": 80, "key": "Eb", "prompt": "vinyl", "provider": "suno"}
    job = await outside.made(server, "beat", beat)
    assert job["state"] == "completed", job
    for word in ("dreamy lo-fi", "80 bpm", "Eb major", "vinyl"):
        assert word in service.tasks[1].body["style"]


@pytest.mark.parametrize(
    ("refusal", "code", "words"),
    [
        (suno.no_credit(), "provider_failed", "credits are insufficient"),
        (suno.unauthorized(), "provider_failed", "access permissions"),
        (suno.too_long("The style cannot exceed 1000 characters"), "validation_error", "1000 characters"),
        (suno.invalid("model must be one of V4"), "provider_failed", "model must be"),
    ],
)
async def test_a_refusal_fails_at_once_in_plain_words(
    service: suno.SunoSimulator, server: dawg.Dawg, refusal: suno.Refusal, code: str, words: str
) -> None:
    service.plan(create=refusal)
    job = await outside.made(server, "music", SONG)
    assert (job["state"], job["status"]["errorCode"], job["status"]["attemptsMade"]) == ("failed", code, 1)
    assert words in job["error"]
    assert len(service.creations) == 1
    assert await outside.ledger(server, job["jobId"]) == []


async def test_haste_and_maintenance_are_waited_out(service: suno.SunoSimulator, server: dawg.Dawg) -> None:
    service.plan(create=suno.too_frequent())
    reads = [suno.too_frequent(), suno.maintenance(), suno.broken(502), "cut"]
    service.plan(outside.song(), outside.song(), reads=reads, **QUICK)
    job = await outside.made(server, "music", SONG)
    assert (job["state"], job["status"]["attemptsMade"], len(service.tasks)) == ("completed", 2, 1)


@pytest.mark.parametrize(
    ("stages", "code", "refund"),
    [
        (["SENSITIVE_WORD_ERROR"], "content_refused", False),
        (["TEXT_SUCCESS", "GENERATE_AUDIO_FAILED"], "provider_failed", False),
        (["CREATE_TASK_FAILED"], "provider_failed", False),
    ],
)
async def test_a_failed_task_is_told_and_booked(
    service: suno.SunoSimulator, server: dawg.Dawg, stages: list[str], code: str, refund: bool
) -> None:
    service.plan(outside.song(), outside.song(), stages=stages, error="The words are not allowed.", **QUICK)
    job = await outside.made(server, "music", SONG)
    assert (job["state"], job["status"]["errorCode"], job["status"]["attemptsMade"]) == ("failed", code, 1)
    assert "The words are not allowed" in job["error"]
    assert [row["units"] for row in await outside.booked(server, job["jobId"])] == [1]


async def test_a_failed_callback_does_not_lose_the_songs(service: suno.SunoSimulator, server: dawg.Dawg) -> None:
    service.plan(
        outside.song(),
        outside.song(),
        durations=(5.0, 5.0),
        stages=["TEXT_SUCCESS", "CALLBACK_EXCEPTION", "SUCCESS"],
        stage_seconds=(1.0, 1.0, 300.0),
    )
    job = await outside.made(server, "music", SONG)
    assert (job["state"], len(job["result"]["takes"])) == ("completed", 2)


async def test_a_short_file_is_copied_again_and_never_bought_again(
    service: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    cut = outside.song(cut_after=20_000, cuts=1)
    short = outside.song(2.0)
    service.plan(cut, outside.song(), **QUICK)
    service.plan(short, outside.song(), **QUICK | {"durations": (9.0, 5.0)})
    assert (await outside.made(server, "music", SONG))["state"] == "completed"
    assert len(cut.downloads) == 2
    job = await outside.made(server, "music", SONG)
    assert (job["state"], job["status"]["attemptsMade"], len(service.tasks)) == ("completed", 1, 2)
    assert len(short.downloads) == 3
    assert any("announced 9.0 s" in warning and "2.0 s" in warning for warning in job["result"]["warnings"])


async def test_a_cancelled_song_stops_waiting_and_its_charge_is_booked(
    service: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    service.plan(outside.song(), outside.song(), hold=True)
    job = await outside.ask(server, "music", SONG)
    task = await outside.until(lambda: next((t for t in service.tasks if t.reads), None))
    await server.json("POST", f"/api/generate/cancel/{job}")
    rows = await outside.booked(server, job)
    assert (rows[0]["request_id"], rows[0]["units"]) == (f"suno:{task.id}", 1)
    reads = task.reads
    await outside.until(lambda: not server.services.jobs.runner._running)
    assert task.reads == reads


async def test_a_lost_answer_without_a_way_to_be_called_back_is_never_bought_again(
    service: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    for fault in ("cut when made", suno.broken(502), "cut"):
        service.plan(create=fault if not isinstance(fault, suno.Refusal) else "cut when made")
        job = await outside.made(server, "music", SONG)
        assert (job["state"], job["status"]["attemptsMade"]) == ("failed", 1)
        assert "was not asked again" in job["error"]
        stored = await server.services.platform.database.fetch_value(
            "SELECT error FROM generations WHERE id = %s", (job["jobId"],)
        )
        assert stored["retryable"] is False
    assert len(service.creations) == 3


async def test_a_lost_answer_is_made_good_by_the_call_that_names_the_task(
    service: suno.SunoSimulator, database_dsn: str, tmp_path: Path
) -> None:
    async with outside.server(database_dsn, tmp_path, songs=service, called_back=True) as server:
        service.plan(
            outside.song(),
            outside.song(),
            create="cut when made",
            durations=(5.0, 5.0),
            stage_seconds=(200.0, 100.0, 100.0),
        )
        job = await outside.made(server, "music", SONG)
        assert job["state"] == "completed", job
        assert len(service.tasks) == 1
        assert len(await outside.booked(server, job["jobId"])) == 1
