"""The main job: from a request to audio that plays, over REST and sockets."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mido
import pytest
import soundfile

from tests.javascript.client import JavaScript
from tests.servers import dawg

BEAT = {"genre": "trap", "bpm": 140, "key": "F minor", "duration": 5, "seed": 7}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


async def test_a_beat_is_made_told_and_can_be_heard(server: dawg.Dawg, javascript: JavaScript) -> None:
    browser = await javascript.connect(server.url, auth={"userId": "ada"})
    stranger = await javascript.connect(server.url, auth={"userId": "eve"})
    status, accepted = await server.json("POST", "/api/generate/beat", json=BEAT)
    assert status == 202
    assert accepted["jobId"] == accepted["generationId"]
    assert (accepted["state"], accepted["status"]) == ("waiting", "queued")

    await browser.wait_for("daw:transport:sync", timeout=60)
    names = [name for name, _ in browser.events]
    assert names[0:2] == ["generation:queued", "generation:started"]
    assert names[-3:] == ["generation:completed", "daw:audio:loaded", "daw:transport:sync"]
    assert set(names[2:-3]) == {"generation:progress"}
    percents = [arguments[0]["percent"] for name, arguments in browser.events if name == "generation:progress"]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    payloads = {name: arguments[0] for name, arguments in browser.events}
    assert all(payload["timestamp"] for payload in payloads.values())
    completed, loaded = payloads["generation:completed"], payloads["daw:audio:loaded"]
    assert completed["jobId"] == accepted["jobId"]
    assert completed["audioUrl"] == completed["takes"][0]["audioUrl"]
    assert (loaded["projectId"], loaded["trackId"], loaded["clip"]["id"], loaded["autoPlay"]) == (
        None,
        None,
        None,
        False,
    )
    assert loaded["clip"]["metadata"]["genre"] == "trap"
    assert payloads["daw:transport:sync"]["bpm"] == 140
    assert stranger.events == []

    status, body = await server.json("GET", f"/api/generate/result/{accepted['jobId']}")
    assert status == 200
    take = body["result"]["result"]["takes"][0]
    assert take["provider"] == "embedded"
    assert take["lufs"] == pytest.approx(-14, abs=1)
    assert take["truePeak"] <= -1
    await _hear(server, take)


async def _hear(server: dawg.Dawg, take: dict[str, Any]) -> None:
    for format, url in take["urls"].items():
        async with server.http.get(url) as reply:
            assert reply.status == 200
            assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            samples, rate = soundfile.read(io.BytesIO(await reply.read()))
        assert abs(len(samples) / rate - 5) < 0.1, format
    async with server.http.get(take["midiUrl"]) as reply:
        assert reply.content_type == "audio/midi"
        midi = mido.MidiFile(file=io.BytesIO(await reply.read()))
        assert any(message.type == "note_on" for message in midi)
    assert [stem["type"] for stem in take["stems"]] == ["drums", "bass", "chords", "melody"]
    async with server.http.get(take["stems"][0]["audioUrl"]) as reply:
        assert soundfile.info(io.BytesIO(await reply.read())).duration == pytest.approx(5, abs=0.01)


async def test_the_same_seed_makes_the_same_bytes_and_no_seed_something_new(server: dawg.Dawg) -> None:
    async def checksum(**changes: Any) -> str:
        _, body = await server.json("POST", "/api/generate/beat?wait=50", json=BEAT | changes)
        async with server.http.head(body["result"]["result"]["audioUrl"]) as reply:
            return reply.headers["ETag"]

    first, again, other, another = [await checksum(**changes) for changes in ({}, {}, {"seed": None}, {"seed": None})]
    assert first == again
    assert len({first, other, another}) == 3


BARS = (
    ({"bars": 4, "bpm": 150}, 4, 6.4),
    ({"bars": 1, "bpm": 200}, 1, 1.2),
    ({"duration": 6.41, "bpm": 150}, 4, 6.4),  # whole bars within 20 ms
    ({"duration": 7, "bpm": 150, "ending": False}, 4, 6.4),  # the nearest whole bars
)


async def test_bars_are_made_to_the_sample_in_every_file(server: dawg.Dawg) -> None:
    for asked, bars, seconds in BARS:
        _, body = await server.json("POST", "/api/generate/beat?wait=50", json=BEAT | asked)
        result = body["result"]["result"]
        take = result["takes"][0]
        assert (result["requested"]["bars"], result["requested"]["ending"], take["duration"]) == (bars, False, seconds)
        assert "ending" not in [section["name"] for section in result["sections"]]
        assert sum(section["duration"] for section in result["sections"]) == pytest.approx(seconds)
        for url in (take["urls"]["wav"], take["urls"]["flac"], *(stem["audioUrl"] for stem in take["stems"])):
            async with server.http.get(url) as reply:
                assert soundfile.info(io.BytesIO(await reply.read())).frames == round(seconds * 44_100)
        async with server.http.get(take["midiUrl"]) as reply:
            assert mido.MidiFile(file=io.BytesIO(await reply.read())).length == pytest.approx(seconds, abs=1e-3)


async def test_a_beat_is_as_loud_as_its_genre_or_the_request_says(server: dawg.Dawg) -> None:
    for asked, wanted in (({"loudness": -18.5}, -18.5), ({"genre": "house", "bpm": 124}, -9)):
        _, body = await server.json("POST", "/api/generate/beat?wait=50", json=BEAT | asked)
        result = body["result"]["result"]
        assert result["lufs"] == pytest.approx(wanted, abs=1.0)
        assert result["truePeak"] <= -1
        assert result["sounds"] in ("recorded", "synthesised")


async def test_a_piece_of_no_whole_bars_or_with_an_ending_asked_for_ends(server: dawg.Dawg) -> None:
    for asked in ({"duration": 5}, {"duration": 6.4, "bpm": 150, "ending": True}):
        _, body = await server.json("POST", "/api/generate/beat?wait=50", json=BEAT | asked)
        result = body["result"]["result"]
        assert result["sections"][-1]["name"] == "ending"
        assert result["duration"] == asked["duration"]


async def test_a_waiting_and_a_running_job_can_be_cancelled_and_then_cost_nothing_more(
    server: dawg.Dawg, javascript: JavaScript
) -> None:
    browser = await javascript.connect(server.url, auth={"userId": "ada"})
    jobs = [
        (await server.json("POST", "/api/generate/beat", json=BEAT | {"duration": 300}))[1]["jobId"] for _ in range(4)
    ]
    await browser.wait_for("generation:progress", lambda news: news["stage"] == "generating", timeout=30)
    for job in jobs[1:]:
        status, body = await server.json("POST", f"/api/generate/cancel/{job}")
        assert (status, body["state"]) == (200, "cancelled")
    ack = await browser.emit_ack("generation:cancel", {"jobId": jobs[0]})
    assert (ack["success"], ack["state"]) == (True, "cancelled")
    status, _ = await server.json("DELETE", f"/api/generate/{jobs[0]}")
    assert status == 200
    async with asyncio.timeout(5):
        while len([name for name, _ in browser.events if name == "generation:cancelled"]) < 4:
            await asyncio.sleep(0.01)
    status, body = await server.json("GET", f"/api/generate/result/{jobs[0]}")
    assert (status, body["code"], body["details"]) == (409, "job_cancelled", {"state": "cancelled"})
    async with asyncio.timeout(10):
        while list((server.services.platform.settings.data_dir / "work").glob("*/*")):
            await asyncio.sleep(0.05)
    assert not [name for name, _ in browser.events if name == "generation:completed"]


async def test_jobs_of_somebody_else_do_not_exist(server: dawg.Dawg) -> None:
    _, accepted = await server.json("POST", "/api/generate/beat", json=BEAT)
    job = accepted["jobId"]
    for method, path in (("GET", "status"), ("GET", "result"), ("POST", "cancel")):
        status, body = await server.json(method, f"/api/generate/{path}/{job}", user="eve")
        assert (status, body["code"]) == (404, "not_found")
    _, listed = await server.json("GET", "/api/generate", user="eve")
    assert (listed["jobs"], listed["total"]) == ([], 0)
    _, stats = await server.json("GET", "/api/generate/queue/stats", user="eve")
    assert stats["stats"]["total"] == 0


WRONG = (
    ({"genre": "constructor"}, "genre"),
    ({"genre": None}, "genre"),
    ({"genre": 5}, "genre"),
    ({"bpm": 59}, "bpm"),
    ({"bpm": 201}, "bpm"),
    ({"bpm": "140"}, "bpm"),
    ({"bpm": True}, "bpm"),
    ({"key": "H minor"}, "key"),
    ({"key": "C dorian"}, "key"),
    ({"key": ["C"]}, "key"),
    ({"duration": 4}, "duration"),
    ({"duration": 301}, "duration"),
    ({"bars": 0}, "bars"),
    ({"bars": 129}, "bars"),
    ({"bars": 1.5}, "bars"),
    ({"bars": 128, "bpm": 100}, "bars"),
    ({"ending": "no"}, "ending"),
    ({"mood": "x" * 61}, "mood"),
    ({"prompt": "x" * 2001}, "prompt"),
    ({"prompt": {}}, "prompt"),
    ({"provider": "napster"}, "provider"),
    ({"seed": -1}, "seed"),
    ({"seed": 1.5}, "seed"),
    ({"projectId": "nope"}, "projectId"),
)


async def test_a_wrong_field_is_named(server: dawg.Dawg) -> None:
    for changes, field in WRONG:
        status, body = await server.json("POST", "/api/generate/beat", json=BEAT | changes)
        assert (status, body["code"], list(body["details"])) == (400, "validation_error", [field]), changes
        assert body["error"] == body["message"]
        assert body["requestId"]


async def test_aliases_and_loose_spellings_are_understood(server: dawg.Dawg) -> None:
    _, accepted = await server.json(
        "POST", "/api/v1/generate/beat", json={"genre": "Lo_Fi", "tempo": 80, "key": "e♭ Major"}
    )
    _, body = await server.json("POST", f"/api/generate/cancel/{accepted['jobId']}")
    _, body = await server.json("GET", f"/api/generate/status/{accepted['jobId']}")
    data = body["status"]["data"]
    assert (data["genre"], data["bpm"], data["key"], data["mood"], data["duration"]) == ("lo-fi", 80, "Eb", "chill", 30)
    assert "user" not in str(data).lower()


async def test_a_provider_without_a_key_is_refused_by_its_variable_and_never_replaced(server: dawg.Dawg) -> None:
    for provider, variable in (("replicate", "REPLICATE_API_KEY"), ("suno", "SUNO_API_KEY")):
        status, body = await server.json("POST", "/api/generate/beat", json=BEAT | {"provider": provider})
        assert (status, body["code"], body["details"]) == (503, "provider_unconfigured", {"env": [variable]})


async def test_a_repeated_request_with_an_idempotency_key_makes_one_job(server: dawg.Dawg) -> None:
    headers = {"Idempotency-Key": "take-1"}
    _, first = await server.json("POST", "/api/generate/beat", json=BEAT, headers=headers)
    async with server.http.post(
        server.url + "/api/generate/beat", json=BEAT, headers=headers | server.as_user("ada")
    ) as reply:
        assert reply.headers["Idempotency-Replayed"] == "true"
        assert (reply.status, await reply.json()) == (202, first)
    status, body = await server.json("POST", "/api/generate/beat", json=BEAT | {"bpm": 150}, headers=headers)
    assert (status, body["code"]) == (409, "idempotency_conflict")
    status, other = await server.json("POST", "/api/generate/beat", user="eve", json=BEAT, headers=headers)
    assert other["jobId"] != first["jobId"]


async def test_too_many_jobs_are_refused_with_the_limit(database_dsn: str, tmp_path: Path) -> None:
    limits = {"JOBS_PER_MINUTE": "6", "JOBS_WAITING_PER_USER": "3", "JOB_CONCURRENCY": "0"}
    async with dawg.running(database_dsn, tmp_path, **limits) as server:
        replies = [await server.json("POST", "/api/generate/beat", json=BEAT) for _ in range(7)]
        assert [status for status, _ in replies] == [202] * 3 + [429] * 4
        assert replies[3][1]["code"] == "queue_full"
        assert replies[6][1]["code"] == "rate_limited"
        assert replies[6][1]["details"]["limit"] == 6
        _, stats = await server.json("GET", "/api/generate/queue/stats")
        assert (stats["stats"]["waiting"], stats["queue"]["waiting"]) == (3, 3)
        _, listed = await server.json("GET", "/api/generate?state=waiting&limit=2")
        assert (len(listed["jobs"]), listed["total"], listed["totalPages"]) == (2, 3, 2)
        positions = [
            (await server.json("GET", f"/api/generate/status/{reply['jobId']}"))[1]["status"]["queuePosition"]
            for _, reply in replies[:3]
        ]
        assert positions == [0, 1, 2]


async def test_both_shapes_of_the_status_of_a_finished_job_which_cannot_be_cancelled(server: dawg.Dawg) -> None:
    _, accepted = await server.json("POST", "/api/generate/beat", json=BEAT | {"bpm": 90, "prompt": "drums only"})
    job = accepted["jobId"]
    nested = await server.finished(job)
    assert nested["status"]["status"] == nested["jobStatus"] == "completed"
    _, flat = await server.json("GET", f"/api/generate/status/{job}?shape=flat")
    assert (flat["status"], flat["state"], flat["progress"]) == ("completed", "completed", 100)
    result = flat["result"]
    assert [stem["type"] for stem in result["takes"][0]["stems"]] == ["drums"]
    assert (result["understood"], result["ignored"], result["requested"]["bpm"]) == (["only drums"], [], 90)
    assert any("90 bpm" in warning for warning in result["warnings"])  # unusual, and made
    status, body = await server.json("POST", f"/api/generate/cancel/{job}")
    assert (status, body["code"], body["details"]) == (409, "job_finished", {"state": "completed"})


async def test_a_repeated_request_that_waits_gets_the_result_too(server: dawg.Dawg) -> None:
    headers = {"Idempotency-Key": "take-and-wait"}
    path = "/api/generate/beat?wait=30"
    first = await server.json("POST", path, json=BEAT, headers=headers)
    assert first[0] == 200
    status, again = await server.json("POST", path, json=BEAT, headers=headers)
    assert (status, again["result"]["jobId"]) == (200, first[1]["result"]["jobId"])
