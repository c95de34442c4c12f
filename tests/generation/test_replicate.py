"""Instrumentals from Replicate, against its simulator and through the whole server."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.generation import outside
from tests.javascript.client import JavaScript
from tests.servers import dawg
from tests.simulators import replicate

BEAT = {
    "genre": "trap",
    "bpm": 120,
    "key": "F minor",
    "mood": "menacing",
    "prompt": "a lonely flute",
    "duration": 5,
    "seed": 7,
    "provider": "replicate",
}


@pytest.fixture
async def service() -> AsyncIterator[replicate.ReplicateSimulator]:
    async with replicate.ReplicateSimulator(token=outside.REPLICATE_KEY) as running:
        yield running


@pytest.fixture
async def server(service: replicate.ReplicateSimulator, database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with outside.server(database_dsn, tmp_path, music=service) as running:
        yield running


async def test_a_beat_is_bought_copied_measured_and_booked_once(
    service: replicate.ReplicateSimulator, server: dawg.Dawg, javascript: JavaScript
) -> None:
    browser = await javascript.connect(server.url, auth={"userId": "ada"})
    file = outside.output()
    service.plan(file, progress=[20, 60, 90], predict_seconds=30)
    job = await outside.made(server, "beat", BEAT)
    assert job["state"] == "completed", job
    asked = service.predictions[0].input
    for word in ("trap", "menacing", "120 bpm", "F minor", "a lonely flute"):
        assert word in asked["prompt"]
    assert (asked["duration"], asked["seed"]) == (5, 7)
    take = job["result"]["takes"][0]
    assert (take["provider"], take["format"], take["sampleRate"], take["channels"]) == ("replicate", "wav", 32000, 2)
    assert take["duration"] == pytest.approx(5, abs=0.01)
    assert take["bpm"] == pytest.approx(120, abs=1)
    assert -40 < take["lufs"] < -5 and take["truePeak"] < 1
    assert job["result"]["warnings"] == [w for w in job["result"]["warnings"] if "usual for trap" in w]
    async with server.http.get(take["audioUrl"]) as reply:
        assert soundfile.info(io.BytesIO(await reply.read())).frames == 5 * outside.RATE
    assert service.base_url not in str(job["result"])
    assert "authorization" not in file.downloads[0]
    rows = await outside.booked(server, job["jobId"])
    assert [(row["service"], row["request_id"]) for row in rows] == [
        ("replicate", f"replicate:{service.predictions[0].id}")
    ]
    assert rows[0]["units"] == pytest.approx(service.predictions[0].predict_seconds)
    assert rows[0]["total_cost"] > 0 and rows[0]["priced"]
    cost = await server.services.platform.database.fetch_value(
        "SELECT cost FROM generations WHERE id = %s", (job["jobId"],)
    )
    assert cost == rows[0]["total_cost"]
    assert len(service.predictions) == 1
    await browser.wait_for("generation:completed", timeout=10)
    news = [args[0] for name, args in browser.events if name == "generation:progress"]
    assert [each["percent"] for each in news] == sorted(each["percent"] for each in news)
    stages = list(dict.fromkeys(each["stage"] for each in news))
    assert stages == ["preparing", "submitting", "generating", "downloading", "analyzing", "storing", "complete"]


async def test_a_longer_beat_is_made_at_thirty_seconds_and_says_so(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    service.plan(outside.output(30.0))
    job = await outside.made(server, "beat", BEAT | {"duration": 90})
    assert service.predictions[0].input["duration"] == 30
    assert any("90 s" in warning and "30 s" in warning for warning in job["result"]["warnings"])
    assert job["result"]["requested"]["duration"] == 90


async def test_what_differs_from_the_request_is_told(service: replicate.ReplicateSimulator, server: dawg.Dawg) -> None:
    service.plan(outside.output(8.0, bpm=100))
    service.plan(outside.output(5.0, bpm=75))
    job = await outside.made(server, "beat", BEAT | {"bpm": 150})
    assert [w for w in job["result"]["warnings"] if "5 s were asked" in w and "8.0 s" in w]
    assert [w for w in job["result"]["warnings"] if "150 bpm were asked" in w]
    job = await outside.made(server, "beat", BEAT | {"bpm": 150})
    assert job["result"]["warnings"] == []  # half time is the same tempo


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (replicate.no_credit(), "insufficient credit"),
        (replicate.unauthorized(), "valid authentication token"),
        (replicate.invalid("- input.duration: Must be less than 31"), "less than 31"),
    ],
)
async def test_a_refusal_fails_at_once_with_the_reason_and_costs_nothing(
    service: replicate.ReplicateSimulator, server: dawg.Dawg, refusal: replicate.Refusal, words: str
) -> None:
    service.plan(create=refusal)
    job = await outside.made(server, "beat", BEAT)
    assert (job["state"], job["status"]["errorCode"], job["status"]["attemptsMade"]) == ("failed", "provider_failed", 1)
    assert words in job["error"]
    assert len(service.creations) == 1
    assert await outside.ledger(server, job["jobId"]) == []


async def test_storms_of_errors_are_waited_out_and_nothing_is_bought_twice(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    service.plan(create=replicate.throttled())
    service.plan(outside.output(), reads=[replicate.broken(500), replicate.broken(502), "cut", replicate.broken(500)])
    job = await outside.made(server, "beat", BEAT)
    assert (job["state"], job["status"]["attemptsMade"]) == ("completed", 2)
    assert (len(service.creations), len(service.predictions)) == (2, 1)


async def test_a_purchase_whose_answer_got_lost_is_found_or_known_not_to_exist(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    provider: Any = server.services.jobs.providers.by_name["replicate"]
    provider.api.create_seconds = 0.5
    jobs = []
    for fault in ("cut when made", "hang when made", "cut", replicate.broken(502)):
        service.plan(outside.output(), create=fault)
        jobs.append(await outside.ask(server, "beat", BEAT | {"seed": len(jobs)}))
        await outside.until(lambda: not service.unused)
    for _ in range(2):
        service.plan(outside.output())
    for job in jobs:
        assert (await server.finished(job))["state"] == "completed"
        assert len(await outside.booked(server, job)) == 1
    assert (len(service.creations), len(service.predictions)) == (6, 4)


async def test_progress_is_read_from_the_bars_in_the_logs(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    service.plan(outside.output(), hold=True)
    job = await outside.ask(server, "beat", BEAT)
    prediction = await outside.until(lambda: next((p for p in service.predictions if p.reads), None))
    service.start(prediction)
    seen = []
    for percent in (50, 100):
        prediction.show_progress(percent)
        reads = prediction.reads
        await outside.until(lambda reads=reads: prediction.reads > reads + 25)  # more than a second
        seen.append((await server.json("GET", f"/api/generate/status/{job}"))[1]["progress"])
    assert 30 <= seen[0] <= 40 and 63 <= seen[1] <= 70
    service.finish(prediction)
    assert (await server.finished(job))["progress"] == 100


async def test_two_lost_purchases_with_the_same_words_are_told_apart(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    for _ in range(2):
        service.plan(outside.output(), create="cut when made")
    jobs = await asyncio.gather(*(outside.made(server, "beat", BEAT, user) for user in ("ada", "eve")))
    assert [job["state"] for job in jobs] == ["completed", "completed"]
    assert len(service.predictions) == 2
    rows = await server.services.platform.database.fetch_all("SELECT owner_id, request_id FROM usage_records")
    assert {row["owner_id"] for row in rows} == {"ada", "eve"}
    assert len({row["request_id"] for row in rows}) == 2


async def test_a_failed_prediction_is_told_in_its_own_words_and_booked(
    service: replicate.ReplicateSimulator, server: dawg.Dawg, javascript: JavaScript
) -> None:
    browser = await javascript.connect(server.url, auth={"userId": "ada"})
    service.plan(status="failed", error="CUDA out of memory", predict_seconds=9)
    service.plan(status="failed", error="NSFW content detected")
    job = await outside.made(server, "beat", BEAT)
    assert (job["state"], job["status"]["attemptsMade"]) == ("failed", 1)
    assert "CUDA out of memory" in job["error"]
    rows = await outside.booked(server, job["jobId"])
    assert rows[0]["units"] == pytest.approx(9, rel=0.5)
    assert rows[0]["metadata"]["status"] == "failed"
    await browser.wait_for("generation:failed", timeout=10)
    told = [args[0] for name, args in browser.events if name == "generation:failed"]
    assert [(each["jobId"], each["code"], each["retryable"]) for each in told] == [
        (job["jobId"], "provider_failed", False)
    ]
    job = await outside.made(server, "beat", BEAT)
    assert job["status"]["errorCode"] == "content_refused"


async def test_an_aborted_prediction_cost_nothing_and_is_asked_for_again(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    service.plan(status="aborted")
    service.plan(outside.output())
    job = await outside.made(server, "beat", BEAT)
    assert job["state"] == "completed", job
    rows = await outside.booked(server, job["jobId"], 2)
    assert [row["units"] > 0 for row in rows] == [False, True]


async def test_a_prediction_that_was_cancelled_there_fails_and_is_booked(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    service.plan(status="canceled", predict_seconds=4)
    job = await outside.made(server, "beat", BEAT)
    assert (job["state"], job["status"]["attemptsMade"]) == ("failed", 1)
    assert (await outside.booked(server, job["jobId"]))[0]["units"] > 0


async def test_cancelling_reaches_replicate_and_what_ran_is_booked(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    service.plan(predict_seconds=36_000, cancels=["cut"])
    job = await outside.ask(server, "beat", BEAT)
    prediction = await outside.until(lambda: next((p for p in service.predictions if p.reads), None))
    status, _ = await server.json("POST", f"/api/generate/cancel/{job}")
    assert status == 200
    await prediction.over()
    assert (prediction.status, prediction.cancels) == ("canceled", 2)
    rows = await outside.booked(server, job)
    assert rows[0]["units"] == pytest.approx(prediction.predict_seconds)


async def test_a_job_cancelled_while_the_purchase_is_under_way_cancels_what_was_bought(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    provider: Any = server.services.jobs.providers.by_name["replicate"]
    provider.api.create_seconds = 1.0
    service.plan(predict_seconds=36_000, create="hang when made")
    job = await outside.ask(server, "beat", BEAT)
    await outside.until(lambda: service.creations)
    await server.json("POST", f"/api/generate/cancel/{job}")
    assert service.predictions[0].cancels == 0  # its id is still unknown here
    assert (await service.predictions[0].over()).status == "canceled"
    assert len(await outside.booked(server, job)) == 1


async def test_a_job_cancelled_between_two_attempts_is_settled_later(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    service.plan(predict_seconds=36_000, reads=[replicate.broken()] * 5)
    job = await outside.ask(server, "beat", BEAT)
    prediction = await outside.until(lambda: next((p for p in service.predictions if p.reads >= 5), None))
    async with asyncio.timeout(5):
        while (await server.json("GET", f"/api/generate/status/{job}"))[1]["state"] != "waiting":
            await asyncio.sleep(0.02)
    await server.json("POST", f"/api/generate/cancel/{job}")
    await server.services.jobs.reconciler.sweep(ended_for=0.0)
    assert prediction.status == "canceled"
    assert len(await outside.booked(server, job)) == 1


async def test_a_budget_that_is_used_up_does_not_withhold_what_was_bought(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    service.plan(outside.output(), reads=[replicate.broken()] * 5)
    job = await outside.ask(server, "beat", BEAT)
    await outside.until(lambda: service.predictions and service.predictions[0].reads >= 5)
    await server.services.platform.database.execute(
        """INSERT INTO budgets (user_id, daily_limit, pause_on_exceed) VALUES ('ada', 0, true)
           ON CONFLICT (user_id) DO UPDATE SET daily_limit = 0, pause_on_exceed = true"""
    )
    ended = await server.finished(job)
    assert (ended["state"], ended["status"]["attemptsMade"]) == ("completed", 2)


async def test_only_the_copy_is_repeated_when_a_file_is_cut_off(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    cut = outside.output(cut_after=40_000, cuts=2)
    service.plan(cut)
    job = await outside.made(server, "beat", BEAT)
    assert (job["state"], job["status"]["attemptsMade"], len(cut.downloads)) == ("completed", 1, 3)
    assert len(service.predictions) == 1


async def test_a_service_that_hangs_or_sends_something_else_is_given_up_without_a_second_purchase(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    provider: Any = server.services.jobs.providers.by_name["replicate"]
    provider.api.answer_seconds, provider.patience = 0.2, replace(provider.patience, failures=2)
    page = replicate.File(b"<html>not found</html>" * 99, "out.wav", "audio/wav")
    service.plan(page)
    wrong = await outside.ask(server, "beat", BEAT)
    await outside.until(lambda: service.predictions)
    service.plan(outside.output(), reads=["hang"] * 100)
    hanging = await outside.ask(server, "beat", BEAT)
    ended = await server.finished(wrong)
    assert (ended["state"], ended["status"]["attemptsMade"], len(page.downloads)) == ("failed", 3, 9)
    assert "cannot be read as audio" in ended["error"]
    ended = await server.finished(hanging)
    assert (ended["status"]["errorCode"], ended["status"]["attemptsMade"]) == ("provider_timeout", 3)
    assert [prediction.reads >= 3 for prediction in service.predictions] == [True, True]
    assert len(await outside.booked(server, wrong)) == 1
    await server.services.jobs.reconciler.sweep(ended_for=0.0)
    assert await outside.ledger(server, hanging) == []  # nothing can be known, so nothing is invented


async def test_files_that_are_gone_fail_for_good(service: replicate.ReplicateSimulator, server: dawg.Dawg) -> None:
    service.plan(outside.output(status=404))
    job = await outside.made(server, "beat", BEAT)
    assert (job["state"], job["status"]["attemptsMade"]) == ("failed", 1)
    assert "404" in job["error"]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:1/x.wav",
        "http://example.com/x.wav",
        "https://localhost/x.wav",
        "file:///etc/passwd",
        "https://[::ffff:10.0.0.1]/x.wav",
    ],
)
async def test_files_are_fetched_from_public_https_addresses_only(
    service: replicate.ReplicateSimulator, server: dawg.Dawg, url: str
) -> None:
    service.plan(url)
    job = await outside.made(server, "beat", BEAT)
    assert (job["state"], job["status"]["errorCode"], job["status"]["attemptsMade"]) == ("failed", "provider_failed", 1)
    assert "address" in job["error"]


async def test_a_budget_is_held_before_and_refused_with_429(
    service: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    await server.json("GET", "/api/generate")
    await server.services.platform.database.execute(
        "INSERT INTO budgets (user_id, daily_limit, pause_on_exceed) VALUES ('ada', 0.05, true)"
    )
    status, body = await server.json("POST", "/api/generate/beat", json=BEAT | {"duration": 30})
    assert (status, body["code"]) == (429, "budget_exceeded")
    assert service.creations == []
    _, listed = await server.json("GET", "/api/generate")
    assert listed["total"] == 0
    open_ones = await server.services.platform.database.fetch_value(
        "SELECT count(*) FROM budget_reservations WHERE settled_at IS NULL"
    )
    assert open_ones == 0
