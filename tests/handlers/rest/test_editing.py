"""Editing never gets stuck: clips follow their recordings and the tempo, undo goes on, and nothing is done twice."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from tests.handlers.rest import recordings
from tests.servers import dawg

NOTES = [{"pitch": 60 + beat, "start": beat, "duration": 1, "velocity": 90} for beat in range(16)]
TIMES = ("createdAt", "updatedAt", "revision")


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(
        database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", UPLOADS_PER_MINUTE="1000", JOB_CONCURRENCY="0"
    ) as running:
        yield running


class Song:
    """A project of ada's in which bob is an editor and eve a viewer."""

    def __init__(self, server: dawg.Dawg, id: str) -> None:
        self.server, self.id = server, id

    async def call(self, method: str, path: str, body: Any = None, user: str = "ada", expect: int = 200) -> Any:
        status, reply = await self.server.json(method, f"/api{path}", user, json=body)
        assert status == expect, reply
        return reply

    async def track(self, user: str = "ada", **fields: Any) -> str:
        body = {"projectId": self.id, "name": "Voice", **fields}
        return str((await self.call("POST", "/tracks", body, user, 201))["id"])

    async def clip(self, track: str, user: str = "ada", **fields: Any) -> dict[str, Any]:
        body = {"trackId": track, "startTime": 0, **fields}
        return dict((await self.call("POST", "/clips", body, user, 201))["clip"])

    async def volume(self, track: str, volume: float, user: str = "ada") -> None:
        await self.call("PATCH", f"/tracks/{track}", {"volume": volume}, user)

    async def undo(self, user: str = "ada", expect: int = 200, **body: Any) -> Any:
        return await self.call("POST", f"/projects/{self.id}/undo", body, user, expect)

    async def redo(self, user: str = "ada", expect: int = 200, **body: Any) -> Any:
        return await self.call("POST", f"/projects/{self.id}/redo", body, user, expect)

    async def state(self, user: str = "ada") -> dict[str, Any]:
        found = (await self.call("GET", f"/projects/{self.id}", user=user))["project"]
        found["tracks"] = [_timeless(track) for track in found["tracks"]]
        for track in found["tracks"]:
            track["clips"] = [_timeless(clip) for clip in track["clips"]]
        for file in found["audioFiles"]:
            del file["audioUrl"]  # made anew at each reading
        return _timeless(found)

    async def find(self, clip_id: str) -> dict[str, Any]:
        return dict((await self.call("GET", f"/clips/{clip_id}"))["clip"])

    async def measured(self, audio_id: str) -> float:
        """Seconds, once the background has measured them."""
        async with asyncio.timeout(30):
            while True:
                row = await self.call("GET", f"/audio/{audio_id}")
                if row["waveformStatus"] != "pending":
                    return float(row["duration"])
                await asyncio.sleep(0.02)


def _timeless(thing: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if name not in TIMES}


@pytest.fixture
async def song(server: dawg.Dawg) -> Song:
    for name in ("ada", "bob", "eve"):
        await server.json("GET", "/api/projects", name)  # a name becomes an account at its first request
    _, made = await server.json("POST", "/api/projects", json={"name": "Song"})
    for name, role in (("bob", "editor"), ("eve", "viewer")):
        await server.services.platform.database.execute(
            "INSERT INTO collaborators (project_id, user_id, role, accepted_at) VALUES (%s, %s, %s, now())",
            (made["id"], name, role),
        )
    return Song(server, made["id"])


# -- clips and their recordings ----------------------------------------------------------------------------------------


async def test_a_clip_made_before_its_recording_was_measured_can_be_changed_afterwards(
    song: Song, tmp_path: Path
) -> None:
    track = await song.track()
    file = await recordings.uploaded(song.server, recordings.encoded("webm", tmp_path), projectId=song.id)
    clip = await song.clip(track, audioFileId=file["id"], duration=file["duration"] + 0.02)
    length = await song.measured(file["id"])
    followed = await song.find(clip["id"])
    assert followed["offset"] + followed["duration"] <= length + 1e-9
    for changes in ({"startTime": 3}, {"name": "Hook"}, {"color": "#aabbcc"}, {"gain": -3}, {"fadeIn": 0.1}):
        for method in ("PUT", "PATCH"):
            reply = await song.call(method, f"/clips/{clip['id']}", changes)
            assert "clamped" not in reply
    await song.call("PATCH", "/clips/bulk", {"clipIds": [clip["id"]], "updates": {"startTime": 4}})
    stale = await song.call(
        "PUT", f"/clips/{clip['id']}", {**_timeless(clip), "startTime": 5, "duration": length + 0.05}
    )
    assert stale["clamped"] == ["duration"]
    assert stale["duration"] == pytest.approx(length)


async def test_clips_follow_a_corrected_recording_as_a_change_that_everybody_sees(song: Song, tmp_path: Path) -> None:
    track = await song.track()
    file = await recordings.uploaded(song.server, recordings.wav(2.0), projectId=song.id)
    await song.measured(file["id"])
    whole, late = await song.clip(track, audioFileId=file["id"]), await song.clip(track, audioFileId=file["id"])
    early = await song.clip(track, audioFileId=file["id"], duration=1.0)
    await song.call("PATCH", f"/clips/{late['id']}", {"offset": 1.9, "duration": 0.1})
    await song.call("PATCH", f"/clips/{whole['id']}", {"fadeIn": 1.0, "fadeOut": 1.0})
    # As if the first length of the file had been an estimate that was too long.
    database = song.server.services.platform.database
    await database.execute(
        "UPDATE audio_files SET waveform = NULL, measure_after = now(), duration = 2.05 WHERE id = %s", (file["id"],)
    )
    await database.execute("UPDATE clips SET duration = 2.05 WHERE id = %s", (whole["id"],))
    await database.execute("UPDATE clips SET source_offset = 2.01, duration = 0.04 WHERE id = %s", (late["id"],))
    before = (await song.call("GET", f"/projects/{song.id}"))["revision"]
    song.server.services.documents.measuring.wake()
    length = await song.measured(file["id"])
    followed = await song.find(whole["id"])
    assert followed["duration"] == pytest.approx(length)
    assert followed["fadeIn"] + followed["fadeOut"] <= length + 1e-9
    assert 0 < (await song.find(late["id"]))["offset"] < length
    assert await song.find(early["id"]) == early
    log = await song.call("GET", f"/projects/{song.id}/operations?since={before}")
    assert {each["entityId"] for each in log["operations"]} == {whole["id"], late["id"]}
    assert {each["source"] for each in log["operations"]} == {"measuring"}
    # It is nobody's step, and stands in nobody's way.
    await song.undo(steps=1)
    await song.undo(steps=20)
    assert (await song.state())["tracks"] == []


async def test_lengths_are_clamped_and_fades_follow_a_trim(song: Song) -> None:
    track = await song.track()
    file = await recordings.uploaded(song.server, recordings.wav(2.0), projectId=song.id)
    reply = await song.call(
        "POST", "/clips", {"trackId": track, "startTime": 0, "audioFileId": file["id"], "duration": 2.09}, expect=201
    )
    assert (reply["clamped"], reply["clip"]["duration"]) == (["duration"], 2.0)
    await song.call("PATCH", f"/clips/{reply['id']}", {"fadeIn": 1.0, "fadeOut": 0.5})
    trimmed = await song.call("PATCH", f"/clips/{reply['id']}", {"duration": 0.75})
    assert trimmed["clamped"] == ["fadeIn", "fadeOut"]
    assert trimmed["clip"]["fadeIn"] + trimmed["clip"]["fadeOut"] == pytest.approx(0.75)
    moved = await song.call("PATCH", f"/clips/{reply['id']}", {"offset": 1.5})
    assert (moved["clamped"][0], moved["clip"]["duration"]) == ("duration", 0.5)
    await song.call("PATCH", f"/clips/{reply['id']}", {"offset": 2.5}, expect=400)
    clamped = await song.call("PATCH", f"/clips/{reply['id']}", {"duration": 0.2, "fadeIn": 0.15})
    assert (clamped["fadeIn"], clamped["fadeOut"]) == (0.15, pytest.approx(0.05))
    assert clamped["clamped"] == ["fadeOut"]
    for fades in ({"fadeIn": 0.21}, {"fadeIn": 0.14, "fadeOut": 0.1}):
        await song.call("PATCH", f"/clips/{reply['id']}", fades, expect=400)
    await song.call("PATCH", f"/clips/{reply['id']}", {"fadeIn": 3}, expect=400)


# -- undo and redo -----------------------------------------------------------------------------------------------------


async def test_an_order_that_is_taken_back_without_some_of_its_tracks_has_no_gaps(song: Song) -> None:
    one, two = await song.track(), await song.track()
    places = {"trackOrders": [{"id": two, "order": 0}, {"id": one, "order": 1}]}
    await song.call("POST", f"/tracks/project/{song.id}/reorder", places)
    log = await song.call("GET", f"/projects/{song.id}/operations?limit=1000")
    await song.call("DELETE", f"/tracks/{one}")
    await song.call("POST", f"/projects/{song.id}/undo", {"groupId": log["operations"][-1]["groupId"]})
    assert [(track["id"], track["order"]) for track in (await song.state())["tracks"]] == [(two, 0)]


async def test_undo_says_who_deleted_what_it_would_take_back(song: Song) -> None:
    older = await song.track(name="older")
    mine = await song.track(name="mine")
    await song.call("DELETE", f"/tracks/{mine}", user="bob")
    undone = await song.undo()
    assert [(each["entity"], each["id"], each["by"]) for each in undone["skipped"]] == [("track", mine, "bob")]
    assert "deleted" in undone["skipped"][0]["reason"]
    assert older not in [track["id"] for track in (await song.state())["tracks"]]  # it went on to the next older step


async def test_undo_goes_on_past_what_others_changed_and_says_what_it_skipped(song: Song) -> None:
    one, two = await song.track(), await song.track()
    await song.volume(two, 0.3)
    await song.volume(one, 0.1)
    await song.volume(one, 0.2, "bob")
    reply = await song.undo()
    (skipped,) = reply["skipped"]
    assert {name: skipped[name] for name in ("entity", "id", "field", "by")} == {
        "entity": "track",
        "id": one,
        "field": "volume",
        "by": "bob",
    }
    assert skipped["reason"]
    tracks = {track["id"]: track["volume"] for track in (await song.state())["tracks"]}
    assert tracks == {one: 0.2, two: 0.8}
    await song.undo(steps=20)
    assert [track["id"] for track in (await song.state())["tracks"]] == [one]  # bob has worked on it
    await song.undo(expect=409)
    await song.redo(steps=20)
    tracks = {track["id"]: track["volume"] for track in (await song.state())["tracks"]}
    assert tracks == {one: 0.2, two: 0.3}


async def test_a_track_that_somebody_inserts_above_mine_ends_nobodys_undo(song: Song) -> None:
    mine = await song.track(name="mine")
    other = await song.track(name="other")
    await song.call("POST", f"/tracks/project/{song.id}/reorder", {"trackOrders": [{"id": other, "order": 0}]})
    inserted = await song.track("bob", name="bobs", order=0)
    assert await _names(song) == ["bobs", "other", "mine"]
    assert (await song.undo())["skipped"] == []
    assert await _names(song) == ["bobs", "mine", "other"]
    await song.redo()
    assert await _names(song) == ["bobs", "other", "mine"]
    await song.undo(steps=20)
    assert [track["id"] for track in (await song.state())["tracks"]] == [inserted]
    await song.redo(steps=20)
    assert {track["id"] for track in (await song.state())["tracks"]} == {inserted, other, mine}


async def test_a_fader_that_i_drag_while_my_assistant_works_can_be_undone_like_everything_else(song: Song) -> None:
    track = await song.track()
    turn, by, document = str(uuid.uuid4()), Actor("ada", "ai-brain"), song.server.services.documents.document

    async def assistant(**changes: Any) -> None:
        await document.execute(
            song.id, [Command("updateTrack", {"trackId": track, "changes": changes})], by, group=turn
        )

    before = await song.state()
    await assistant(volume=0.5)
    await song.volume(track, 0.6)
    await assistant(pan=1)
    states = [await song.state()]
    for _ in range(3):
        await song.undo()
        states.append(await song.state())
    assert states[-1] == before
    assert [each["tracks"][0]["volume"] for each in states] == [0.6, 0.6, 0.5, 0.8]
    for expected in states[-2::-1]:
        await song.redo()
        assert await song.state() == expected


async def test_redo_repeats_exactly_what_its_undo_took_back(song: Song) -> None:
    functions = song.server.services.documents.functions
    turn, by = str(uuid.uuid4()), Actor("ada", "ai-brain")

    async def call(function: str, **arguments: Any) -> Any:
        return await functions.run(function, arguments, project_id=song.id, by=by, group=turn)

    await call("setTempo", bpm=130)
    await call("createTrack", name="Kept")
    await call("undo")
    assert (await song.state())["bpm"] == 130
    assert (await song.state())["tracks"] == []
    await call("undo")
    assert (await song.state())["bpm"] == 120
    await call("createTrack", name="Bass")
    after = await song.state()
    await song.undo()
    assert (await song.state())["tracks"] == []
    await song.redo()
    assert await song.state() == after
    assert after["bpm"] == 120


async def test_a_recording_that_is_gone_does_not_stop_undo(song: Song) -> None:
    track = await song.track()
    await song.volume(track, 0.5)
    file = await recordings.uploaded(song.server, recordings.wav(1.0), projectId=song.id)
    clip = await song.clip(track, audioFileId=file["id"])
    await song.call("DELETE", f"/clips/{clip['id']}")
    await song.call("DELETE", f"/audio/{file['id']}")
    reply = await song.undo()
    assert {(each["entity"], each["id"], each["field"]) for each in reply["skipped"]} == {
        ("clip", clip["id"], "audioFileId")
    }
    assert (await song.state())["tracks"][0]["volume"] == 0.8


async def _names(song: Song) -> list[str]:
    return [track["name"] for track in (await song.state())["tracks"]]


# -- recordings of another project -------------------------------------------------------------------------------------


async def test_a_clip_may_play_a_recording_of_another_project_of_mine(song: Song) -> None:
    _, elsewhere = await song.server.json("POST", "/api/projects", json={"name": "Elsewhere"})
    file = await recordings.uploaded(song.server, recordings.wav(2.0), projectId=elsewhere["id"])
    track = await song.track()
    clip = await song.clip(track, audioFileId=file["id"])
    await song.measured(file["id"])
    kept = (await song.call("POST", f"/projects/{song.id}/versions", {"name": "Take"}, expect=201))["version"]
    before = await song.state()
    restored = await song.call("POST", f"/projects/{song.id}/versions/{kept['number']}/restore")
    assert restored["missingAudio"] == []
    assert await song.state() == before | {"version": before["version"] + 1}
    assert [each["id"] for each in before["audioFiles"]] == [file["id"]]
    for user in ("bob", "eve"):
        assert [each["id"] for each in (await song.state(user))["audioFiles"]] == [file["id"]]
        assert (await song.call("GET", f"/audio/{file['id']}", user=user))["id"] == file["id"]
        listed = await song.call("GET", f"/audio?projectId={song.id}", user=user)
        assert [each["id"] for each in listed["audioFiles"]] == [file["id"]]
    # A collaborator splits it: the left part gets shorter, the right part is a new clip.
    await song.call("PATCH", f"/clips/{clip['id']}", {"duration": 1.0}, "bob")
    await song.clip(track, "bob", audioFileId=file["id"], startTime=1.0, offset=1.0)
    await song.call("DELETE", f"/clips/{clip['id']}", user="bob")
    await song.undo("bob")
    # A recording that plays nowhere in the project is still nobody else's business.
    other = await recordings.uploaded(song.server, recordings.wav(1.0, frequency=500), projectId=elsewhere["id"])
    body = {"trackId": track, "startTime": 0, "audioFileId": other["id"]}
    await song.call("POST", "/clips", body, "bob", 404)
    await song.call("GET", f"/audio/{other['id']}", user="bob", expect=404)


# -- tempo -------------------------------------------------------------------------------------------------------------


async def test_notes_follow_the_tempo_and_undo_puts_them_back_exactly(song: Song) -> None:
    track, audio = await song.track(trackType="MIDI"), await song.track()
    notes = await song.clip(track, midiData={"notes": NOTES}, startTime=8.1, duration=8, fadeOut=1)
    file = await recordings.uploaded(song.server, recordings.wav(2.0), projectId=song.id)
    await song.measured(file["id"])
    sound = await song.clip(audio, audioFileId=file["id"], startTime=4)
    before = await song.state()
    for bpm in (60, 77.77, 240):
        await song.call("PATCH", f"/projects/{song.id}", {"bpm": bpm})
        now = await song.find(notes["id"])
        assert now["duration"] == pytest.approx(16 * 60 / bpm)
        assert now["startTime"] == pytest.approx(8.1 * 120 / bpm)
        kept = await song.find(sound["id"])
        assert [kept[name] for name in ("startTime", "duration")] == [sound[name] for name in ("startTime", "duration")]
    after = await song.state()
    await song.undo(steps=3)
    assert await song.state() == before
    await song.redo(steps=3)
    assert await song.state() == after


async def test_notes_that_came_after_a_tempo_keep_their_beats_when_it_is_undone(song: Song) -> None:
    track = await song.track(trackType="MIDI")
    old = await song.clip(track, midiData={"notes": NOTES}, startTime=0, duration=8)
    await song.call("PATCH", f"/clips/{old['id']}", {"startTime": 4}, "bob")
    await song.call("PATCH", f"/projects/{song.id}", {"bpm": 60})
    new = await song.clip(track, "bob", midiData={"notes": NOTES}, startTime=16, duration=16)
    await song.call("PATCH", f"/clips/{old['id']}", {"startTime": 2}, "bob")
    await song.undo()
    assert (await song.state())["bpm"] == 120
    assert [(await song.find(each["id"]))[name] for each in (old, new) for name in ("startTime", "duration")] == [
        1,
        8,
        8,
        8,
    ]
    await song.call("PATCH", f"/projects/{song.id}", {"bpm": 240})
    await song.undo("bob")  # "old" was at beat 4 before it went to beat 2
    assert (await song.find(old["id"]))["startTime"] == pytest.approx(2.0)


async def test_a_tempo_that_would_move_notes_out_of_reach_does_not_stop_undo(song: Song) -> None:
    track = await song.track(trackType="MIDI")
    await song.call("PATCH", f"/projects/{song.id}", {"bpm": 240})
    await song.clip(track, "bob", midiData={"notes": NOTES}, startTime=80_000)
    assert [each["field"] for each in (await song.undo())["skipped"]][:1] == ["bpm"]
    assert (await song.state())["bpm"] == 240
    await song.call("PATCH", f"/projects/{song.id}", {"bpm": 100}, expect=400)


# -- client operations -------------------------------------------------------------------------------------------------


async def test_a_client_operation_is_one_command(song: Song) -> None:
    track = await song.track()
    body = {"volume": 0.5, "clientOperationId": "one"}
    first = await song.call("PATCH", f"/tracks/{track}", body)
    assert await song.call("PATCH", f"/tracks/{track}", body) == first
    for method, path, other in (
        ("PATCH", f"/tracks/{track}", {"volume": 0.6}),
        ("PATCH", f"/projects/{song.id}", {"name": "Other"}),
        ("POST", "/clips", {"trackId": track, "startTime": 0, "midiData": {"notes": []}}),
        ("POST", f"/projects/{song.id}/undo", {}),
    ):
        reply = await song.call(method, path, {**other, "clientOperationId": "one"}, expect=409)
        assert reply["code"] == "idempotency_conflict"
    assert (await song.call("PATCH", f"/tracks/{track}", {**body}, "bob"))["volume"] == 0.5  # ids are one's own


async def test_a_change_that_changed_nothing_is_remembered_too(song: Song) -> None:
    track = await song.track()
    body = {"volume": 0.8, "clientOperationId": "same"}
    first = await song.call("PATCH", f"/tracks/{track}", body)
    await song.volume(track, 0.3)
    assert await song.call("PATCH", f"/tracks/{track}", body) == first
    assert (await song.state())["tracks"][0]["volume"] == 0.3


async def test_a_deletion_that_is_repeated_is_answered_again(song: Song) -> None:
    track = await song.track(trackType="MIDI")
    clip = await song.clip(track, midiData={"notes": []})
    bus = await song.track(trackType="AUX")
    send = (await song.call("POST", f"/tracks/{track}/sends", {"destinationTrackId": bus}))["send"]["id"]
    for number, path in enumerate((f"/clips/{clip['id']}", f"/tracks/{track}/sends/{send}", f"/tracks/{track}")):
        path = f"{path}?clientOperationId=gone-{number}"
        first = await song.call("DELETE", path)
        assert await song.call("DELETE", path) == first
        shown = await song.call("GET", f"/projects/{song.id}")
        assert shown["revision"] == first["revision"]
    for path in (f"/tracks/{bus}", f"/tracks/{track}", f"/clips/{clip['id']}"):
        reply = await song.call("DELETE", f"{path}?clientOperationId=gone-1", expect=409)
        assert reply["code"] == "idempotency_conflict"
    await song.call("DELETE", f"/tracks/{track}?clientOperationId=other", expect=404)
    await song.call("DELETE", f"/tracks/{track}?clientOperationId=gone-2", user="eve", expect=404)
    await song.call("DELETE", f"/tracks/{bus}?clientOperationId={'x' * 129}", expect=400)
    old = shown["revision"]
    await song.volume(bus, 0.4, "bob")
    await song.call("DELETE", f"/tracks/{bus}?baseRevision={old}", expect=409)


async def test_a_restore_that_is_repeated_is_answered_again(song: Song) -> None:
    track = await song.track()
    number = (await song.call("POST", f"/projects/{song.id}/versions", {}, expect=201))["number"]
    await song.volume(track, 0.3)
    path, body = f"/projects/{song.id}/versions/{number}/restore", {"clientOperationId": "back"}
    first = await song.call("POST", path, body)
    await song.volume(track, 0.2)
    again = await song.call("POST", path, body)
    for name in ("restoredNumber", "savedNumber", "missingAudio", "groupId"):
        assert again[name] == first[name]
    assert (await song.state())["tracks"][0]["volume"] == 0.2
    assert (await song.call("GET", f"/projects/{song.id}/versions"))["total"] == 2
    path = f"/projects/{song.id}/versions/{first['savedNumber']}/restore"
    assert (await song.call("POST", path, body, expect=409))["code"] == "idempotency_conflict"
    await song.call("POST", path)
