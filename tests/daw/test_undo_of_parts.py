"""Two people in one clip, device or envelope: each takes back own notes, parameters and points, and no more."""

from __future__ import annotations

import copy
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.daw.replica import document
from tests.servers import dawg

NOTES = [{"pitch": 60 + n, "start": n, "duration": 0.5, "velocity": 90} for n in range(4)]


class Pair:
    """Ada and bob on a track of notes with one clip."""

    def __init__(self, server: dawg.Dawg, id: str) -> None:
        self.server, self.id = server, id
        self.track = self.clip = ""

    async def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        status, reply = await self.server.json(method, f"/api{path}", user=who, json=body)
        assert status in (200, 201), reply
        return reply

    async def notes(self, who: str, **edit: Any) -> None:
        await self.call(who, "PATCH", f"/clips/{self.clip}/notes", edit)

    async def undo(self, who: str, **what: Any) -> list[tuple[str | None, str | None]]:
        """What is skipped: (field, by)."""
        told = await self.call(who, "POST", f"/projects/{self.id}/undo", what)
        return [(each["field"], each["by"]) for each in told["skipped"]]

    async def redo(self, who: str) -> None:
        await self.call(who, "POST", f"/projects/{self.id}/redo", {})

    async def pitches(self) -> dict[str, int]:
        midi = (await self.call("ada", "GET", f"/clips/{self.clip}"))["midiData"]
        return {note.get("id", f"n{place}"): note["pitch"] for place, note in enumerate(midi["notes"])}

    async def state(self) -> Any:
        return copy.deepcopy(document(await self.call("ada", "GET", f"/projects/{self.id}")))


@pytest.fixture
async def pair(database_dsn: str, tmp_path: Path) -> AsyncIterator[Pair]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="10000") as server:
        _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
        pair = Pair(server, project["id"])
        await server.json("GET", "/api/projects", user="bob")
        await server.services.platform.database.execute(
            "INSERT INTO collaborators (project_id, user_id, role, accepted_at) VALUES (%s, 'bob', 'editor', now())",
            (pair.id,),
        )
        made = await pair.call("ada", "POST", "/tracks", {"projectId": pair.id, "name": "Keys", "trackType": "MIDI"})
        pair.track = made["id"]
        body = {"trackId": pair.track, "startBeat": 0, "lengthBeats": 8, "midiData": {"notes": NOTES}}
        pair.clip = (await pair.call("ada", "POST", "/clips", body))["id"]
        yield pair


async def test_notes_are_taken_back_one_by_one(pair: Pair) -> None:
    new = {"pitch": 90, "start": 5, "duration": 1, "velocity": 64}
    await pair.notes("ada", change=[{"id": "n0", "pitch": 70}], remove=["n2"], add=[{**new, "id": "own"}])
    await pair.notes("bob", change=[{"id": "n1", "pitch": 50}], add=[{**new, "id": "bobs"}])
    both = await pair.state()
    assert await pair.undo("ada") == []
    assert await pair.pitches() == {"n0": 60, "n1": 50, "n2": 62, "n3": 63, "bobs": 90}
    without = await pair.state()
    await pair.redo("ada")
    assert await pair.state() == both
    await pair.undo("ada")
    assert await pair.state() == without
    assert await pair.undo("bob") == []
    assert await pair.pitches() == {"n0": 60, "n1": 61, "n2": 62, "n3": 63}


async def test_what_somebody_else_has_changed_of_a_note_stays_and_the_rest_comes_back(pair: Pair) -> None:
    new = {"pitch": 90, "start": 5, "duration": 1, "velocity": 64}
    await pair.notes("ada", change=[{"id": "n0", "pitch": 70, "velocity": 70}])
    await pair.notes("bob", change=[{"id": "n0", "velocity": 1, "start": 2}], add=[{**new, "id": "own"}])
    await pair.notes("ada", change=[{"id": "own", "pitch": 91}])
    await pair.notes("bob", remove=["own"])
    with_both = await pair.state()
    assert await pair.undo("ada") == [("midiData.notes.own.pitch", "bob"), ("midiData.notes.n0.velocity", "bob")]
    midi = (await pair.call("ada", "GET", f"/clips/{pair.clip}"))["midiData"]
    assert midi["notes"][0].items() >= {"pitch": 60, "start": 2, "velocity": 1}.items()
    await pair.redo("ada")
    assert await pair.state() == with_both


async def test_a_note_that_somebody_else_has_changed_stays_and_the_others_come_back(pair: Pair) -> None:
    await pair.call("ada", "PATCH", f"/tracks/{pair.track}", {"name": "Piano"})
    await pair.notes("ada", change=[{"id": "n0", "pitch": 70}, {"id": "n1", "pitch": 71}])
    await pair.notes("bob", change=[{"id": "n1", "pitch": 1}])
    assert await pair.undo("ada") == [("midiData.notes.n1.pitch", "bob")]
    assert await pair.pitches() == {"n0": 60, "n1": 1, "n2": 62, "n3": 63}
    assert (await pair.call("ada", "GET", f"/tracks/{pair.track}"))["name"] == "Piano"
    assert await pair.undo("ada") == []
    assert (await pair.call("ada", "GET", f"/tracks/{pair.track}"))["name"] == "Keys"


async def test_an_older_edit_of_other_notes_is_taken_back_by_itself(pair: Pair) -> None:
    await pair.notes("ada", change=[{"id": "n0", "pitch": 70}])
    first = await pair.server.json("GET", f"/api/projects/{pair.id}/operations?limit=1000")
    group = first[1]["operations"][-1]["groupId"]
    await pair.notes("ada", change=[{"id": "n1", "pitch": 71}])
    assert await pair.undo("ada", groupId=group) == []
    assert await pair.pitches() == {"n0": 60, "n1": 71, "n2": 62, "n3": 63}


async def test_whole_clips_and_their_controllers_are_parts_as_well(pair: Pair) -> None:
    await pair.call("ada", "POST", "/clips/transpose", {"clipIds": [pair.clip], "semitones": 12})
    bend = {"pitchBends": [{"beat": 1, "value": 100}]}
    midi = (await pair.call("bob", "GET", f"/clips/{pair.clip}"))["midiData"]
    await pair.call("bob", "PATCH", f"/clips/{pair.clip}", {"midiData": {**midi, **bend}})
    assert await pair.undo("ada") == []
    assert (await pair.call("ada", "GET", f"/clips/{pair.clip}"))["midiData"] == {"notes": NOTES, **bend}
    assert await pair.undo("bob") == []
    assert (await pair.call("ada", "GET", f"/clips/{pair.clip}"))["midiData"] == {"notes": NOTES}


async def test_knobs_of_one_device_are_not_in_each_others_way(pair: Pair) -> None:
    made = await pair.call("ada", "POST", "/devices", {"trackId": pair.track, "type": "compressor"})
    path, before = f"/devices/{made['id']}", made["device"]["parameters"]
    await pair.call("ada", "PATCH", path, {"parameters": {"threshold": -33}})
    await pair.call("bob", "PATCH", path, {"parameters": {"ratio": 7}})
    assert await pair.undo("ada") == []
    assert (await pair.call("ada", "GET", path))["parameters"] == {**before, "ratio": 7}
    await pair.redo("ada")
    assert await pair.undo("bob") == []
    assert (await pair.call("ada", "GET", path))["parameters"] == {**before, "threshold": -33}


async def test_points_of_one_envelope_are_not_in_each_others_way(pair: Pair) -> None:
    one, two, three = ({"beat": beat, "value": 0.5, "curve": "linear"} for beat in (0, 4, 8))
    body = {"trackId": pair.track, "target": "volume", "points": [one]}
    path = f"/automations/{(await pair.call('ada', 'POST', '/automations', body))['id']}"
    await pair.call("ada", "PATCH", path, {"points": [one, two]})
    await pair.call("bob", "PATCH", path, {"points": [one, two, {**two, "value": 0.1}, three]})
    assert await pair.undo("ada") == []
    found = (await pair.call("ada", "GET", path))["points"]
    assert [(point["beat"], point["value"]) for point in found] == [(0, 0.5), (4, 0.1), (8, 0.5)]


async def test_who_has_not_seen_the_change_of_another_note_is_not_refused(pair: Pair) -> None:
    seen = (await pair.call("ada", "GET", f"/projects/{pair.id}"))["revision"]
    await pair.notes("bob", change=[{"id": "n1", "pitch": 50}])
    await pair.notes("ada", change=[{"id": "n0", "pitch": 70}], baseRevision=seen)
    body = {"change": [{"id": "n1", "pitch": 71}], "baseRevision": seen}
    status, reply = await pair.server.json("PATCH", f"/api/clips/{pair.clip}/notes", json=body)
    assert (status, reply["code"]) == (409, "revision_conflict")
    body = {"midiData": {"notes": NOTES}, "baseRevision": seen}
    status, reply = await pair.server.json("PATCH", f"/api/clips/{pair.clip}", json=body)
    assert (status, reply["code"]) == (409, "revision_conflict")


async def test_ranges_of_one_take_are_not_in_each_others_way(pair: Pair) -> None:
    recording = str(uuid.uuid4())
    await pair.server.services.platform.database.execute(
        """INSERT INTO audio_files (id, owner_id, filename, mime_type, size_bytes, duration, storage_key, source)
           VALUES (%s, 'ada', 'f.wav', 'audio/wav', 1, 10, %s, 'upload')""",
        (recording, recording),
    )
    made = await pair.call("ada", "POST", "/tracks", {"projectId": pair.id, "name": "Voice", "trackType": "AUDIO"})
    body = {"trackId": made["id"], "startTime": 0, "audioFileId": recording}
    clip = (await pair.call("ada", "POST", "/clips", body))["id"]
    body = {"projectId": pair.id, "clipId": clip, "audioFileId": recording}
    path = f"/takes/{(await pair.call('ada', 'POST', '/takes', body))['id']}"
    one, two = {"start": 1, "end": 2}, {"start": 4, "end": 5}
    await pair.call("ada", "PATCH", path, {"ranges": [one]})
    await pair.call("bob", "PATCH", path, {"ranges": [one, two]})
    assert await pair.undo("ada") == []
    assert (await pair.call("ada", "GET", path))["ranges"] == [two]
