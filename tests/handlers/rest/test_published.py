"""What the published clients ask for: shapes, work that is really done, and sentences where a page's own ids come."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import mido  # type: ignore[import-untyped]
import numpy as np
import pytest
import pytest_asyncio
import soundfile
import yarl

from tests.audio import signals
from tests.handlers.rest import recordings
from tests.sampling import sample
from tests.servers import dawg
from tests.servers.databases import TestDatabases

RATE = recordings.RATE
MISSING = "00000000-0000-0000-0000-000000000000"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(test_databases: TestDatabases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dawg.Dawg]:
    """One for all tests of this module: most of them have jobs to do, and its workers are warm."""
    folder = tmp_path_factory.mktemp("published")
    with test_databases.lent() as dsn:
        async with dawg.running(dsn, folder, JOBS_PER_MINUTE="1000", REQUESTS_PER_MINUTE="100000") as running:
            yield running


@pytest_asyncio.fixture(loop_scope="module")
async def own(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    """One without anything of others."""
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


def voice(cents: float = 0.0, seconds: float = 4.0) -> bytes:
    """Notes of half a second with vibrato-free harmonics, `cents` off the scale of C."""
    parts = []
    for number in range(int(seconds * 2)):
        pitch = 60 + (0, 2, 4, 5, 7, 9, 11, 12)[number % 8] + cents / 100
        t = np.arange(RATE // 2) / RATE
        tone = sum(np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * k * t) / k**1.5 for k in range(1, 9))
        parts.append(0.2 * tone * np.minimum(1, np.minimum(t, t[::-1]) / 0.03))
    return recordings.written(np.concatenate(parts).astype(np.float32), "wav")


def plucks(offsets: list[float], bpm: float = 120.0) -> bytes:
    """One pluck an eighth note, each off by seconds of its own."""
    samples = np.zeros(round((len(offsets) + 2) * 30 / bpm * RATE), np.float32)
    t = np.arange(RATE // 8) / RATE
    pluck = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 8)) * np.exp(-t * 25) * (1 - t / t[-1])
    for number, off in enumerate(offsets):
        first = round(((number + 1) * 30 / bpm + off) * RATE)
        samples[first : first + len(pluck)] += (0.3 * pluck).astype(np.float32)
    return recordings.written(samples, "wav")


async def result(server: dawg.Dawg, path: str, **options: Any) -> dict[str, Any]:
    """Of the job that a request begins, read as the published client reads it."""
    status, begun = await server.json("POST", path, **options)
    assert (status, begun["status"]) == (202, "queued"), begun
    await server.finished(begun["jobId"])
    _, told = await server.json("GET", f"/api/v1/generate/status/{begun['jobId']}")
    assert (told["jobId"], told["status"], told["progress"], told["error"]) == (
        begun["jobId"],
        "completed",
        100,
        None,
    ), told
    assert told["stage"] == "complete"
    return dict(told["result"])


async def heard(server: dawg.Dawg, link: str) -> Any:
    async with server.http.get(yarl.URL(link, encoded=True)) as reply:
        assert reply.status == 200
        return soundfile.read(io.BytesIO(await reply.read()))[0]


async def test_the_flat_forms_are_those_of_v1_and_the_nested_ones_stay(server: dawg.Dawg) -> None:
    status, begun = await server.json("POST", "/api/v1/generate/beat", json={"genre": "pop", "duration": 5})
    assert (status, begun["status"], begun["jobId"]) == (202, "queued", begun["generationId"])
    job = begun["jobId"]
    await server.finished(job)
    _, flat = await server.json("GET", f"/api/v1/generate/status/{job}")
    assert (flat["status"], flat["progress"], flat["error"]) == ("completed", 100, None)
    assert flat["result"]["audioUrl"]
    _, nested = await server.json("GET", f"/api/generate/status/{job}")
    assert (nested["status"]["status"], nested["jobStatus"]) == ("completed", "completed")
    _, asked = await server.json("GET", f"/api/v1/generate/status/{job}?shape=nested")
    assert asked["status"]["jobId"] == job
    _, flat = await server.json("GET", f"/api/v1/generate/result/{job}")
    assert (flat["jobId"], flat["type"]) == (job, "beat")
    assert flat["result"]["audioUrl"].startswith(server.url)
    assert flat["result"]["metadata"]["format"] == "flac"
    _, nested = await server.json("GET", f"/api/generate/result/{job}")
    assert nested["result"]["result"]["audioUrl"]
    assert nested["result"]["audioUrl"].startswith(server.url)
    _, waited = await server.json("POST", "/api/v1/generate/beat?wait=50", json={"genre": "pop", "duration": 5})
    assert (waited["status"], bool(waited["result"]["audioUrl"])) == ("completed", True)


@pytest.mark.parametrize("storage", ["folder", "s3"])
async def test_what_a_job_has_made_plays_and_can_be_saved(
    request: pytest.FixtureRequest, database_dsn: str, tmp_path: Path, storage: str
) -> None:
    variables = request.getfixturevalue("s3_server").settings() if storage == "s3" else {}
    async with dawg.running(database_dsn, tmp_path, **variables) as server, aiohttp.ClientSession() as stranger:
        made = await result(server, "/api/v1/generate/beat", json={"genre": "pop", "bars": 2})
        assert len(made["stems"]) > 1
        for each in (made, made["takes"][0], *made["stems"]):
            for name, kind in (("audioUrl", "inline"), ("downloadUrl", "attachment")):
                async with stranger.get(yarl.URL(each[name], encoded=True), headers={"Range": "bytes=0-3"}) as reply:
                    assert (reply.status, await reply.read()) == (206, b"fLaC")
                    header = reply.headers["Content-Disposition"]
                assert header.startswith(f'{kind}; filename="')
                assert header.endswith(".flac")
        async with stranger.get(yarl.URL(made["urls"]["mp3"], encoded=True)) as reply:
            assert reply.headers["Content-Disposition"].endswith(".mp3")


async def test_a_voice_is_tuned_and_coached(server: dawg.Dawg) -> None:
    audio = await recordings.uploaded(server, voice(cents=38.0))
    asked = {"audioFileId": audio["id"]}
    status, before = await server.json("POST", "/api/v1/ai/vocal-coach/analyze", json=asked)
    assert status == 200, before
    assert before["analysis"]["pitch"]["numNotes"] == 8
    assert before["analysis"]["pitch"]["tuningCents"] == pytest.approx(38, abs=6)
    assert "tuning" in {said["category"] for said in before["feedback"]}
    assert all(said["description"] and said["suggestion"] for said in before["feedback"])
    wanted = {**asked, "targetKey": "C", "targetScale": "major", "strength": 1.0}
    tuned = await result(server, "/api/v1/ai/pitchcorrect", json=wanted)
    assert tuned["steps"][0]["corrected"]["notes"] == 8
    assert len(await heard(server, tuned["audioUrl"])) == 4 * RATE
    _, after = await server.json("POST", "/api/v1/ai/vocal-coach/analyze", json={"audioFileId": tuned["audioFileId"]})
    assert abs(after["analysis"]["pitch"]["tuningCents"]) < 12
    assert "tuning" not in {said["category"] for said in after["feedback"]}
    status, body = await server.json("POST", "/api/v1/ai/vocal-coach/analyze", json={"audioFileId": MISSING})
    assert (status, body["code"]) == (404, "not_found")


async def test_what_is_played_beside_the_grid_is_moved_to_it(server: dawg.Dawg) -> None:
    offsets = [float(off) for off in np.random.default_rng(7).uniform(-0.045, 0.045, 14)]
    audio = await recordings.uploaded(server, plucks(offsets))
    wanted = {"audioFileId": audio["id"], "tempo": 120, "gridDivision": "1/8", "strength": 1, "preserveFeel": False}
    aligned = await result(server, "/api/v1/ai/timealign", json=wanted)
    told = aligned["steps"][0]["aligned"]
    assert told["onsets"] == 14
    assert told["before"] == pytest.approx(1000 * np.abs(offsets).mean(), abs=3)
    assert told["after"] < 4
    assert aligned["duration"] == pytest.approx(audio["duration"], abs=0.001)
    felt = await result(server, "/api/v1/ai/timealign", json={**wanted, "preserveFeel": True, "strength": 0.5})
    assert told["after"] < felt["steps"][0]["aligned"]["after"] < told["before"]


async def test_what_is_made_of_a_recording_comes_into_the_project_of_an_editor(server: dawg.Dawg) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Song", "isPublic": True})
    audio = await recordings.uploaded(server, plucks([0.03] * 6), projectId=project["id"])
    wanted = {"audioFileId": audio["id"], "tempo": 120, "gridDivision": "1/8", "projectId": project["id"]}
    status, refused = await server.json("POST", "/api/v1/ai/timealign", "eve", json=wanted)
    assert (status, refused["code"]) == (403, "forbidden")  # who may only listen to it
    headers = {"Idempotency-Key": "once"}
    replies = [await server.json("POST", "/api/v1/ai/timealign", json=wanted, headers=headers) for _ in range(2)]
    assert replies[0][1]["jobId"] == replies[1][1]["jobId"]
    made = (await server.finished(replies[0][1]["jobId"]))["result"]
    _, project = await server.json("GET", f"/api/projects/{project['id']}")
    assert [track["clips"][0]["audioFileId"] for track in project["tracks"]] == [made["audioFileId"]]
    assert made["placed"]["trackId"] == project["tracks"][0]["id"]
    kept = await result(server, "/api/v1/ai/timealign", json={**wanted, "addToProject": False})
    assert "placed" not in kept


async def test_the_best_takes_become_one_recording(server: dawg.Dawg) -> None:
    tone = signals.sine(RATE, 4.0, 440, -12)
    first, second = tone.copy(), tone.copy()
    first[2 * RATE :] = 0
    second[: 2 * RATE] = 0
    takes = [(await recordings.uploaded(server, recordings.written(each, "wav")))["id"] for each in (first, second)]
    made = await result(server, "/api/v1/ai/autocomp", json={"audioFileIds": takes, "segmentDuration": 2})
    assert [each["take"] for each in made["steps"][0]["segments"]] == [0, 1]
    samples = await heard(server, made["downloadUrl"])
    assert len(samples) == 4 * RATE
    loud = [float(np.sqrt(np.mean(samples[round(at * RATE) : round((at + 0.5) * RATE)] ** 2))) for at in (0.7, 2.7)]
    level = float(np.sqrt(np.mean(tone**2)))
    assert loud == pytest.approx([level, level], rel=0.02)  # as loud as it was sung
    together = {"audioFileIds": takes, "tempo": 120, "key": "A"}
    finished = await result(server, "/api/v1/ai/dawg", json=together)
    assert [step["do"] for step in finished["steps"]] == ["comp", "tune", "align", "master"]
    assert finished["lufs"] == pytest.approx(-14, abs=0.5)


async def test_music_is_made_from_words_by_the_older_name(server: dawg.Dawg) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Panel"})
    asked = {
        "prompt": "calm piano",
        "genre": "lo-fi",
        "mood": "happy",
        "tempo": 80,
        "duration": 15,
        "style": "full-production",
        "project_id": project["id"],
        "include_vocals": False,
        "instruments": ["piano"],
    }
    made = await result(server, "/api/v1/ai/dawg", json=asked)
    assert made["audioUrl"]
    assert made["provider"] == "embedded"
    _, project = await server.json("GET", f"/api/projects/{project['id']}")
    assert [track["clips"][0]["audioFileId"] for track in project["tracks"]] == [made["audioFileId"]]
    status, body = await server.json("POST", "/api/v1/ai/dawg", json={"prompt": "x", "include_vocals": True})
    assert (status, body["code"]) == (503, "provider_unconfigured")
    assert (await server.json("POST", "/api/v1/ai/dawg", json={}))[0] == 400
    asked = {"genre": "house", "mood": "happy", "tempo": 124, "key": "Am", "duration": 8}
    made = await result(server, "/api/v1/ai/producer/generate", json=asked)
    assert (made["genre"], made["requested"]["bpm"], made["requested"]["key"]) == ("house", 124, "Am")
    status, body = await server.json("POST", "/api/v1/ai/producer/generate", json={"projectId": "project-1"})
    assert (status, body["code"]) == (409, "unknown_here")


@pytest.mark.parametrize(
    ("part", "stem"),
    sample([("drums", "drums"), ("bass", "bass"), ("chords", "chords"), ("lead", "melody")], ("lead", "melody")),
)
async def test_one_part_of_a_piece_is_made_where_nothing_is_to_be_taken_apart(
    server: dawg.Dawg, part: str, stem: str
) -> None:
    asked = {"type": part, "genre": "trap", "bpm": 140, "key": "Cm", "bars": 4, "seed": 5}
    made = await result(server, "/api/v1/generate/stems", json=asked)
    assert (made["provider"], made["part"], made["bpm"]) == ("embedded", stem, 140)
    alone = await heard(server, made["audioUrl"])
    whole = await result(server, "/api/v1/generate/beat", json={**asked, "provider": "embedded"})
    of_the_beat = await heard(server, next(each["audioUrl"] for each in whole["stems"] if each["type"] == stem))
    assert len(alone) == len(of_the_beat)
    rms = float(np.sqrt(np.mean(alone**2)))
    assert rms > 0.01
    likeness = np.corrcoef(alone[:, 0], of_the_beat[:, 0])[0, 1]
    assert likeness > 0.8  # it is that part of the same piece; alone it is mastered by itself


async def test_what_no_part_can_be_made_of_is_said(server: dawg.Dawg) -> None:
    status, body = await server.json("POST", "/api/v1/generate/stems", json={"type": "vocal", "genre": "trap"})
    assert (status, body["code"]) == (501, "not_implemented")
    assert "/api/generate/music" in body["message"]
    for wrong, field in (
        ({}, "audioFileId"),
        ({"type": "kazoo"}, "type"),
        ({"type": "bass", "provider": "suno"}, "provider"),
        ({"audioFileId": MISSING}, "stemTypes"),
    ):
        status, body = await server.json("POST", "/api/v1/generate/stems", json=wrong)
        assert (status, field in body["details"]) == (400, True), body
    _, project = await server.json("POST", "/api/projects", json={"name": "Parts"})
    asked = {"type": "drums", "bars": 2, "projectId": project["id"]}
    assert (await server.json("POST", "/api/v1/generate/stems", "eve", json=asked))[0] == 404
    made = await result(server, "/api/v1/generate/stems", json=asked)
    _, project = await server.json("GET", f"/api/projects/{project['id']}")
    assert [track["clips"][0]["audioFileId"] for track in project["tracks"]] == [made["audioFileId"]]


async def test_what_works_here_is_told_by_the_older_name(database_dsn: str, tmp_path: Path) -> None:
    for key in ({}, {"ANTHROPIC_API_KEY": "k", "SUNO_API_KEY": "k"}):
        async with dawg.running(database_dsn, tmp_path, **key) as server:
            status, told = await server.json("GET", "/api/v1/ai/status")
            assert (status, told["success"]) == (200, True)
            works = told["features"]
            assert [works[name] for name in ("beat", "music", "melody", "stems", "mix", "master", "vocalCoach")] == [
                True
            ] * 7
            assert [works[name] for name in ("chat", "lyrics", "song", "vocals")] == [bool(key)] * 4
            assert works["voice"] is False
            assert told["services"]["anthropic"]["status"] == ("ok" if key else "unconfigured")


async def test_parts_of_the_coaching_by_their_older_names_and_what_is_not_there(server: dawg.Dawg) -> None:
    audio = await recordings.uploaded(server, voice(cents=38.0))
    asked = {"audioFileId": audio["id"]}
    _, whole = await server.json("POST", "/api/v1/ai/vocal-coach/analyze", json=asked)
    status, heard = await server.json("POST", "/api/v1/ai/vocal-coach/analyze-pitch", json=asked)
    assert (status, heard["pitch"]) == (200, whole["analysis"]["pitch"])
    status, said = await server.json("POST", "/api/v1/ai/vocal-coach/performance-feedback", json=asked)
    assert (status, said["feedback"]) == (200, whole["feedback"])
    for part in ("analyze-pitch", "performance-feedback"):
        path = f"/api/v1/ai/vocal-coach/{part}"
        assert (await server.json("POST", path, "eve", json=asked))[0] == 404
        assert (await server.json("POST", path, json={"audioFileId": "clip-1732"}))[0] == 409
    sentences = set()
    for part in ("generate-harmony", "assess-health", "generate-exercise"):
        status, body = await server.json("POST", f"/api/v1/ai/vocal-coach/{part}", json=asked)
        assert (status, body["code"]) == (501, "not_implemented")
        sentences.add(body["message"])
    assert len(sentences) == 3
    assert (await server.json("POST", "/api/v1/ai/vocal-coach/nothing", json=asked))[0] == 404


async def test_mixes_and_masters_by_their_older_names(server: dawg.Dawg) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Mix"})
    audio = await recordings.uploaded(server, recordings.wav(3.0, -20), projectId=project["id"])
    _, track = await server.json("POST", "/api/tracks", json={"projectId": project["id"], "name": "Tone"})
    clip = {"trackId": track["id"], "audioFileId": audio["id"], "startTime": 0}
    _, clip = await server.json("POST", "/api/clips", json=clip)
    mixed = await result(
        server, "/api/v1/ai/mix", json={"trackIds": [track["id"]], "genre": "pop", "targetLoudness": -14}
    )
    assert (mixed["trackCount"], bool(mixed["audioUrl"])) == (1, True)
    for asked in (
        {"trackId": track["id"], "targetLoudness": -14},
        {"audioFileId": audio["id"], "options": {"targetLoudness": -14, "genre": "pop"}},
        {"audioFileId": clip["id"], "options": {"targetLoudness": -14}},  # pages send the clip that is selected
    ):
        mastered = await result(server, "/api/v1/ai/mastering/process", json=asked)
        assert mastered["targetLoudness"] == -14
        assert mastered["actualLoudness"] == pytest.approx(-14, abs=0.5)


async def test_separations_as_their_widget_follows_them(server: dawg.Dawg) -> None:
    form = recordings.form(recordings.wav(2.0), quality="fast", stems='["vocals", "drums"]')
    status, begun = await server.json("POST", "/api/separation/separate", data=form)
    assert (status, begun["success"], bool(begun["jobId"])) == (202, True, True)
    await server.finished(begun["jobId"])
    _, told = await server.json("GET", f"/api/separation/status/{begun['jobId']}")
    assert (told["status"], told["progress"]) == ("completed", 100)
    assert {stem["type"] for stem in told["result"]["stems"]} == {"vocals", "drums"}
    for stem in told["result"]["stems"]:
        assert len(await heard(server, stem["url"])) == 2 * RATE
    _, past = await server.json("GET", "/api/separation/history")
    assert [job["jobId"] for job in past["jobs"]] == [begun["jobId"]]
    assert (past["total"], past["page"]) == (1, 1)
    _, quota = await server.json("GET", "/api/separation/quota")
    assert quota["quota"]["remainingSeparations"] is None
    status, body = await server.json("DELETE", f"/api/separation/cancel/{begun['jobId']}")
    assert (status, body["code"]) == (409, "job_finished")
    for user, job in (("eve", begun["jobId"]), ("ada", MISSING), ("ada", "nonsense")):
        assert (await server.json("GET", f"/api/separation/status/{job}", user))[0] == 404
        assert (await server.json("DELETE", f"/api/separation/cancel/{job}", user))[0] == 404


async def test_files_as_their_manager_sees_them(own: dawg.Dawg) -> None:
    for name, seconds in (("b.wav", 0.5), ("a.wav", 1.0), ("C take.wav", 0.25)):
        form = recordings.form(recordings.wav(seconds), name="file", filename=name)
        status, body = await own.json("POST", "/api/storage/upload", data=form)
        assert (status, body["file"]["fileName"]) == (200, name)  # the manager takes 200 alone for a success
    for path in ("/api/storage/files", "/api/storage", "/api/v1/storage/list"):
        _, found = await own.json("GET", f"{path}?userId=user-123&sortBy=uploadedAt&sortOrder=desc&limit=2")
        assert [file["fileName"] for file in found["files"]] == ["C take.wav", "a.wav"]
        assert (found["total"], found["hasMore"]) == (3, True)
    _, found = await own.json("GET", "/api/storage/files?sortBy=fileName&sortOrder=asc")
    assert [file["fileName"] for file in found["files"]] == ["a.wav", "b.wav", "C take.wav"]
    _, found = await own.json("GET", "/api/storage/files?sortBy=size&offset=2")
    assert [file["fileName"] for file in found["files"]] == ["C take.wav"]
    _, found = await own.json("GET", "/api/storage/files?search=TAKE")
    (file,) = found["files"]
    sizes = [len(recordings.wav(seconds)) for seconds in (0.5, 1.0, 0.25)]
    _, quota = await own.json("GET", "/api/storage/quota")
    assert (quota["quota"]["usedSpace"], quota["quota"]["fileCount"]) == (sum(sizes), 3)
    assert (quota["quota"]["totalLimit"], quota["quota"]["quotaPercentage"]) == (None, 0)
    _, link = await own.json("GET", f"/api/storage/download/{file['id']}")
    async with own.http.get(link["url"]) as reply:
        assert reply.headers["Content-Disposition"].startswith('attachment; filename="C take.wav"')
    for user in ("eve", "mallory"):
        assert (await own.json("GET", "/api/storage/files", user))[1]["files"] == []
        assert (await own.json("GET", "/api/storage/quota", user))[1]["quota"]["fileCount"] == 0
        for method, path in (("DELETE", "files"), ("GET", "download")):
            assert (await own.json(method, f"/api/storage/{path}/{file['id']}", user))[0] == 404
    renaming = f"/api/storage/files/{file['id']}/rename"
    assert (await own.json("PUT", renaming, "eve", json={"newName": "Mine"}))[0] == 404
    assert (await own.json("PUT", renaming, json={"newName": " "}))[0] == 400
    _, renamed = await own.json("PUT", renaming, json={"newName": "Take 7.mp3"})
    assert (renamed["file"]["id"], renamed["file"]["fileName"]) == (file["id"], "Take 7.mp3")
    async with own.http.get(renamed["file"]["downloadUrl"]) as reply:
        assert reply.headers["Content-Disposition"].startswith('attachment; filename="Take 7.wav"')
    assert (await own.json("DELETE", f"/api/storage/files/{file['id']}?permanent=true"))[0] == 200
    assert (await own.json("DELETE", f"/api/storage/files/{file['id']}"))[0] == 404
    assert (await own.json("GET", "/api/storage/quota"))[1]["quota"]["fileCount"] == 2
    assert (await own.json("GET", "/api/storage/nothing"))[0] == 404


async def test_beatboxing_becomes_drums(server: dawg.Dawg) -> None:
    random = np.random.default_rng(3)
    samples = np.zeros(9 * RATE, np.float32)
    t = np.arange(round(0.15 * RATE)) / RATE
    low = np.sin(2 * np.pi * (55 + 60 * np.exp(-t * 40)) * t) * np.exp(-t * 25)
    noise = random.normal(size=len(t))
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(len(t), 1 / RATE) < 7000] = 0
    high = np.fft.irfft(spectrum, len(t)) * np.exp(-t * 70)
    middle = 0.5 * np.convolve(noise, np.ones(12) / 12, mode="same") * np.exp(-t * 30)
    sounds = {"kick": low, "hi-hat": high, "snare": middle}
    played = [("kick", "hi-hat", "snare", "hi-hat")[number % 4] for number in range(32)]
    for number, kind in enumerate(played):
        first = round((0.1 + number * 0.25) * RATE)  # eighths at 120 bpm
        samples[first : first + len(t)] += (0.3 * sounds[kind] / np.abs(sounds[kind]).max()).astype(np.float32)
    form = recordings.form(recordings.written(samples, "wav"), drumKit="acoustic", quantize="true")
    status, drums = await server.json("POST", "/api/v1/ai/beatbox-to-drums", data=form)
    assert status == 200, drums
    assert [hit["type"] for hit in drums["analysis"]["detectedPatterns"]] == played
    assert drums["analysis"]["tempo"] == pytest.approx(120, abs=1)
    assert drums["drumSamples"] == ["hi-hat", "kick", "snare"]
    assert [note["start"] for note in drums["notes"]] == [number * 0.5 for number in range(32)]
    file = mido.MidiFile(file=io.BytesIO(base64.b64decode(drums["midiData"])))
    pitches = [message.note for message in file if message.type == "note_on" and message.velocity]
    assert pitches == [{"kick": 36, "hi-hat": 42, "snare": 38}[kind] for kind in played]
    silence = recordings.form(recordings.written(np.zeros((RATE, 1), np.float32), "wav"))
    status, body = await server.json("POST", "/api/v1/ai/beatbox-to-drums", data=silence)
    assert (status, body["code"]) == (409, "no_audio")


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/ai/autocomp", {"audioFileIds": ["clip-1732", "clip-1733"]}, "/api/audio/upload"),
        ("/ai/timealign", {"audioFileId": "clip-1732000000000"}, "/api/audio/upload"),
        ("/ai/pitchcorrect", {"audioFileId": "recording_2"}, "audioFileId"),
        ("/ai/mix", {"trackIds": ["track-1732"], "genre": "pop"}, "/api/tracks"),
        ("/generate/mix", {"trackIds": ["track-1732"]}, "/api/tracks"),
        ("/ai/mastering/process", {"trackId": "track-1732", "targetLoudness": -14}, "/api/tracks"),
        ("/ai/mastering/process", {"audioFileId": "clip-1", "options": {"targetLoudness": -14}}, "/api/audio/upload"),
        ("/generate/master", {"audioFileId": "clip-" + "1" * 300}, "/api/audio/upload"),
        ("/generate/stems", {"audioFileId": "a-1", "stemTypes": ["drums"]}, "/api/audio/upload"),
        ("/ai/dawg", {"audioFileIds": ["clip-1"], "genre": "pop"}, "/api/audio/upload"),
        ("/ai/dawg", {"prompt": "x", "project_id": "project-1732"}, "/api/projects"),
        ("/ai/vocal-coach/analyze", {"audioFileId": "clip-1"}, "/api/audio/upload"),
        ("/clips", {"trackId": "track-1732", "startTime": 0}, "/api/tracks"),
        ("/clips", {"trackId": MISSING, "audioFileId": "clip-1732-ab12", "startTime": 0}, "/api/audio/upload"),
        ("/tracks", {"projectId": "project-1732", "name": "Lead"}, "/api/projects"),
        (f"/tracks/project/{MISSING}/reorder", {"trackOrders": [{"id": "track-1", "order": 0}]}, "/api/tracks"),
        ("/render/start", {"projectId": "project-1732"}, "/api/projects"),
        ("/generate/beat", {"projectId": "project-1732", "genre": "pop"}, "/api/projects"),
        ("/generate/beat", {"projectId": "project-1732"}, "/api/projects"),
        ("/generate/lyrics", {"projectId": "project-1732", "theme": "rain"}, "/api/projects"),
        ("/chat/message", {"conversationId": "conv-1732", "message": "Hi"}, "conversationId"),
        ("/chat", {"projectId": "project-1732", "message": "Hi"}, "/api/projects"),
        ("/clips/analyze-by-ids", {"clipIds": ["clip-1732", "clip-1733"]}, "/api/clips"),
        ("/lyrics/analyze", {"lyrics": "La", "trackId": "track-1732"}, "/api/tracks"),
    ],
)
async def test_ids_of_a_pages_own_are_answered_with_what_to_send_instead(
    server: dawg.Dawg, path: str, body: dict[str, Any], says: str
) -> None:
    for prefix in ("/api", "/api/v1"):
        status, told = await server.json("POST", prefix + path, json=body)
        assert (status, told["code"]) == (409, "unknown_here")
        assert says in told["message"]
        assert len(told["message"]) < 300


async def test_lyrics_are_organized_by_their_older_name(server: dawg.Dawg) -> None:
    words = "One line of a verse\nAnother line of it\n\nHere we go\nHere we go\n"
    for path in ("/api/lyrics/organize", "/api/v1/ai/organize-lyrics"):
        status, body = await server.json("POST", path, json={"lyrics": words})
        assert (status, body["originalLyrics"]) == (200, words)


async def test_a_render_may_be_asked_for_without_loss(server: dawg.Dawg) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Whole"})
    asked = {"projectId": project["id"], "format": "wav", "quality": "lossless"}
    status, begun = await server.json("POST", "/api/v1/render/start", json=asked)
    assert status == 202, begun
    assert (await server.finished(begun["jobId"]))["state"] == "completed"


async def test_nothing_of_others_is_worked_on(server: dawg.Dawg) -> None:
    audio = await recordings.uploaded(server, recordings.wav(0.5))
    for path, body in (
        ("/ai/autocomp", {"audioFileIds": [audio["id"], MISSING]}),
        ("/ai/timealign", {"audioFileId": audio["id"]}),
        ("/ai/pitchcorrect", {"audioFileId": audio["id"]}),
        ("/ai/mastering/process", {"audioFileId": audio["id"]}),
        ("/ai/dawg", {"audioFileIds": [audio["id"]]}),
        ("/ai/vocal-coach/analyze", {"audioFileId": audio["id"]}),
    ):
        status, told = await server.json("POST", f"/api/v1{path}", "eve", json=body)
        assert (status, told["code"]) == (404, "not_found"), path
