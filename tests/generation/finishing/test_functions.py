"""What an assistant can ask of finishing: it begins jobs, or changes the document in one step."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile

from dawg_server import errors
from dawg_server.daw.access import Actor
from tests.audio import signals, voices
from tests.sampling import sample
from tests.servers import dawg

RATE = 44_100
ADA = Actor("ada", "ai-brain")


@pytest.fixture
async def server(database_dsn: str, scratch_folder: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, scratch_folder) as running:
        yield running


async def project_of(server: dawg.Dawg, *sounds: np.ndarray) -> dict[str, Any]:
    """A project of ada's with a track for each sound."""
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    for sound in sounds:
        file = io.BytesIO()
        soundfile.write(file, sound, RATE, format="WAV", subtype="FLOAT")
        file.seek(0)
        form = aiohttp.FormData()
        form.add_field("audio", file, filename="take.wav", content_type="audio/wav")
        _, audio = await server.json("POST", "/api/audio/upload", data=form)
        _, track = await server.json("POST", "/api/tracks", json={"projectId": project["id"], "name": "Take"})
        clip = {"trackId": track["id"], "audioFileId": audio["id"], "startTime": 0}
        status, body = await server.json("POST", "/api/clips", json=clip)
        assert status == 201, body
    return await read(server, project["id"])


async def read(server: dawg.Dawg, project_id: str) -> dict[str, Any]:
    return dict((await server.json("GET", f"/api/projects/{project_id}"))[1])


async def run(server: dawg.Dawg, name: str, project: dict[str, Any], by: Actor = ADA, **arguments: Any) -> Any:
    return await server.services.documents.functions.run(
        name, arguments, project_id=project["id"], by=by, base_url=server.url
    )


async def test_the_best_takes_come_to_a_new_track_in_one_step(server: dawg.Dawg) -> None:
    notes = [(0.1 + 0.5 * n, 0.4, 57.0 + pitch) for n, pitch in enumerate((0, 2, 3, 5, 7, 5, 3, 2))]
    first = second = voices.sing(RATE, notes)[: 4 * RATE] * 0.5
    noise = np.random.default_rng(1).standard_normal(2 * RATE) * 0.03
    first, second = first.copy(), second.copy()
    first[2 * RATE :] += noise
    second[: 2 * RATE] += noise
    project = await project_of(server, first, second)
    takes = [track["id"] for track in project["tracks"]]
    result = await run(server, "autoComp", project, trackIds=takes, segmentSeconds=1)
    assert [part["trackId"] for part in result.data["segments"]] == takes
    after = await read(server, project["id"])
    comp = after["tracks"][2]
    assert [clip["audioFileId"] for clip in comp["clips"]] == [
        track["clips"][0]["audioFileId"] for track in after["tracks"][:2]
    ]
    assert comp["clips"][1]["startTime"] == pytest.approx(2 - 0.01)
    assert comp["clips"][1]["offset"] == pytest.approx(2 - 0.01)
    assert comp["clips"][1]["fadeIn"] == pytest.approx(0.02)
    await server.json("POST", f"/api/projects/{project['id']}/undo")
    assert len((await read(server, project["id"]))["tracks"]) == 2
    # The same as takes of one clip, of which the first second is cut off.
    clip, other = (track["clips"][0] for track in project["tracks"])
    with pytest.raises(errors.ValidationError, match="without takes"):
        await run(server, "autoComp", project, clipId=clip["id"])
    await server.json("PATCH", f"/api/clips/{clip['id']}", json={"offset": 1, "duration": 3})
    take = {"projectId": project["id"], "clipId": clip["id"], "audioFileId": other["audioFileId"]}
    assert (await server.json("POST", "/api/takes", json=take))[0] == 201
    result = await run(server, "autoComp", project, clipId=clip["id"], segmentSeconds=1)
    (chosen,) = result.data["takes"][0]["ranges"]
    assert (chosen["start"], chosen["end"]) == (pytest.approx(2, abs=0.3), pytest.approx(4, abs=0.05))


async def test_smart_mix_sets_faders_by_ear(server: dawg.Dawg) -> None:
    music = signals.music(RATE, 3.0) * np.float32(0.05)
    project = await project_of(server, music, music[::-1].copy() * np.float32(4))
    quiet, loud = (track["id"] for track in project["tracks"])
    result = await run(server, "smartMix", project, trackIds=[quiet, loud])
    faders = {track["id"]: track["volume"] for track in (await read(server, project["id"]))["tracks"]}
    assert faders[quiet] == pytest.approx(4 * faders[loud], rel=0.1)
    assert faders == {each["trackId"]: each["volume"] for each in result.data["tracks"]}
    with pytest.raises(errors.NotFound) as caught:
        await run(server, "smartMix", project, trackIds=["00000000-0000-4000-8000-000000000000"])
    assert caught.value.details


@pytest.mark.parametrize(
    ("name", "arguments", "type"),
    sample(
        [
            ("master", {"targetLoudness": -12}, "master"),
            ("exportProject", {"format": "flac"}, "render"),
            ("separateStems", {}, "stems"),
            ("pitchShift", {"semitones": -3}, "edit"),
            ("autotune", {"key": "Am", "strength": 50}, "edit"),
            ("reverseClips", {}, "edit"),
            ("normalizeClips", {"lufs": -20}, "edit"),
            ("glueAudio", {}, "edit"),
            ("bounceTrack", {}, "edit"),
        ],
        ("exportProject", {"format": "flac"}, "render"),
        ("pitchShift", {"semitones": -3}, "edit"),
    ),
)
async def test_jobs_begin_at_once_and_end_well(
    server: dawg.Dawg, name: str, arguments: dict[str, Any], type: str
) -> None:
    voice = voices.sing(RATE, [(0.1 + 0.5 * n, 0.4, 57.3 + n) for n in range(4)])
    project = await project_of(server, voice)
    clip = project["tracks"][0]["clips"][0]
    if name in ("pitchShift", "autotune", "reverseClips", "normalizeClips", "glueAudio"):
        arguments = arguments | {"clipIds": [clip["id"]]}
    if name == "bounceTrack":
        arguments = {"trackId": project["tracks"][0]["id"]}
    if name == "separateStems":
        arguments = {"clipId": clip["id"]}
    result = await run(server, name, project, **arguments)
    assert "not finished" in result.message
    ended = await server.finished(result.job_id)
    assert ended["state"] == "completed", ended
    assert ended["status"]["type"] == type
    after = await read(server, project["id"])
    if name == "normalizeClips":
        assert after["tracks"][0]["clips"][0]["gain"] != clip["gain"]
    elif type == "edit":
        assert after["tracks"][0]["clips"][0]["audioFileId"] == ended["result"]["audioFileId"] != clip["audioFileId"]
    assert len(after["tracks"]) == (5 if type == "stems" else 1)


async def test_strangers_begin_nothing(server: dawg.Dawg) -> None:
    project = await project_of(server, signals.music(RATE, 1.0))
    eve = Actor("eve", "ai-brain")
    track, clip = project["tracks"][0]["id"], project["tracks"][0]["clips"][0]["id"]
    for name, arguments in (
        ("master", {}),
        ("exportProject", {}),
        ("smartMix", {"trackIds": [track]}),
        ("separateStems", {"clipId": clip}),
        ("autoComp", {"trackIds": [track, track]}),
        ("pitchShift", {"clipIds": [clip], "semitones": 1}),
    ):
        with pytest.raises((errors.NotFound, errors.ValidationError)):
            await run(server, name, project, eve, **arguments)
