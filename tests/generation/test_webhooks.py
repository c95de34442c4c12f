"""Calls from Replicate and from the gateway to Suno: genuine ones hurry a job up, all others change nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server.generation.providers.polling import Patience
from tests.generation import outside
from tests.servers import dawg
from tests.simulators import replicate, suno

BEAT = {"genre": "trap", "duration": 5, "provider": "replicate"}
SONG = {"prompt": "a slow sunrise", "provider": "suno"}
NEVER = Patience(lost=1.0, first=60.0, longest=60.0)  # seconds: without a call the job would not go on in time


@pytest.fixture
async def music() -> AsyncIterator[replicate.ReplicateSimulator]:
    async with replicate.ReplicateSimulator(token=outside.REPLICATE_KEY) as running:
        yield running


@pytest.fixture
async def songs() -> AsyncIterator[suno.SunoSimulator]:
    async with suno.SunoSimulator(key=outside.SUNO_KEY) as running:
        yield running


@pytest.fixture
async def server(
    music: replicate.ReplicateSimulator, songs: suno.SunoSimulator, database_dsn: str, tmp_path: Path
) -> AsyncIterator[dawg.Dawg]:
    async with outside.server(database_dsn, tmp_path, music=music, songs=songs, called_back=True) as running:
        for name in ("replicate", "suno"):
            provider: Any = running.services.jobs.providers.by_name[name]
            provider.patience = NEVER
        yield running


async def held(server: dawg.Dawg, music: replicate.ReplicateSimulator) -> tuple[str, replicate.Prediction]:
    """A job whose prediction has been read once, and is read again only when a call comes."""
    music.plan(outside.output(), hold=True, webhooks=False)
    job = await outside.ask(server, "beat", BEAT)
    prediction = await outside.until(lambda: next((p for p in music.predictions if p.reads), None))
    return job, prediction


async def test_a_signed_call_is_a_reason_to_read_the_prediction_again(
    music: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    job, prediction = await held(server, music)
    assert prediction.body["webhook"] == f"{server.url}/api/webhooks/replicate?job={job}"
    music.start(prediction)
    music.finish(prediction)
    assert (await music.deliver(prediction)).status == 200
    assert (await server.finished(job, seconds=15))["state"] == "completed"


async def test_what_a_call_says_is_not_believed(music: replicate.ReplicateSimulator, server: dawg.Dawg) -> None:
    job, prediction = await held(server, music)
    lie = json.dumps({**prediction.as_json(music.base_url), "status": "succeeded", "output": "https://evil/x.wav"})
    assert (await music.deliver(prediction, body=lie.encode())).status == 200
    await outside.until(lambda: prediction.reads == 2)
    _, body = await server.json("GET", f"/api/generate/status/{job}")
    assert body["state"] == "active"


async def test_forged_old_and_repeated_calls_change_nothing(
    music: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    job, prediction = await held(server, music)
    assert (await music.deliver(prediction, forged=True)).status == 401
    assert (await music.deliver(prediction, age_seconds=301)).status == 401
    assert (await music.deliver(prediction, age_seconds=-302)).status == 401
    good = await music.deliver(prediction, webhook_id="msg_first")
    assert good.status == 200
    await outside.until(lambda: prediction.reads == 2)
    tampered = good.headers | {"webhook-id": "msg_other"}
    assert await music.post(good.url, good.body, tampered) == 401
    assert await music.post(good.url, good.body + b" ", good.headers) == 401
    assert (await music.deliver(prediction, webhook_id="msg_first")).status == 200
    await asyncio.sleep(0.3)
    assert prediction.reads == 2
    assert (await music.deliver(prediction, webhook_id="msg_second")).status == 200
    await outside.until(lambda: prediction.reads == 3)
    await server.json("POST", f"/api/generate/cancel/{job}")


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_call_without_all_of_its_headers_is_refused(
    music: replicate.ReplicateSimulator, server: dawg.Dawg, missing: str
) -> None:
    job, prediction = await held(server, music)
    good = await music.deliver(prediction, event="logs")
    for value in (None, "", "x" * 5000, "v1,é", "v1,", "-1"):
        headers = {name: text for name, text in good.headers.items() if name != missing}
        headers |= {missing: value} if value is not None else {}
        assert await music.post(good.url, good.body, headers) == 401, value
    await server.json("POST", f"/api/generate/cancel/{job}")


async def test_malformed_late_and_stray_calls_are_harmless(
    music: replicate.ReplicateSimulator, server: dawg.Dawg
) -> None:
    job, prediction = await held(server, music)
    for body in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe"):
        assert (await music.deliver(prediction, body=body)).status == 400, body
    for body in (b"{}", b'{"id": 5}', b'{"id": null}'):
        assert (await music.deliver(prediction, body=body)).status == 200, body
    for stray in ("", "?job=", "?job=nope", "?job=00000000-0000-4000-8000-000000000000"):
        prediction.body["webhook"] = f"{server.url}/api/webhooks/replicate{stray}"
        assert (await music.deliver(prediction)).status == 200, stray
    prediction.body["webhook"] = f"{server.url}/api/webhooks/replicate?job={job}"
    await server.json("POST", f"/api/generate/cancel/{job}")
    assert (await music.deliver(prediction)).status == 200
    _, body = await server.json("GET", f"/api/generate/status/{job}")
    assert body["state"] == "cancelled"


async def test_without_a_key_nobody_is_called_from_replicate(database_dsn: str, tmp_path: Path) -> None:
    async with outside.server(database_dsn, tmp_path) as server:
        status, body = await server.json("POST", "/api/webhooks/replicate", json={"id": "x"})
        assert (status, body["code"]) == (404, "not_found")


async def test_a_call_to_a_songs_secret_address_is_a_reason_to_look(
    songs: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    songs.plan(outside.song(), outside.song(), hold=True, durations=(5.0, 5.0))
    job = await outside.ask(server, "music", SONG)
    task = await outside.until(lambda: next((t for t in songs.tasks if t.reads), None))
    assert task.body["callBackUrl"].startswith(f"{server.url}/api/webhooks/suno/{job}/")
    await songs.call_back(task, "complete", songs=[{"audio_url": "https://evil/x.mp3", "id": "x"}])
    await outside.until(lambda: task.reads == 2)
    _, body = await server.json("GET", f"/api/generate/status/{job}")
    assert body["state"] == "active"
    task.plan.callbacks = False
    await songs.move(task, "SUCCESS")
    assert (await songs.call_back(task)).status == 200
    assert (await server.finished(job, seconds=15))["state"] == "completed"
    assert (await songs.call_back(task)).status == 200


async def test_a_wrong_secret_is_refused_and_another_jobs_task_is_not_taken(
    songs: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    songs.plan(outside.song(), outside.song(), hold=True)
    job = await outside.ask(server, "music", SONG)
    task = await outside.until(lambda: next((t for t in songs.tasks if t.reads), None))
    url = task.body["callBackUrl"]
    for wrong in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace(job, "0" * 8 + job[8:])):
        assert (await songs.call_back(task, url=wrong)).status == 401
    for body in (b"", b"{", b"[]", b"null"):
        assert (await songs.call_back(task, body=body)).status == 400
    for body in (b"{}", b'{"data": null}', b'{"data": {"task_id": 7}}', b'{"data": []}'):
        assert (await songs.call_back(task, body=body)).status == 200
    assert task.reads == 1

    songs.plan(create="cut when made", callbacks=False, hold=True)
    lost = await outside.ask(server, "music", SONG)
    made = await outside.until(lambda: songs.tasks[1] if len(songs.tasks) == 2 else None)
    songs.plan(callbacks=False, hold=True)
    order = {name: value for name, value in made.body.items() if name != "callBackUrl"}
    headers = {"Authorization": f"Bearer {outside.SUNO_KEY}"}
    url = f"{songs.base_url}/api/v1/generate"
    async with server.http.post(url, json=order | {"callBackUrl": "https://elsewhere/"}, headers=headers) as reply:
        of_another = (await reply.json())["data"]["taskId"]
    assert (await songs.call_back(made, task_id=of_another)).status == 200
    ended = await server.finished(lost, seconds=15)
    assert (ended["state"], ended["status"]["attemptsMade"]) == ("failed", 1)
    assert "was not asked again" in ended["error"]
    await server.json("POST", f"/api/generate/cancel/{job}")
