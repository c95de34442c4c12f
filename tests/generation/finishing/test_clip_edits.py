"""Edits of clips that need their samples, over the wire: what is heard before and after, and one step to undo."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
import soundfile

from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from tests.audio import signals
from tests.servers import dawg
from tests.servers.databases import TestDatabases

RATE = 44_100
INAUDIBLE = 10 ** (-80 / 20)
NOBODY = "00000000-0000-4000-8000-000000000000"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(test_databases: TestDatabases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dawg.Dawg]:
    """One for all tests of this module, whose workers are warm."""
    variables = {"JOBS_PER_MINUTE": "1000", "REQUESTS_PER_MINUTE": "100000", "UPLOADS_PER_MINUTE": "1000"}
    with test_databases.lent() as dsn:
        async with dawg.running(dsn, tmp_path_factory.mktemp("edits"), **variables) as running:
            yield running


async def post(server: dawg.Dawg, path: str, user: str = "ada", **fields: Any) -> dict[str, Any]:
    status, body = await server.json("POST", f"/api{path}", user, json=fields)
    assert status in (200, 201, 202), body
    return dict(body)


async def uploaded(server: dawg.Dawg, samples: np.ndarray) -> str:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    file.seek(0)
    form = aiohttp.FormData()
    form.add_field("audio", file, filename="take.wav", content_type="audio/wav")
    return str((await server.json("POST", "/api/audio/upload", data=form))[1]["id"])


async def song(server: dawg.Dawg, **track: Any) -> tuple[str, str]:
    """The ids of a project and its track."""
    project = await post(server, "/projects", name="Song", bpm=97)
    return project["id"], (await post(server, "/tracks", projectId=project["id"], name="Voice", **track))["id"]


async def read(server: dawg.Dawg, project_id: str) -> dict[str, Any]:
    """What people hear and see of a project."""
    project = (await server.json("GET", f"/api/projects/{project_id}"))[1]
    return {name: project[name] for name in ("tracks", "takes", "freezes", "bpm")}


async def edited(server: dawg.Dawg, path: str, **fields: Any) -> dict[str, Any]:
    """The result of a job that has changed its project without a warning."""
    ended = await server.finished((await post(server, path, **fields))["jobId"])
    assert ended["state"] == "completed", ended
    assert not ended["result"].get("warnings"), ended
    return dict(ended["result"])


async def heard(server: dawg.Dawg, project_id: str) -> np.ndarray:
    asked = await post(server, "/render/start", projectId=project_id, bitDepth=32, to=4)
    url = (await server.finished(asked["jobId"]))["result"]["downloadUrl"]
    async with server.http.get(url) as reply:
        return soundfile.read(io.BytesIO(await reply.read()), always_2d=True)[0]


async def check_alike(server: dawg.Dawg, project_id: str, path: str, **fields: Any) -> list[dict[str, Any]]:
    """An edit that nobody hears, and that one undo takes back; the clips of the first track between them."""
    document, before = await read(server, project_id), await heard(server, project_id)
    assert np.abs(before).max() > 0.01
    await edited(server, path, **fields)
    after = await heard(server, project_id)
    assert np.abs(after - before).max() < INAUDIBLE
    changed = await read(server, project_id)
    await post(server, f"/projects/{project_id}/undo")
    back = await read(server, project_id)
    assert _without_times(back) == _without_times(document)
    return list(changed["tracks"][0]["clips"])


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(each) for name, each in value.items() if name not in ("updatedAt", "createdAt")}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


async def test_a_track_with_devices_and_automation_is_bounced_in_place(server: dawg.Dawg) -> None:
    project_id, track_id = await song(server, pan=0.3, volume=0.6)
    for seed, start in ((1, 0.137), (2, 1.1)):
        audio_id = await uploaded(server, signals.music(RATE, 1.0, seed=seed) * np.float32(0.3))
        await post(server, "/clips", trackId=track_id, audioFileId=audio_id, startTime=start, fadeIn=0.1, gain=-3)
    await post(server, "/devices", trackId=track_id, type="compressor")
    delay = await post(server, "/devices", trackId=track_id, type="delay")
    points = [{"beat": 0, "value": 0.2}, {"beat": 3, "value": 0.9}]
    where = {"projectId": project_id, "trackId": track_id}
    await post(server, "/automations", **where, target="volume", points=points)
    await post(server, "/automations", **where, target="device", deviceId=delay["id"], parameter="mix", points=points)
    assert len(await check_alike(server, project_id, f"/tracks/{track_id}/freeze")) == 2
    (clip,) = await check_alike(server, project_id, f"/tracks/{track_id}/bounce")
    assert clip["startTime"] == pytest.approx(0.137)
    assert clip["duration"] > 2.0  # the delay sounds on
    for part in ({"from": 1.5}, {"to": 0.5}):
        status, body = await server.json("POST", f"/api/tracks/{track_id}/bounce", json=part)
        assert (status, body["code"]) == (400, "validation_error"), body


async def test_a_frozen_track_plays_its_recording_until_it_would_sound_otherwise(server: dawg.Dawg) -> None:
    project_id, track_id = await song(server, volume=0.5)
    audio_id = await uploaded(server, signals.music(RATE, 1.0, seed=1) * np.float32(0.3))
    clip = (await post(server, "/clips", trackId=track_id, audioFileId=audio_id, startTime=0.5))["clip"]
    device = (await post(server, "/devices", trackId=track_id, type="saturation"))["device"]
    await edited(server, f"/tracks/{track_id}/freeze")
    (freeze,) = (await read(server, project_id))["freezes"]
    status, body = await server.json("POST", f"/api/tracks/{track_id}/freeze", json={})
    assert (status, "frozen already" in body["error"]) == (409, True), body
    status, body = await server.json("DELETE", f"/api/audio/{freeze['audioFileId']}")
    assert status == 409, body

    async def left(method: str, path: str, **fields: Any) -> bool:
        """Whether it is frozen after a step, and whether undo gives all of it back."""
        document = await read(server, project_id)
        status, body = await server.json(method, f"/api{path}", json=fields)
        assert status in (200, 201), body
        found = (await read(server, project_id))["freezes"] != []
        await post(server, f"/projects/{project_id}/undo")
        assert _without_times(await read(server, project_id)) == _without_times(document)
        return found

    # What is not in the recording stays free; what is ends the freeze, in the same step.
    point = {"trackId": track_id, "target": "volume", "points": [{"beat": 0, "value": 1}]}
    assert await left("PATCH", f"/tracks/{track_id}", volume=0.25, name="Other")
    assert await left("PATCH", f"/clips/{clip['id']}", name="Other", color="#112233")
    assert await left("POST", "/automations", **point)
    assert not await left("PATCH", f"/clips/{clip['id']}", gain=-6)
    assert not await left("DELETE", f"/clips/{clip['id']}")
    assert not await left("PATCH", f"/devices/{device['id']}", bypassed=True)
    assert not await left("PATCH", f"/projects/{project_id}", bpm=120)
    assert not await left("DELETE", f"/freezes/{freeze['id']}")
    # What a person records of it elsewhere is played as well, by renders.
    await server.json("DELETE", f"/api/freezes/{freeze['id']}")
    flat = await uploaded(server, np.full((RATE, 1), 0.5, np.float32))
    await post(server, "/freezes", trackId=track_id, audioFileId=flat, startTime=2)
    sound = (await heard(server, project_id))[:, 0]
    assert np.abs(sound[: 2 * RATE - 10]).max() < INAUDIBLE
    assert sound[2 * RATE + 1000 : 3 * RATE - 1000] == pytest.approx(0.25 / np.sqrt(2), abs=0.08)
    archive = f"{server.url}/api/projects/{project_id}/export"
    async with server.http.get(archive, headers=server.as_user("ada")) as reply:
        form = aiohttp.FormData()
        form.add_field("file", io.BytesIO(await reply.read()), filename="song.zip")
    copy = (await server.json("POST", "/api/projects/import", data=form))[1]
    (frozen,) = copy["freezes"]
    assert frozen["soundDigest"] != (await read(server, project_id))["freezes"][0]["soundDigest"]
    (track,) = copy["tracks"]
    await server.json("PATCH", f"/api/clips/{track['clips'][0]['id']}", json={"color": "#112233"})
    assert len((await read(server, copy["id"]))["freezes"]) == 1


async def test_a_track_of_notes_becomes_audio(server: dawg.Dawg) -> None:
    project_id, track_id = await song(server, trackType="MIDI", instrument="grand piano")
    notes = [{"pitch": 60 + n, "start": n, "duration": 1, "velocity": 100} for n in range(3)]
    await post(server, "/clips", trackId=track_id, midiData={"notes": notes}, startBeat=1, lengthBeats=3)
    await post(server, "/devices", trackId=track_id, type="saturation")
    (clip,) = await check_alike(server, project_id, f"/tracks/{track_id}/bounce")
    assert clip["midiData"] is None
    assert clip["audioFileId"]


async def test_clips_of_several_recordings_are_glued(server: dawg.Dawg) -> None:
    project_id, track_id = await song(server, volume=0.7)
    clips = []
    for seed, start in ((1, 0.0), (2, 0.6), (3, 2.3)):
        audio_id = await uploaded(server, signals.music(RATE, 1.0, seed=seed) * np.float32(0.3))
        clip = {"trackId": track_id, "audioFileId": audio_id, "startTime": start, "fadeOut": 0.3, "offset": 0.1}
        clips.append((await post(server, "/clips", **clip))["id"])
    await post(server, "/devices", trackId=track_id, type="reverb")
    glued, other = await check_alike(server, project_id, "/clips/glue-audio", clipIds=clips[:2])
    assert glued["duration"] == pytest.approx(1.5, abs=1e-4)
    assert other["id"] == clips[2] or glued["id"] == clips[2]


async def test_a_clip_is_reversed_and_reversed_back(server: dawg.Dawg) -> None:
    project_id, track_id = await song(server, volume=1.0)
    sound = signals.music(RATE, 2.0) * np.float32(0.3)
    clip = {"trackId": track_id, "audioFileId": await uploaded(server, sound), "startTime": 0.5}
    clip_id = (await post(server, "/clips", **clip, offset=0.25, duration=1.0))["id"]
    before = await heard(server, project_id)
    await edited(server, f"/clips/{clip_id}/reverse")
    after = await heard(server, project_id)
    part = slice(RATE // 2, 3 * RATE // 2)
    assert np.abs(after[part] - before[part][::-1]).max() < INAUDIBLE
    (track,) = (await read(server, project_id))["tracks"]
    assert (track["clips"][0]["offset"], track["clips"][0]["duration"]) == (pytest.approx(0.75), pytest.approx(1.0))
    await edited(server, f"/clips/{clip_id}/reverse")
    assert np.abs(await heard(server, project_id) - before).max() < INAUDIBLE


async def test_a_clip_is_normalised_by_its_gain(server: dawg.Dawg) -> None:
    project_id, track_id = await song(server, volume=1.0)
    wave = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)[:, None] * np.float32(0.1)
    audio_id = await uploaded(server, wave)
    clip_id = (await post(server, "/clips", trackId=track_id, audioFileId=audio_id, startTime=0, gain=5))["id"]
    for asked, gain in (({}, 19), ({"peakDb": -6}, 14), ({"lufs": -18}, 2.7)):
        result = await edited(server, f"/clips/{clip_id}/normalize", **asked)
        (track,) = (await read(server, project_id))["tracks"]
        assert track["clips"][0]["gain"] == pytest.approx(gain, abs=0.6 if "lufs" in asked else 0.05)
        assert track["clips"][0]["audioFileId"] == audio_id
        assert result["edited"][0]["measured"]["truePeak"] == pytest.approx(-20, abs=0.05)
    silent = await uploaded(server, wave * 0)
    clip_id = (await post(server, "/clips", trackId=track_id, audioFileId=silent, startTime=3))["id"]
    ended = await server.finished((await post(server, f"/clips/{clip_id}/normalize"))["jobId"])
    assert (ended["state"], ended["error"]) == ("failed", "These clips are silent."), ended


async def test_what_cannot_be_edited_is_refused_before_there_is_a_job(server: dawg.Dawg) -> None:
    _, track_id = await song(server, trackType="MIDI")
    notes = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 100}]}
    clip_id = (await post(server, "/clips", trackId=track_id, midiData=notes, startBeat=0))["id"]
    routes = [(f"/clips/{clip_id}/{verb}", {}) for verb in ("reverse", "normalize")]
    routes += [("/clips/glue-audio", {"clipIds": [clip_id]})]
    for path, fields in routes:
        status, body = await server.json("POST", f"/api{path}", json=fields)
        assert (status, body["code"]) == (409, "no_audio"), (path, body)
    routes += [(f"/tracks/{track_id}/bounce", {})]
    unknown = [(f"/clips/{id}/reverse", {}) for id in (NOBODY, "x")] + [
        (f"/tracks/{id}/bounce", {}) for id in (NOBODY, "x")
    ]
    for path, fields, user in [*((*each, "eve") for each in routes), *((*each, "ada") for each in unknown)]:
        status, body = await server.json("POST", f"/api{path}", user, json=fields)
        assert status == 404, (path, body)


async def test_a_key_asks_once_and_what_was_edited_meanwhile_is_not_overwritten(server: dawg.Dawg) -> None:
    project_id, track_id = await song(server)
    audio_id = await uploaded(server, signals.music(RATE, 1.0))
    clip_id = (await post(server, "/clips", trackId=track_id, audioFileId=audio_id, startTime=0))["id"]
    path, headers = f"/api/tracks/{track_id}/bounce", {"Idempotency-Key": "bounce-once"}
    moved = Command("updateClip", {"clipId": clip_id, "changes": {"startTime": 2}})
    document = server.services.documents.document
    async with document.editing(project_id, Actor("ada", "rest")) as editing, asyncio.timeout(30):
        await editing.execute([moved])  # the job reads the project as it was, and waits to change it
        first, again = [(await server.json("POST", path, json={}, headers=headers))[1]["jobId"] for _ in range(2)]
        assert first == again
        while (await server.json("GET", f"/api/generate/status/{first}"))[1]["status"]["stage"] != "storing":
            await asyncio.sleep(0.01)
    result = (await server.finished(first))["result"]
    assert "could not be put into the project" in result["warnings"][0]
    (clip,) = (await read(server, project_id))["tracks"][0]["clips"]
    assert (clip["id"], clip["startTime"]) == (clip_id, 2)
