"""Versions: what is kept comes back whole, as one step."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server.database import projects
from dawg_server.daw import entity as registry
from tests.servers import dawg

TIMES = ("createdAt", "updatedAt")


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000") as running:
        yield running


class Song:
    """A project of ada's, changed over REST."""

    def __init__(self, server: dawg.Dawg, id: str) -> None:
        self.server, self.id = server, id

    async def call(self, method: str, path: str, body: Any = None, user: str = "ada", expect: int = 200) -> Any:
        status, reply = await self.server.json(method, f"/api{path}", user, json=body)
        assert status == expect, reply
        return reply

    async def track(self, name: str, **fields: Any) -> str:
        body = {"projectId": self.id, "name": name, **fields}
        return str((await self.call("POST", "/tracks", body, expect=201))["id"])

    async def send(self, track: str, destination: str, level: float = 0.5) -> str:
        body = {"destinationTrackId": destination, "level": level}
        return str((await self.call("POST", f"/tracks/{track}/sends", body))["send"]["id"])

    async def clip(self, track: str, start: float, **fields: Any) -> str:
        notes = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 90}]}
        body = {"trackId": track, "name": "riff", "startTime": start, "duration": 2, "midiData": notes, **fields}
        return str((await self.call("POST", "/clips", body, expect=201))["id"])

    async def state(self) -> dict[str, Any]:
        """Everything that a version keeps, without times and counters."""
        found = await projects.snapshot(self.server.services.platform.database, self.id, "ada", registry.tables())
        assert found is not None
        project = {
            name: value for name, value in found["project"].items() if name not in (*TIMES, "revision", "version")
        }
        return {
            "project": project,
            "tracks": {each["id"]: {k: v for k, v in each.items() if k not in TIMES} for each in found["tracks"]},
            "clips": {each["id"]: {k: v for k, v in each.items() if k not in TIMES} for each in found["clips"]},
        }

    async def keep(self, name: str | None = None) -> int:
        reply = await self.call("POST", f"/projects/{self.id}/versions", {"name": name}, expect=201)
        return int(reply["version"]["number"])

    async def restore(self, number: int) -> Any:
        return await self.call("POST", f"/projects/{self.id}/versions/{number}/restore")

    async def undo(self) -> Any:
        return await self.call("POST", f"/projects/{self.id}/undo", {})


@pytest.fixture
async def song(server: dawg.Dawg) -> Song:
    status, made = await server.json("POST", "/api/projects", json={"name": "Song", "bpm": 90, "lyrics": "la la"})
    assert status == 201
    return Song(server, made["id"])


async def test_a_version_is_numbered_and_tells_who_made_it_when_and_of_what(song: Song) -> None:
    await song.track("drums")
    made = await song.call(
        "POST", f"/projects/{song.id}/versions", {"name": "First", "description": "rough"}, expect=201
    )
    assert made["version"] | {"success": True, "version": made["version"]} == made
    del made["version"], made["id"], made["createdAt"]
    assert made == {
        "success": True,
        "number": 1,
        "name": "First",
        "description": "rough",
        "revision": 1,
        "automatic": False,
        "createdBy": "ada",
    }
    assert await song.keep() == 2
    listed = await song.call("GET", f"/projects/{song.id}/versions?limit=1")
    assert ([each["number"] for each in listed["versions"]], listed["total"], listed["totalPages"]) == ([2], 2, 2)
    assert (await song.call("GET", f"/projects/{song.id}"))["version"] == 2


async def test_a_restore_brings_everything_back_and_undo_takes_it_back_again(song: Song) -> None:
    reverb = await song.track("reverb", trackType="AUX")
    drums = await song.track("drums", outputDestination=reverb, trackType="MIDI")
    bass = await song.track("bass", trackType="MIDI")
    doomed = await song.track("doomed", trackType="MIDI", color="#ff0000", lyrics="gone")
    await song.send(bass, reverb)
    await song.send(doomed, reverb)
    kick, lost = await song.clip(drums, 1.5), await song.clip(doomed, 3)
    kept, number = await song.state(), await song.keep()

    await song.call("PUT", f"/projects/{song.id}", {"name": "Other", "bpm": 140, "lyrics": None})
    await song.call("PUT", f"/clips/{kick}", {"trackId": bass, "startTime": 7})
    await song.call("DELETE", f"/clips/{lost}")
    await song.call("DELETE", f"/tracks/{doomed}")
    await song.call("DELETE", f"/tracks/{reverb}")
    delay = await song.track("delay", trackType="AUX", order=0)
    await song.call("PUT", f"/tracks/{drums}", {"outputDestination": delay, "volume": 0.1})
    await song.send(bass, delay)
    await song.clip(bass, 0)
    changed = await song.state()
    before = (await song.call("GET", f"/projects/{song.id}"))["revision"]

    restored = await song.restore(number)
    assert await song.state() == kept
    assert restored["project"]["tracks"][0]["id"] == reverb
    assert (restored["restoredNumber"], restored["savedNumber"], restored["missingAudio"]) == (number, 2, [])
    log = (await song.call("GET", f"/projects/{song.id}/operations?since={before}"))["operations"]
    assert {(each["source"], each["groupId"]) for each in log} == {("restore", restored["groupId"])}
    assert restored["revision"] == before + len(log)

    assert (await song.undo())["groupIds"] == [restored["groupId"]]
    assert await song.state() == changed
    await song.call("POST", f"/projects/{song.id}/redo", {})
    assert await song.state() == kept
    assert (await song.restore(2))["project"]["name"] == "Other"
    assert await song.state() == changed


async def test_a_restore_of_what_is_there_changes_nothing_but_keeps_a_version(song: Song) -> None:
    await song.track("drums")
    number = await song.keep()
    reply = await song.restore(number)
    assert (reply["revision"], reply["groupId"]) == (1, None)
    newest = (await song.call("GET", f"/projects/{song.id}/versions"))["versions"][0]
    assert (newest["number"], newest["automatic"], newest["revision"]) == (2, True, 1)
    assert newest["name"] == "Before restoring version 1"


async def test_changes_of_track_types_do_not_stand_in_the_way(song: Song) -> None:
    one, two = await song.track("one", trackType="AUX"), await song.track("two")
    await song.call("PUT", f"/tracks/{two}", {"outputDestination": one})
    first_state, first = await song.state(), await song.keep()
    await song.call("PUT", f"/tracks/{two}", {"outputDestination": "master", "trackType": "AUX"})
    await song.call("PUT", f"/tracks/{one}", {"outputDestination": two, "trackType": "AUDIO"})
    second_state = await song.state()
    await song.restore(first)
    assert await song.state() == first_state
    await song.undo()
    assert await song.state() == second_state


async def test_any_two_states_can_be_restored_and_undone(song: Song) -> None:
    chance = random.Random(7)
    states: dict[int, dict[str, Any]] = {}
    for _ in range(6):
        for _ in range(8):
            await _change_something(song, chance)
        number = await song.keep()
        states[number] = await song.state()
    current = states[max(states)]
    for _ in range(8):
        number = chance.choice(list(states))
        await song.restore(number)
        assert await song.state() == states[number]
        if chance.random() < 0.5 and states[number] != current:
            await song.undo()
            assert await song.state() == current
        else:
            current = states[number]


async def _change_something(song: Song, chance: random.Random) -> None:
    state = await song.state()
    tracks, clips = list(state["tracks"].values()), list(state["clips"].values())
    aux = [track["id"] for track in tracks if track["trackType"] == "AUX"]
    what = chance.choice(["track", "track", "clip", "clip", "send", "output", "order", "delete", "move", "project"])
    if what == "track" or not tracks:
        await song.track(f"t{chance.random():.3f}", trackType=chance.choice(["AUX", "AUDIO", "MIDI", "MIDI"]))
        return
    track = chance.choice(tracks)
    if what == "clip" and track["trackType"] != "MIDI":
        path = f"/api/tracks/{track['id']}"
        await song.server.json("PUT", path, json={"trackType": chance.choice(["AUX", "AUDIO", "MIDI"])})
    elif what == "clip":
        await song.clip(track["id"], chance.randrange(60))
    elif what == "send" and aux:
        await song.server.json(
            "POST", f"/api/tracks/{track['id']}/sends", json={"destinationTrackId": chance.choice(aux)}
        )
    elif what == "output" and aux:
        await song.server.json(
            "PUT", f"/api/tracks/{track['id']}", json={"outputDestination": chance.choice([*aux, "master"])}
        )
    elif what == "order":
        await song.call("PUT", f"/tracks/{track['id']}", {"order": chance.randrange(len(tracks))})
    elif what == "delete":
        await song.call("DELETE", f"/tracks/{track['id']}")
    elif what == "move" and clips:
        await song.call("PUT", f"/clips/{chance.choice(clips)['id']}", {"trackId": track["id"], "gain": -3})
    else:
        await song.call("PUT", f"/projects/{song.id}", {"bpm": chance.randrange(60, 180)})


async def test_clips_of_recordings_that_were_deleted_are_named_instead_of_restored(song: Song) -> None:
    drums = await song.track("drums")
    audio = await song.server.services.platform.database.fetch_value(
        """INSERT INTO audio_files (owner_id, project_id, filename, mime_type, size_bytes, duration, storage_key, source)
           VALUES ('ada', %s, 'a.wav', 'audio/wav', 1, 10, 'k', 'upload') RETURNING id""",
        (song.id,),
    )
    clip = await song.clip(drums, 0, midiData=None, audioFileId=audio)
    number = await song.keep()
    await song.call("DELETE", f"/clips/{clip}")
    await song.restore(number)
    assert list((await song.state())["clips"]) == [clip]
    await song.call("DELETE", f"/clips/{clip}")
    await song.server.services.platform.database.execute("DELETE FROM audio_files")
    reply = await song.restore(number)
    assert reply["missingAudio"] == [audio]
    assert (await song.state())["clips"] == {}


async def test_only_the_newest_automatic_versions_are_kept_and_the_oldest_can_still_be_restored(song: Song) -> None:
    number = await song.keep("mine")
    for _ in range(52):
        await song.restore(number)
    listed = await song.call("GET", f"/projects/{song.id}/versions?limit=100")
    assert [each["number"] for each in listed["versions"] if not each["automatic"]] == [number]
    assert listed["total"] == 51
    oldest = listed["versions"][-2]["number"]
    await song.restore(oldest)


async def test_viewers_see_versions_editors_make_them_and_strangers_know_nothing(song: Song) -> None:
    await song.server.json("GET", "/api/auth/me", "vera")
    await song.server.services.platform.database.execute(
        "INSERT INTO collaborators (project_id, user_id, role, accepted_at) VALUES (%s, 'vera', 'viewer', now())",
        (song.id,),
    )
    number = await song.keep()
    place = f"/projects/{song.id}/versions"
    await song.call("GET", place, user="vera")
    await song.call("POST", place, {}, user="vera", expect=403)
    await song.call("POST", f"{place}/{number}/restore", user="vera", expect=403)
    for method, path in (("GET", place), ("POST", place), ("POST", f"{place}/{number}/restore")):
        await song.call(method, path, {} if method == "POST" else None, user="eve", expect=404)
    for wrong in ("99", "0", "-1", "x", "1.0", "9" * 30, "\u0661"):
        await song.call("POST", f"{place}/{wrong}/restore", expect=404)
    await song.call("GET", "/projects/nonsense/versions", expect=404)
    await song.call("POST", "/projects/nonsense/versions/1/restore", expect=404)
