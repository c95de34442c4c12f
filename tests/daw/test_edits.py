"""Edits that are one step for a person: what they do, over the wire, and that one undo takes each back."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import socketio

from tests.daw.replica import document
from tests.servers import dawg

NOTES = [{"pitch": 60 + n, "start": n, "duration": 0.5, "velocity": 90} for n in range(4)]


class Desk:
    """Ada's project at 120 bpm with a track of notes and one of recordings."""

    def __init__(self, server: dawg.Dawg, id: str) -> None:
        self.server, self.id = server, id
        self.keys = self.voice = ""

    async def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        status, reply = await self.server.json(method, f"/api{path}", json=body)
        assert status == expect, reply
        return reply

    async def track(self, kind: str) -> str:
        body = {"projectId": self.id, "name": kind, "trackType": kind}
        return str((await self.call("POST", "/tracks", body, expect=201))["id"])

    async def notes(self, start: float = 0, **fields: Any) -> dict[str, Any]:
        body = {"trackId": self.keys, "startBeat": start, "lengthBeats": 4, "midiData": {"notes": NOTES}, **fields}
        return dict((await self.call("POST", "/clips", body, expect=201))["clip"])

    async def recording(self, start: float, **fields: Any) -> dict[str, Any]:
        id = str(uuid.uuid4())
        await self.server.services.platform.database.execute(
            """INSERT INTO audio_files (id, owner_id, filename, mime_type, size_bytes, duration, storage_key, source)
               VALUES (%s, 'ada', 'f.wav', 'audio/wav', 1, 10, %s, 'upload')""",
            (id, id),
        )
        body = {"trackId": self.voice, "startTime": start, "audioFileId": id, **fields}
        return dict((await self.call("POST", "/clips", body, expect=201))["clip"])

    async def edit(self, path: str, expect: int = 200, **body: Any) -> list[dict[str, Any]]:
        """What the clips are after an edit, which one undo takes back and one redo repeats to the letter."""
        before = await self.state()
        reply = await self.call("POST", f"/clips/{path}", body, expect)
        if expect != 200:
            return []
        after = await self.state()
        assert before != after
        await self.call("POST", f"/projects/{self.id}/undo", {})
        assert await self.state() == before
        await self.call("POST", f"/projects/{self.id}/redo", {})
        assert await self.state() == after
        return list(reply["clips"])

    async def state(self) -> dict[str, Any]:
        return document(await self.call("GET", f"/projects/{self.id}"))


@pytest.fixture
async def desk(database_dsn: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="10000") as server:
        status, project = await server.json("POST", "/api/projects", json={"name": "Song"})
        assert status == 201
        desk = Desk(server, project["id"])
        desk.keys, desk.voice = await desk.track("MIDI"), await desk.track("AUDIO")
        yield desk


def _starts(clip: dict[str, Any]) -> list[float]:
    return [note["start"] for note in clip["midiData"]["notes"]]


async def test_clips_are_cut_copied_moved_joined_and_removed(desk: Desk) -> None:
    clip = await desk.notes()
    left, right = await desk.edit(f"{clip['id']}/split", beat=1.5)
    assert (left["lengthBeats"], right["startBeat"], right["lengthBeats"]) == (1.5, 1.5, 2.5)
    assert (_starts(left), _starts(right), right["offsetBeats"]) == ([0, 1], [2, 3], 1.5)
    await desk.edit(f"{clip['id']}/split", beat=9, expect=400)
    (whole,) = await desk.edit("glue", clipIds=[right["id"], left["id"]])
    assert (whole["id"], whole["startBeat"], whole["lengthBeats"], _starts(whole)) == (clip["id"], 0, 4, [0, 1, 2, 3])
    (copy,) = await desk.edit("duplicate", clipIds=[clip["id"]])
    (pasted,) = await desk.edit("duplicate", clipIds=[clip["id"]], beat=17)
    assert (copy["startBeat"], pasted["startBeat"], _starts(pasted)) == (4, 17, [0, 1, 2, 3])
    moved = await desk.edit("move", clipIds=[copy["id"], pasted["id"]], beats=-100)
    assert [each["startBeat"] for each in moved] == [0, 13]
    await desk.edit("move", clipIds=[copy["id"]], trackId=desk.voice, expect=400)
    other, ids = await desk.track("INSTRUMENT"), [copy["id"], pasted["id"]]
    moved = await desk.edit("move", clipIds=ids, trackIds=[other, desk.keys], beats=1)
    assert [(each["trackId"], each["startBeat"]) for each in moved] == [(other, 1), (desk.keys, 14)]
    await desk.edit("move", clipIds=ids, trackIds=[other], expect=400)
    await desk.edit("move", clipIds=ids, trackIds=[desk.keys, desk.keys], beats=-1)
    await desk.edit("delete", clipIds=[copy["id"], pasted["id"]])
    assert [each["id"] for each in (await desk.state())["clips"]] == [clip["id"]]


async def test_pieces_of_recordings_are_joined_and_fade_into_each_other(desk: Desk) -> None:
    clip = await desk.recording(0, duration=6)
    left, right = await desk.edit(f"{clip['id']}/split", beat=4)
    assert (left["duration"], right["startTime"], right["offset"], right["duration"]) == (2, 2, 2, 4)
    (whole,) = await desk.edit("glue", clipIds=[left["id"], right["id"]])
    assert (whole["duration"], whole["offset"]) == (6, 0)
    other = await desk.recording(6, duration=3)
    await desk.edit("glue", clipIds=[clip["id"], other["id"]], expect=400)
    one, two = await desk.edit("crossfade", clipIds=[other["id"], clip["id"]], seconds=0.5)
    assert (one["duration"], one["fadeOut"], one["fadeCurve"]) == (6.5, 0.5, "equalPower")
    assert (two["startTime"], two["fadeIn"], two["fadeCurve"]) == (6, 0.5, "equalPower")


async def test_notes_are_transposed_humanised_ramped_tied_and_reversed(desk: Desk) -> None:
    clip = await desk.notes()
    ids = [clip["id"]]
    (up,) = await desk.edit("transpose", clipIds=ids, semitones=12)
    assert [note["pitch"] for note in up["midiData"]["notes"]] == [72, 73, 74, 75]
    await desk.edit("transpose", clipIds=ids, semitones=100, expect=400)
    (ramped,) = await desk.edit("velocity-ramp", clipIds=ids, **{"from": 10, "to": 100})
    assert [note["velocity"] for note in ramped["midiData"]["notes"]] == [10, 40, 70, 100]
    (tied,) = await desk.edit("legato", clipIds=ids, gap=0.25)
    assert [note["duration"] for note in tied["midiData"]["notes"]] == [0.75, 0.75, 0.75, 0.5]
    (turned,) = await desk.edit("reverse-notes", clipIds=ids)
    assert _starts(turned) == [0.5, 1.25, 2.25, 3.25]
    same = [await desk.notes(start) for start in (8, 16)]
    found = [(await desk.edit("humanize", clipIds=[each["id"]], seed=7))[0]["midiData"] for each in same]
    assert found[0] == found[1] != {"notes": NOTES}
    voice = await desk.recording(0)
    for path in ("transpose", "humanize", "legato", "reverse-notes"):
        await desk.edit(path, clipIds=[voice["id"]], expect=400, **({"semitones": 1} if path == "transpose" else {}))


async def test_a_clip_within_another_one_has_nothing_to_fade_into(desk: Desk) -> None:
    around, within = await desk.recording(0, duration=4), await desk.recording(1, duration=1)
    await desk.edit("crossfade", clipIds=[around["id"], within["id"]], expect=400)


async def test_pieces_of_a_stretched_recording_are_joined_again(desk: Desk) -> None:
    clip = await desk.recording(0, stretch=True, originalBpm=60, lengthBeats=4)
    left, right = await desk.edit(f"{clip['id']}/split", beat=1)
    (whole,) = await desk.edit("glue", clipIds=[left["id"], right["id"]])
    assert (whole["lengthBeats"], whole["offset"], whole["duration"]) == (4, 0, 2)


async def test_joined_notes_bend_as_far_as_before(desk: Desk) -> None:
    bends = [{"beat": 0, "value": 8000}]
    far = await desk.notes(midiData={"notes": NOTES, "pitchBends": bends, "bendRange": 12})
    near = await desk.notes(4, midiData={"notes": NOTES, "pitchBends": bends})
    (one,) = await desk.edit("glue", clipIds=[far["id"], near["id"]])
    assert one["midiData"]["bendRange"] == 12
    assert [each["value"] for each in one["midiData"]["pitchBends"]] == [8000, round(8000 / 6)]
    other = await desk.notes(8, midiData={"notes": NOTES, "channel": 3})
    await desk.edit("glue", clipIds=[far["id"], other["id"]], expect=400)


async def test_notes_that_reach_beyond_their_clip_turn_around_within_it(desk: Desk) -> None:
    clip = await desk.notes(midiData={"notes": [{**NOTES[0], "start": 3.5, "duration": 2}]})
    (turned,) = await desk.edit("reverse-notes", clipIds=[clip["id"]])
    (note,) = turned["midiData"]["notes"]
    assert (note["start"], note["duration"]) == (0, 0.5)
    (again,) = await desk.edit("reverse-notes", clipIds=[clip["id"]])
    assert again["midiData"]["notes"] == [{**NOTES[0], "start": 3.5, "duration": 0.5}]


async def test_a_level_is_said_once(desk: Desk) -> None:
    path = f"/tracks/{desk.keys}"
    await desk.call("PATCH", path, {"volume": 0.5, "volumeDb": 0}, expect=400)
    both = await desk.call("PATCH", path, {"volume": 0.5, "volumeDb": -6.0206})
    assert both["volume"] == 0.5
    assert (await desk.call("PATCH", path, {"volume": 0.5, "volumeDb": 0}))["volume"] == 1


async def test_notes_come_to_the_grid(desk: Desk) -> None:
    clip = await desk.notes(midiData={"notes": [{**NOTES[0], "start": 0.9}]})
    (straight,) = await desk.edit("quantize", clipIds=[clip["id"]], division="quarter")
    assert _starts(straight) == [1]


async def test_what_lasts_over_a_cut_or_beyond_the_end_is_heard_as_before(desk: Desk) -> None:
    long = [{"pitch": 60, "start": 0, "duration": 3, "velocity": 90}, {**NOTES[3], "start": 3.5, "duration": 2}]
    clip = await desk.notes(midiData={"notes": long})
    (turned,) = await desk.edit("reverse-notes", clipIds=[clip["id"]])
    assert [(note["start"], note["duration"]) for note in turned["midiData"]["notes"]] == [(0, 0.5), (1, 3)]
    left, right = await desk.edit(f"{clip['id']}/split", beat=2)
    assert [(note["start"], note["duration"]) for note in left["midiData"]["notes"]] == [(0, 0.5), (1, 1)]
    assert [(note["start"], note["duration"]) for note in right["midiData"]["notes"]] == [(2, 2)]


async def test_a_clip_inside_of_another_is_not_faded_into(desk: Desk) -> None:
    outer, inner = await desk.recording(0, duration=4), await desk.recording(1, duration=2)
    await desk.edit("crossfade", clipIds=[outer["id"], inner["id"]], expect=400)


async def test_edits_come_over_sockets_as_well(desk: Desk) -> None:
    clip = await desk.notes()
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(desk.server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": desk.id})
        where = {"projectId": desk.id}
        cut = await page.call("clip:split", {**where, "clipId": clip["id"], "beat": 2})
        assert [each["lengthBeats"] for each in cut["clips"]] == [2, 2]
        up = await page.call("clips:transpose", {**where, "clipIds": [clip["id"]], "semitones": -1})
        assert [note["pitch"] for note in up["clips"][0]["midiData"]["notes"]] == [59, 60]
        grid = {**where, "clipIds": [clip["id"]], "division": "halfTriplet", "ends": True}
        assert "clips" in await page.call("clips:quantize", grid)


async def test_notes_are_edited_one_by_one(desk: Desk) -> None:
    clip = await desk.notes()
    path, before = f"/clips/{clip['id']}/notes", await desk.state()
    new = {"pitch": 72, "start": 1.5, "duration": 0.25, "velocity": 64}
    change = {"add": [new, {**new, "id": "mine"}], "change": [{"id": "n1", "velocity": 5}], "remove": ["n0", "gone"]}
    told = await desk.call("PATCH", path, change)
    own = next(note["id"] for note in told["notes"] if note["id"] not in ("n1", "mine"))
    assert (len(told["notes"]), told["removed"]) == (3, ["n0"])
    (now,) = (await desk.state())["clips"]
    found = {note["id"]: note for note in now["midiData"]["notes"]}
    assert found.keys() == {"n1", "n2", "n3", own, "mine"}
    assert (found["n1"], found["mine"]) == ({**NOTES[1], "id": "n1", "velocity": 5}, {**new, "id": "mine"})
    await desk.call("PATCH", path, {"add": [{**new, "id": "mine"}]}, expect=409)
    await desk.call("PATCH", path, {"change": [{"id": "n0", "pitch": 1}]}, expect=404)
    await desk.call("PATCH", path, {"add": [{"pitch": 1}]}, expect=400)
    await desk.call("PATCH", path, {"remove": [own]})
    for _ in range(2):
        await desk.call("POST", f"/projects/{desk.id}/undo", {})
    assert await desk.state() == before
    twice = {"midiData": {"notes": [{**NOTES[0], "id": "n1"}, NOTES[1]]}}
    await desk.call("PATCH", f"/clips/{clip['id']}", twice, expect=400)
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(desk.server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": desk.id})
        payload = {"projectId": desk.id, "clipId": clip["id"], "remove": ["n3"]}
        assert (await page.call("notes:edit", payload))["removed"] == ["n3"]
