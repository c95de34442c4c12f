"""Stems, masters and renders by REST: real files whose measured length and loudness match what is said of them."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pyloudnorm
import pytest
import soundfile

from tests.audio import signals
from tests.servers import dawg

RATE = 44_100


@pytest.fixture
async def server(database_dsn: str, scratch_folder: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, scratch_folder) as running:
        yield running


def wav(samples: np.ndarray) -> io.BytesIO:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    file.seek(0)
    return file


async def uploaded(server: dawg.Dawg, samples: np.ndarray, project_id: str | None = None, user: str = "ada") -> str:
    form = aiohttp.FormData()
    form.add_field("audio", wav(samples), filename="song.wav", content_type="audio/wav")
    if project_id:
        form.add_field("projectId", project_id)
    status, body = await server.json("POST", "/api/audio/upload", user, data=form)
    assert status == 201, body
    return str(body["id"])


async def project_with(server: dawg.Dawg, *clips: tuple[dict[str, Any], dict[str, Any]]) -> tuple[str, list[str]]:
    """A project of ada's with a track for each (fields of the track, fields of its clip)."""
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    ids = []
    for track, clip in clips:
        parameters = {"projectId": project["id"], "name": "Track", "volume": 1.0, **track}
        status, made = await server.json("POST", "/api/tracks", json=parameters)
        assert status == 201, made
        ids.append(made["id"])
        status, body = await server.json("POST", "/api/clips", json={"trackId": made["id"], "startTime": 0, **clip})
        assert status == 201, body
    return project["id"], ids


async def done(server: dawg.Dawg, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The result of the job, which has completed."""
    status, body = await server.json("POST", path, json=parameters)
    assert status == 202, body
    ended = await server.finished(body["jobId"])
    assert ended["state"] == "completed", ended
    return dict(ended["result"])


async def heard(server: dawg.Dawg, url: str) -> tuple[np.ndarray, int]:
    async with server.http.get(url) as reply:
        assert reply.status == 200
        return soundfile.read(io.BytesIO(await reply.read()), always_2d=True)


async def test_a_render_is_the_project_as_heard(server: dawg.Dawg) -> None:
    one, two = (signals.music(RATE, 1.5, seed=seed) * np.float32(0.2) for seed in (1, 2))
    first, second = await uploaded(server, one), await uploaded(server, two)
    project_id, _ = await project_with(
        server,
        ({"volume": 0.5}, {"audioFileId": first, "startTime": 0.5, "duration": 1.0, "offset": 0.25, "gain": -6}),
        ({"pan": -1}, {"audioFileId": second}),
        ({"isMuted": True}, {"audioFileId": second}),
    )
    parameters = {"projectId": project_id, "bitDepth": 32, "tail": 0.5, "stems": True}
    status, body = await server.json("POST", "/api/render/start", json=parameters)
    assert status == 202
    assert body["status"] == "queued"
    assert body["id"] == body["jobId"]
    await server.finished(body["jobId"])
    status, body = await server.json("GET", f"/api/render/status/{body['id']}")
    result = body["result"]
    assert (body["status"], result["format"], result["duration"]) == ("completed", "wav", pytest.approx(2.0))
    found, rate = await heard(server, result["downloadUrl"])
    expected = np.zeros((2 * RATE, 2))
    expected[RATE // 2 : 3 * RATE // 2] += one[RATE // 4 : RATE // 4 + RATE] * 0.5 * 10 ** (-6 / 20)
    expected[: len(two), 0] += two[:, 0] * np.sqrt(2)
    assert rate == RATE
    assert np.abs(found - expected).max() < 1e-5
    assert result["lufs"] == pytest.approx(pyloudnorm.Meter(RATE).integrated_loudness(found), abs=0.1)
    assert result["truePeak"] == pytest.approx(signals.oversampled_peak(found, 4), abs=0.2)
    assert [each["type"] for each in result["stems"]] == ["Track", "Track 2"]
    stems = [(await heard(server, each["downloadUrl"]))[0] for each in result["stems"]]
    assert all(len(each) == len(found) and each.any() for each in stems)
    assert np.abs(sum(stems) - found).max() < 1e-5
    status, again = await server.json("GET", f"/api/audio/{result['audioFileId']}")
    assert (status, again["source"]) == (200, "render")


async def test_empty_projects_render_silence_of_the_right_length(server: dawg.Dawg) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Nothing"})
    for format, rate in (("flac", 48_000), ("mp3", 96_000), ("ogg", 44_100)):
        parameters = {"projectId": project["id"], "format": format, "sampleRate": rate, "tail": 3}
        status, body = await server.json("POST", "/api/render", json=parameters)
        assert status == 202, body
        ended = await server.finished(body["jobId"])
        assert ended["state"] == "completed", ended
        found, _ = await heard(server, ended["result"]["downloadUrl"])
        assert ended["result"]["duration"] == pytest.approx(3.0, abs=0.1)
        assert np.abs(found).max() < 1e-4
        assert ended["result"]["lufs"] is None


async def test_notes_sound_in_a_render(server: dawg.Dawg) -> None:
    notes = [{"pitch": 60, "start": 0, "duration": 1, "velocity": 100}]
    clip = {"midiData": {"notes": notes}, "startTime": 1.0, "duration": 1.0, "name": "Bass line"}
    project_id, _ = await project_with(server, ({"trackType": "MIDI"}, clip))
    result = await done(server, "/api/render/start", {"projectId": project_id})
    found, _ = await heard(server, result["downloadUrl"])
    assert not found[: RATE - 10].any()
    assert np.abs(found[RATE : RATE + RATE // 2]).max() > 0.01


async def test_half_the_tempo_keeps_every_note_and_every_bar_in_a_render(server: dawg.Dawg) -> None:
    """Sample by sample: the notes of before, spread out, and a recording that stays at its second."""
    sixteen = [{"pitch": 48 + beat, "start": beat, "duration": 0.25, "velocity": 100} for beat in range(16)]
    one = signals.music(RATE, 1.0) * np.float32(0.2)
    recording = await uploaded(server, one)
    project_id, _ = await project_with(
        server,
        (
            {"trackType": "MIDI"},
            {"midiData": {"notes": sixteen}, "startBeat": 16, "lengthBeats": 16, "startTime": None},
        ),
        ({}, {"audioFileId": recording, "startTime": 2.5}),
    )
    spread = [{**note, "start": note["start"] * 2, "duration": note["duration"] * 2} for note in sixteen]
    other_id, _ = await project_with(
        server,
        ({"trackType": "MIDI"}, {"midiData": {"notes": spread}, "startBeat": 32, "lengthBeats": 32, "startTime": None}),
        ({}, {"audioFileId": recording, "startTime": 2.5}),
    )
    await server.json("PATCH", f"/api/projects/{project_id}", json={"bpm": 60})
    found, expected = [
        (
            await heard(
                server, (await done(server, "/api/render/start", {"projectId": id, "bitDepth": 32}))["downloadUrl"]
            )
        )[0]
        for id in (project_id, other_id)
    ]
    assert len(found) == (32 + 2) * RATE
    assert np.abs(found - expected).max() < 1e-6
    assert np.abs(found[round(2.5 * RATE) : round(3.5 * RATE)] - one).max() < 1e-5
    for beat in range(16):
        begin = (16 + beat) * RATE
        assert np.abs(found[begin : begin + RATE // 4]).max() > 0.01


IMPOSSIBLE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"format": "aac"}, "format"),
    ({"sampleRate": 22_050}, "sampleRate"),
    ({"bitDepth": 8}, "bitDepth"),
    ({"format": "flac", "bitDepth": 32}, "bitDepth"),
    ({"tail": 31}, "tail"),
    ({"from": 5, "to": 4}, "to"),
    ({"to": 80_000}, "to"),
)


async def test_renders_that_cannot_be_are_refused(server: dawg.Dawg) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    for change, field in IMPOSSIBLE:
        status, body = await server.json("POST", "/api/render/start", json={"projectId": project["id"], **change})
        assert (status, body["code"]) == (400, "validation_error"), change
        assert field in body["details"]


async def test_strangers_neither_render_nor_see_renders(server: dawg.Dawg) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Mine"})
    status, _ = await server.json("POST", "/api/render/start", "eve", json={"projectId": project["id"]})
    assert status == 404
    _, body = await server.json("POST", "/api/render/start", json={"projectId": project["id"]})
    for method, path in (("GET", "status/"), ("GET", ""), ("POST", "cancel/"), ("DELETE", "")):
        status, _ = await server.json(method, f"/api/render/{path}{body['id']}", "eve")
        assert status == 404
    _, listed = await server.json("GET", "/api/render/jobs")
    assert [job["id"] for job in listed["jobs"]] == [body["id"]]
    _, listed = await server.json("GET", "/api/render/jobs", "eve")
    assert listed["jobs"] == []


async def test_a_master_has_the_loudness_that_it_says(server: dawg.Dawg) -> None:
    music = signals.music(RATE, 5.0) * np.float32(0.1)
    audio_id = await uploaded(server, music)
    project_id, (track_id,) = await project_with(server, ({}, {"audioFileId": audio_id}))
    for parameters in ({"audioFileId": audio_id}, {"trackId": track_id}, {"projectId": project_id}):
        result = await done(server, "/api/generate/master", {**parameters, "quality": "cd", "format": "flac"})
        found, rate = await heard(server, result["audioUrl"])
        lufs = pyloudnorm.Meter(rate).integrated_loudness(found)
        assert lufs == pytest.approx(-9, abs=0.5)
        assert result["actualLoudness"] == pytest.approx(lufs, abs=0.1)
        assert result["targetLoudness"] == -9
        assert signals.oversampled_peak(found, 4) <= -1
        assert result["truePeak"] <= -1
        assert result["format"] == "flac"


async def test_ai_master_tells_its_chain_and_what_it_measured(server: dawg.Dawg) -> None:
    audio_id = await uploaded(server, signals.music(RATE, 5.0) * np.float32(0.1))
    result = await done(server, "/api/ai/master", {"audioFileId": audio_id, "targetLoudness": -16, "genre": "hip-hop"})
    assert result["analysis"]["integratedLUFS"] == pytest.approx(-16, abs=0.5)
    assert {"loudnessRange", "truePeak", "spectralBalance", "overallQuality"} <= result["analysis"].keys()
    assert {"equalizer", "compressor", "limiter", "gain"} <= result["masteringChain"].keys()
    status, body = await server.json("POST", "/api/ai/master", json={"audioFileId": audio_id})
    assert (status, list(body["details"])) == (400, ["targetLoudness"])


async def test_silence_cannot_be_mastered(server: dawg.Dawg) -> None:
    audio_id = await uploaded(server, np.zeros((RATE, 2)))
    _, body = await server.json("POST", "/api/generate/master", json={"audioFileId": audio_id})
    ended = await server.finished(body["jobId"])
    assert ended["state"] == "failed"
    assert ended["status"]["errorCode"] == "audio_too_quiet"


async def test_a_project_without_clips_has_nothing_to_master(server: dawg.Dawg) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Empty"})
    status, body = await server.json("POST", "/api/generate/master", json={"projectId": project["id"]})
    assert (status, body["code"]) == (409, "no_audio")
    status, body = await server.json("POST", "/api/generate/master", json={})
    assert (status, body["code"]) == (400, "validation_error")


async def test_stems_add_up_to_the_recording_and_become_tracks(server: dawg.Dawg) -> None:
    music = signals.music(RATE, 3.0) * np.float32(0.2)
    audio_id = await uploaded(server, music)
    project_id, _ = await project_with(server, ({}, {"audioFileId": audio_id}))
    parameters = {"audioFileId": audio_id, "projectId": project_id, "stemTypes": ["drums", "bass", "vocals", "melody"]}
    result = await done(server, "/api/generate/stems", parameters)
    assert [stem["type"] for stem in result["stems"]] == ["drums", "bass", "vocals", "melody"]
    assert result["provider"] == "local"
    assert "median" in result["method"]
    total = np.zeros_like(music, dtype=float)
    for stem in result["stems"]:
        found, _ = await heard(server, stem["audioUrl"])
        assert len(found) == len(music)
        total += found
    assert np.abs(total - music).max() < 1e-5
    _, tracks = await server.json("GET", f"/api/tracks/project/{project_id}")
    assert [track["name"] for track in tracks["tracks"]] == ["Track", "Drums", "Bass", "Vocals", "Melody"]


async def test_an_upload_is_taken_apart_at_once(server: dawg.Dawg) -> None:
    for path in ("/api/ai/separate-stems", "/api/v1/audio/separate-stems"):
        form = aiohttp.FormData()
        form.add_field("audio", wav(signals.music(RATE, 1.0)), filename="song.wav", content_type="audio/wav")
        form.add_field("stemTypes", "drums, other")
        status, body = await server.json("POST", path, data=form)
        assert status == 202, body
        ended = await server.finished(body["jobId"])
        assert [stem["type"] for stem in ended["result"]["stems"]] == ["drums", "other"]


async def test_guitar_and_piano_name_the_key_that_they_need(server: dawg.Dawg) -> None:
    audio_id = await uploaded(server, signals.music(RATE, 1.0))
    parameters = {"audioFileId": audio_id, "stemTypes": ["guitar", "drums"]}
    status, body = await server.json("POST", "/api/generate/stems", json=parameters)
    assert (status, body["code"]) == (503, "provider_unconfigured")
    assert body["details"] == {"env": ["REPLICATE_API_KEY"]}
    status, _ = await server.json("POST", "/api/generate/stems", "eve", json=parameters | {"stemTypes": ["drums"]})
    assert status == 404


async def test_a_mix_tells_its_settings_and_sets_the_faders_in_one_step(server: dawg.Dawg) -> None:
    music = signals.music(RATE, 4.0) * np.float32(0.05)
    one, two = await uploaded(server, music), await uploaded(server, music[:, ::-1] * np.float32(4))
    project_id, ids = await project_with(
        server, ({"volume": 0.7}, {"audioFileId": one}), ({"volume": 0.7, "pan": 0.5}, {"audioFileId": two})
    )
    parameters = {"trackIds": ids, "mixProfile": "warm", "targetLoudness": -16, "apply": True}
    result = await done(server, "/api/generate/mix", parameters)
    found, rate = await heard(server, result["audioUrl"])
    assert pyloudnorm.Meter(rate).integrated_loudness(found) == pytest.approx(-16, abs=0.5)
    assert (result["mixProfile"], result["trackCount"]) == ("warm", 2)
    chosen = {each["trackId"]: each for each in result["settings"]["tracks"]}
    _, listed = await server.json("GET", f"/api/tracks/project/{project_id}")
    for track in listed["tracks"]:
        assert (track["volume"], track["pan"]) == (chosen[track["id"]]["volume"], chosen[track["id"]]["pan"])
    assert chosen[ids[0]]["volume"] > chosen[ids[1]]["volume"]
    assert chosen[ids[1]]["pan"] == 0.5
    status, _ = await server.json("POST", f"/api/projects/{project_id}/undo")
    assert status == 200
    _, listed = await server.json("GET", f"/api/tracks/project/{project_id}")
    assert [track["volume"] for track in listed["tracks"]] == [0.7, 0.7]


async def test_tracks_of_two_projects_are_not_mixed(server: dawg.Dawg) -> None:
    audio_id = await uploaded(server, signals.music(RATE, 1.0))
    first, second = [await project_with(server, ({}, {"audioFileId": audio_id})) for _ in range(2)]
    status, body = await server.json("POST", "/api/generate/mix", json={"trackIds": [*first[1], *second[1]]})
    assert (status, body["code"]) == (400, "validation_error")
    status, _ = await server.json("POST", "/api/generate/mix", "eve", json={"trackIds": first[1]})
    assert status == 404


async def test_an_edit_gives_clips_a_new_recording_that_can_be_taken_back(server: dawg.Dawg) -> None:
    tone = signals.sine(RATE, 2.0, 440.0, -12.0)
    audio_id = await uploaded(server, tone)
    project_id, _ = await project_with(server, ({}, {"audioFileId": audio_id}), ({}, {"audioFileId": audio_id}))
    _, project = await server.json("GET", f"/api/projects/{project_id}")
    clips = [track["clips"][0]["id"] for track in project["tracks"]]
    request = await server.services.jobs.finishing.edit("ada", {"clip_ids": clips, "semitones": 12})
    job, _ = await server.services.jobs.generation.submit(
        "ada", request.type, request.input, provider="local", base_url=server.url, project_id=project_id
    )
    ended = await server.finished(job.id)
    assert ended["state"] == "completed", ended
    _, project = await server.json("GET", f"/api/projects/{project_id}")
    (new,) = {track["clips"][0]["audioFileId"] for track in project["tracks"]}
    assert new == ended["result"]["takes"][0]["audioFileId"] != audio_id
    found, _ = await heard(server, ended["result"]["audioUrl"])
    assert len(found) == len(tone)
    spectrum = np.abs(np.fft.rfft(found[:, 0]))
    assert spectrum.argmax() / 2 == pytest.approx(880, abs=1)
    await server.json("POST", f"/api/projects/{project_id}/undo")
    _, project = await server.json("GET", f"/api/projects/{project_id}")
    assert {track["clips"][0]["audioFileId"] for track in project["tracks"]} == {audio_id}
