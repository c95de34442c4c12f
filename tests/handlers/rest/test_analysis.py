"""What tracks sound like, and how clips fit together, over REST."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.audio.analysis import material
from tests.handlers.rest import recordings
from tests.javascript.client import JavaScript
from tests.servers import dawg
from tests.servers.s3 import S3Server

RATE = 44_100  # Hz
CADENCES = {tonic: material.cadence(number, "major").samples for tonic, number in (("C", 0), ("F#", 6))}
CLICKS = {bpm: material.clicks(bpm, 8.0).samples for bpm in (90, 140)}


@dataclass(frozen=True)
class Session:
    """A project of Ada's with one empty track."""

    server: dawg.Dawg
    project: str
    track: str

    async def recording(self, samples: Any, format: str = "flac") -> str:
        data = recordings.written(samples, format, RATE)
        return str((await recordings.uploaded(self.server, data, projectId=self.project))["id"])

    async def clip(self, audio_id: str, name: str = "take", **fields: Any) -> str:
        status, body = await self.server.json(
            "POST",
            "/api/clips",
            json={"trackId": self.track, "audioFileId": audio_id, "name": name, "startTime": 0} | fields,
        )
        assert status == 201, body
        return str(body["id"])

    async def member(self, user: str, role: str) -> None:
        database = self.server.services.platform.database
        await database.execute("INSERT INTO users (id, origin) VALUES (%s, 'development')", (user,))
        await database.execute(
            "INSERT INTO collaborators (project_id, user_id, role, accepted_at) VALUES (%s, %s, %s, now())",
            (self.project, user, role),
        )

    async def post(self, path: str, user: str = "ada", **body: Any) -> tuple[int, Any]:
        return await self.server.json("POST", path, user, json=body)

    async def analyzed(self, **body: Any) -> dict[str, Any]:
        status, reply = await self.post(f"/api/tracks/{self.track}/analyze", **body)
        assert status == 200, reply
        return dict(reply)


@pytest.fixture
async def session(database_dsn: str, tmp_path: Path) -> AsyncIterator[Session]:
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0") as server:
        yield await begin(server)


async def begin(server: dawg.Dawg) -> Session:
    status, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    assert status == 201, project
    status, track = await server.json("POST", "/api/tracks", json={"projectId": project["id"], "name": "Keys"})
    assert status == 201, track
    return Session(server, project["id"], track["id"])


async def test_a_track_is_measured_stored_and_told(session: Session) -> None:
    path = f"/api/tracks/{session.track}/metadata"
    assert (await session.server.json("GET", path))[1]["metadata"] is None
    audio = await session.recording(CADENCES["F#"])
    clip = await session.clip(audio)
    reply = await session.analyzed(trackType="instrument")
    rhythm = reply["metadata"]["rhythmCharacteristics"]
    assert (rhythm["key"], rhythm["scale"]) == ("F#", "major")
    assert reply["metadata"]["vocalCharacteristics"] is None
    assert reply["metadata"]["analyzedAt"].endswith("Z")
    assert reply["measuredFrom"] == {
        "audioFileId": audio,
        "clipId": clip,
        "seconds": pytest.approx(len(CADENCES["F#"]) / RATE, abs=0.01),
    }
    _, stored = await session.server.json("GET", path)
    assert stored["metadata"] == reply["metadata"]
    _, track = await session.server.json("GET", f"/api/tracks/{session.track}")
    assert track["metadata"] == reply["metadata"]


async def test_the_longest_clip_is_measured_unless_one_is_named_and_only_what_it_plays(session: Session) -> None:
    audio = await session.recording(np.concatenate([CLICKS[90], CLICKS[140]]))
    first = await session.clip(audio, duration=8.0)
    second = await session.clip(audio, offset=8.0, duration=7.5, startTime=8.0)
    for parameters, clip, seconds, bpm in (({}, first, 8.0, 90), ({"clipId": second}, second, 7.5, 140)):
        reply = await session.analyzed(**parameters)
        assert reply["measuredFrom"] == {"audioFileId": audio, "clipId": clip, "seconds": seconds}
        assert reply["metadata"]["rhythmCharacteristics"]["bpm"] == pytest.approx(bpm, abs=1)
    status, body = await session.post(f"/api/tracks/{session.track}/analyze", clipId=str(uuid.uuid4()))
    assert (status, body["code"]) == (404, "not_found")


async def test_a_track_without_a_recording_has_nothing_to_analyse(session: Session) -> None:
    for path in ("analyze", "detect-style"):
        status, body = await session.post(f"/api/tracks/{session.track}/{path}")
        assert (status, body["code"]) == (409, "no_audio")


async def test_what_a_person_has_set_is_marked_and_outlives_an_analysis(session: Session) -> None:
    await session.clip(await session.recording(CADENCES["C"]))
    path = f"/api/tracks/{session.track}/metadata"
    status, body = await session.server.json(
        "PUT",
        path,
        json={
            "rhythmCharacteristics": {"key": "f# minor", "bpm": 97.25},
            "style": {"mood": "stormy"},
            "vocalCharacteristics": {"timbre": {"warmth": 0.75}},
        },
    )
    assert status == 200, body
    marks = {
        "rhythmCharacteristics.bpm",
        "rhythmCharacteristics.key",
        "rhythmCharacteristics.scale",
        "style.mood",
        "vocalCharacteristics.timbre.warmth",
    }
    assert set(body["metadata"]["setByUser"]) == marks
    for _ in range(2):
        metadata = (await session.analyzed(trackType="instrument"))["metadata"]
        rhythm = metadata["rhythmCharacteristics"]
        assert (rhythm["key"], rhythm["scale"], rhythm["bpm"]) == ("F#", "minor", 97.2)
        assert rhythm["keyConfidence"] is not None  # measured
        assert metadata["style"]["mood"] == "stormy"
        assert metadata["style"]["energy"] is not None
        assert metadata["vocalCharacteristics"] == {"timbre": {"warmth": 0.75}}
        assert set(metadata["setByUser"]) == marks
    taken_back = {"rhythmCharacteristics": {"key": None, "scale": None}}
    _, body = await session.server.json("PUT", path, json=taken_back)
    assert body["metadata"]["rhythmCharacteristics"]["key"] is None
    rhythm = (await session.analyzed(trackType="instrument"))["metadata"]["rhythmCharacteristics"]
    assert (rhythm["key"], rhythm["scale"], rhythm["bpm"]) == ("C", "major", 97.2)


async def test_metadata_is_part_of_the_document_and_can_be_undone(session: Session) -> None:
    path = f"/api/tracks/{session.track}/metadata"
    before = (await session.server.json("GET", f"/api/projects/{session.project}"))[1]["revision"]
    await session.server.json("PUT", path, json={"style": {"genre": "Folk"}})
    assert (await session.server.json("GET", path))[1]["metadata"]["style"]["genre"] == "folk"
    assert (await session.server.json("GET", f"/api/projects/{session.project}"))[1]["revision"] == before + 1
    assert (await session.post(f"/api/projects/{session.project}/undo"))[0] == 200
    assert (await session.server.json("GET", path))[1]["metadata"] is None


WRONG_METADATA: list[tuple[dict[str, Any], str]] = [
    ({"rhythmCharacteristics": {"bpm": "fast"}}, "rhythmCharacteristics.bpm"),
    ({"rhythmCharacteristics": {"bpm": 1000}}, "rhythmCharacteristics.bpm"),
    ({"rhythmCharacteristics": {"key": "H"}}, "rhythmCharacteristics.key"),
    (
        {"rhythmCharacteristics": {"timeSignature": {"numerator": 4, "denominator": 5}}},
        "rhythmCharacteristics.timeSignature.denominator",
    ),
    ({"rhythmCharacteristics": 7}, "rhythmCharacteristics"),
    ({"vocalCharacteristics": {"timbre": {"warmth": 2}}}, "vocalCharacteristics.timbre.warmth"),
    ({"vocalCharacteristics": {"hasSibilance": 1}}, "vocalCharacteristics.hasSibilance"),
    ({"style": {"genre": "polka"}}, "style.genre"),
    ({"style": {"energy": True}}, "style.energy"),
]


async def test_wrong_metadata_is_refused_by_its_path(session: Session) -> None:
    for values, field in WRONG_METADATA:
        status, body = await session.server.json("PUT", f"/api/tracks/{session.track}/metadata", json=values)
        assert (status, list(body["details"])) == (400, [field]), values


async def test_a_style_is_judged_by_what_was_measured_and_by_no_text(session: Session) -> None:
    await session.clip(await session.recording(CLICKS[140]))
    status, body = await session.post(
        f"/api/tracks/{session.track}/detect-style", artistReference="Morgan Wallen, please"
    )
    assert status == 200, body
    assert body["detectedStyle"] != "morgan-wallen"
    assert all(0 <= each["confidence"] <= 1 and each["style"] != "morgan-wallen" for each in body["candidates"])
    _, stored = await session.server.json("GET", f"/api/tracks/{session.track}/metadata")
    assert stored["metadata"]["analyzedAt"]


async def test_roles_decide_who_reads_and_who_measures(session: Session) -> None:
    await session.clip(await session.recording(CLICKS[90]))
    await session.member("vic", "viewer")
    base = f"/api/tracks/{session.track}"
    for user, read, write in (("vic", 200, 403), ("eve", 404, 404)):
        assert (await session.server.json("GET", f"{base}/metadata", user))[0] == read
        assert (await session.server.json("PUT", f"{base}/metadata", user, json={}))[0] == write
        assert (await session.post(f"{base}/analyze", user))[0] == write
        assert (await session.post(f"{base}/detect-style", user))[0] == write
    assert (await session.post("/api/tracks/not-a-uuid/analyze"))[0] == 404


async def test_the_same_audio_is_measured_once_whoever_asks(session: Session) -> None:
    one, other = [await session.recording(CADENCES["C"]) for _ in range(2)]
    clips = [await session.clip(audio) for audio in (one, other)]
    first, second = [(await session.analyzed(clipId=clip))["metadata"] for clip in clips]
    assert first["analyzedAt"] == second["analyzedAt"]
    differently = (await session.analyzed(clipId=clips[0], trackType="vocal"))["metadata"]
    assert differently["analyzedAt"] > first["analyzedAt"]
    assert differently["vocalCharacteristics"] is not None
    together = await asyncio.gather(*(session.analyzed(clipId=clip, suggestedMood="calm") for clip in clips * 2))
    assert len({reply["metadata"]["analyzedAt"] for reply in together}) == 1


async def test_clips_are_compared_and_the_caller_hears_of_it(session: Session, javascript: JavaScript) -> None:
    names = {}
    for name, samples in (("home", CADENCES["C"]), ("away", CADENCES["F#"]), ("slow", CLICKS[90])):
        names[await session.clip(await session.recording(samples), name)] = name
    ada, eve = [await javascript.connect(session.server.url, auth={"userId": user}) for user in ("ada", "eve")]
    parameters = {"clips": [{"clipId": clip, "suggestedType": "instrument"} for clip in names]}
    status, body = await session.post("/api/clips/analyze-multiple", **parameters)
    assert status == 200, body
    analysis = body["analysis"]
    shown = {each["clipName"]: each for each in analysis["clips"]}
    assert [names[each["clipId"]] for each in analysis["clips"]] == ["home", "away", "slow"]
    assert (shown["home"]["key"], shown["away"]["key"]) == ("C", "F#")
    assert shown["slow"]["bpm"] == pytest.approx(90, abs=1)
    assert shown["slow"]["duration"] == pytest.approx(8.0, abs=0.01)
    assert len(analysis["relationships"]) == 3
    clash = [each for each in analysis["conflicts"] if each["conflictType"] == "key-clash"]
    assert [{names[clip] for clip in each["clipIds"]} for each in clash] == [{"home", "away"}]
    assert analysis["arrangementSuggestions"] == []
    assert any("Transpose" in sentence for sentence in analysis["aiRecommendations"])
    assert analysis["warnings"] == []
    assert analysis["cost"] == {
        "totalCost": 0,
        "inputTokens": 0,
        "outputTokens": 0,
        "breakdown": "local analysis only",
    }
    news = await ada.wait_for("clips:analyzed")
    assert news["analysis"] == analysis
    assert not [name for name, _ in eve.events if name == "clips:analyzed"]

    status, again = await session.post("/api/clips/analyze-by-ids", clipIds=list(names), detectConflicts=False)
    assert status == 200
    assert again["analysis"]["conflicts"] == []
    assert len(again["analysis"]["relationships"]) == 3


async def test_an_arrangement_without_a_key_is_refused_and_the_rest_is_there_when_it_is_not_asked_for(
    session: Session,
) -> None:
    clips = [await session.clip(await session.recording(CLICKS[bpm])) for bpm in (90, 140)]
    for path in ("analyze-multiple", "analyze-by-ids"):
        status, body = await session.post(f"/api/clips/{path}", clipIds=clips, suggestArrangement=True)
        assert (status, body["code"], body["details"]) == (503, "provider_unconfigured", {"env": ["ANTHROPIC_API_KEY"]})
        assert (await session.post(f"/api/clips/{path}", clipIds=clips))[0] == 200
    status, alone = await session.post("/api/clips/analyze-by-ids", clipIds=clips[:1], suggestArrangement=True)
    assert (status, alone["analysis"]["arrangementSuggestions"]) == (200, [])
    assert "at least two clips" in alone["analysis"]["warnings"][0]


async def test_clips_that_cannot_be_compared_are_named(session: Session) -> None:
    clip = await session.clip(await session.recording(CLICKS[90]))
    notes = {"midiData": {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 100}]}, "duration": 1}
    status, keys = await session.post("/api/tracks", projectId=session.project, name="Keys", trackType="MIDI")
    assert status == 201, keys
    status, silent = await session.post("/api/clips", trackId=keys["id"], name="notes", startTime=0, **notes)
    assert status == 201, silent
    unknown = str(uuid.uuid4())
    for path in ("analyze-multiple", "analyze-by-ids"):
        status, body = await session.post(f"/api/clips/{path}", clipIds=[clip, unknown])
        assert (status, body["code"]) == (404, "not_found")
        assert body["details"] == {"kind": "clip", "found": 1, "requested": 2, "missing": [unknown]}
        status, body = await session.post(f"/api/clips/{path}", "eve", clipIds=[clip])
        assert (status, body["details"]["missing"]) == (404, [clip])
        status, body = await session.post(f"/api/clips/{path}", clipIds=[clip, silent["id"]])
        assert (status, body["code"], body["details"]) == (409, "no_audio", {"clipIds": [silent["id"]]})
        for wrong in ({}, {"clipIds": []}, {"clipIds": [clip] * 11}, {"clipIds": "x"}, {"clipIds": ["x"]}):
            assert (await session.post(f"/api/clips/{path}", **wrong))[0] == 400, wrong


@pytest.mark.parametrize("storage", ["folder", "s3"])
async def test_files_are_compared_without_being_kept(
    database_dsn: str, tmp_path: Path, request: pytest.FixtureRequest, storage: str
) -> None:
    bucket: S3Server | None = request.getfixturevalue("s3_server") if storage == "s3" else None
    variables = bucket.settings() if bucket else {}
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0", **variables) as server:
        files = [recordings.written(CLICKS[bpm], kind, RATE) for bpm, kind in ((90, "wav"), (140, "mp3"))]
        said = json.dumps([{"clipId": "one", "clipName": "Slow", "suggestedType": "vocal"}])
        body = recordings.form(*files, filename="beat.mp3", clips=said)
        status, reply = await server.json("POST", "/api/clips/analyze-multiple", data=body)
        assert status == 200, reply
        slow, fast = reply["analysis"]["clips"]
        assert (slow["clipId"], slow["clipName"], slow["isVocal"]) == ("one", "Slow", True)
        assert (fast["clipName"], fast["isVocal"]) == ("beat.mp3", fast["vocalCharacteristics"] is not None)
        assert [round(each["bpm"]) for each in (slow, fast)] == [90, 140]
        assert reply["analysis"]["conflicts"][0]["conflictType"] == "tempo-mismatch"
        assert await server.services.platform.database.fetch_value("SELECT count(*) FROM audio_files") == 0
        assert list((tmp_path / "work").glob("*/*")) == []
        session = await begin(server)  # and stored ones are fetched from wherever they lie
        await session.clip(await session.recording(CLICKS[90]))
        metadata = (await session.analyzed())["metadata"]
        assert metadata["rhythmCharacteristics"]["bpm"] == pytest.approx(90, abs=1)


WRONG_FILES: list[tuple[list[bytes], dict[str, str], int]] = [
    ([b"no audio"], {}, 415),
    ([], {}, 400),
    ([recordings.wav(0.5)] * 11, {}, 400),
    ([recordings.wav(0.5)], {"clips": "[{]"}, 400),
    ([recordings.wav(0.5)], {"clips": "7"}, 400),
    ([recordings.wav(0.5)], {"clips": '[{"suggestedType": "drums"}]'}, 400),
    ([recordings.wav(0.5)], {"clips": "[{}, {}]"}, 400),
    ([recordings.wav(0.5)], {"detectConflicts": "perhaps"}, 400),
    ([recordings.wav(0.5)], {"projectId": str(uuid.uuid4())}, 404),
]


async def test_wrong_files_are_refused(session: Session) -> None:
    for files, fields, status in WRONG_FILES:
        body = recordings.form(*files, **fields)
        given, reply = await session.server.json("POST", "/api/clips/analyze-multiple", data=body)
        assert (given, reply["success"]) == (status, False), (fields, reply)


async def test_an_analysis_ends_when_nobody_waits_for_it_any_more(session: Session) -> None:
    long = np.tile(CADENCES["C"], (60, 1))  # eight minutes, two seconds of work
    clip = await session.clip(await session.recording(long))
    asking = asyncio.create_task(session.analyzed(clipId=clip))
    async with asyncio.timeout(20):
        while not session.server.services.documents.analyses._waiting:
            await asyncio.sleep(0.01)
        asking.cancel()
        while session.server.services.documents.analyses._waiting:
            await asyncio.sleep(0.01)
    found = "SELECT count(*) FROM audio_files WHERE analysis IS NOT NULL"
    assert await session.server.services.platform.database.fetch_value(found) == 0


async def test_an_estimate_is_arithmetic_and_local_work_is_free(session: Session) -> None:
    path = "/api/clips/analysis-cost-estimate"
    _, free = await session.server.json("GET", f"{path}?clipCount=3")
    assert free["estimate"] == {
        "clipCount": 3,
        "includeArrangement": False,
        "estimatedCost": 0,
        "inputTokens": 0,
        "outputTokens": 0,
        "breakdown": "local analysis only",
    }
    _, paid = await session.server.json("GET", f"{path}?clipCount=3&includeArrangement=true")
    estimate = paid["estimate"]
    assert (estimate["inputTokens"], estimate["outputTokens"]) == (1400, 1000)
    assert estimate["estimatedCost"] > 0
    assert f"total: ${estimate['estimatedCost']:.6f}" in estimate["breakdown"]
    for wrong in ("", "?clipCount=0", "?clipCount=11", "?clipCount=2.5", "?clipCount=9999999999999999999999"):
        assert (await session.server.json("GET", path + wrong))[0] == 400


async def test_the_features_are_listed(session: Session) -> None:
    for prefix in ("/api", "/api/v1"):
        status, body = await session.server.json("GET", f"{prefix}/clips/features")
        assert status == 200
        features = body["features"]
        assert features["maxClips"] == 10
        assert {"wav", "mp3", "m4a", "webm"} <= set(features["supportedFormats"])
        assert all({"name", "description", "cost", "optional"} <= set(each) for each in features["analyses"])
        paid = [each for each in features["analyses"] if each["cost"] > 0]
        assert [each["name"] for each in paid] == ["arrangement"]
        assert (paid[0]["available"], "ANTHROPIC_API_KEY" in paid[0]["description"]) == (False, True)
