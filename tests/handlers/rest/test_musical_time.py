"""Musical time: what keeps its beats and what keeps its seconds, whatever happens to the tempo."""

from __future__ import annotations

import asyncio
import io
import json
import math
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio  # type: ignore[import-untyped]

from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from tests.handlers.rest import recordings
from tests.servers import dawg

NOTES = [{"pitch": 60 + beat, "start": beat, "duration": 0.5, "velocity": 90} for beat in range(16)]
SECONDS = ("startTime", "duration", "offset", "fadeIn", "fadeOut")
BEATS = ("startBeat", "lengthBeats", "offsetBeats", "fadeInBeats", "fadeOutBeats")
TIMES = ("createdAt", "updatedAt")


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(
        database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", UPLOADS_PER_MINUTE="1000", JOB_CONCURRENCY="0"
    ) as running:
        yield running


class Song:
    """A project of ada's at 120 bpm with a track for notes and one for recordings."""

    def __init__(self, server: dawg.Dawg, id: str) -> None:
        self.server, self.id = server, id
        self.midi = self.audio = self.file = ""

    async def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        status, reply = await self.server.json(method, f"/api{path}", json=body)
        assert status == expect, reply
        return reply

    async def notes(self, **fields: Any) -> dict[str, Any]:
        body = {"trackId": self.midi, "midiData": {"notes": NOTES}, **fields}
        return dict((await self.call("POST", "/clips", body, 201))["clip"])

    async def sound(self, **fields: Any) -> dict[str, Any]:
        body = {"trackId": self.audio, "audioFileId": self.file, **fields}
        return dict((await self.call("POST", "/clips", body, 201))["clip"])

    async def update(self, clip: dict[str, Any], expect: int = 200, **changes: Any) -> Any:
        reply = await self.call("PATCH", f"/clips/{clip['id']}", changes, expect)
        return reply["clip"] if expect == 200 else reply

    async def find(self, clip: dict[str, Any]) -> dict[str, Any]:
        return dict((await self.call("GET", f"/clips/{clip['id']}"))["clip"])

    async def tempo(self, bpm: float) -> None:
        await self.call("PATCH", f"/projects/{self.id}", {"bpm": bpm})

    async def tempo_of_bob(self, bpm: float) -> None:
        """Set by somebody else."""
        await self.server.json("GET", "/api/projects", "bob")  # a name becomes an account at its first request
        await self.server.services.platform.database.execute(
            "INSERT INTO collaborators (project_id, user_id, role, accepted_at) VALUES (%s, 'bob', 'editor', now())",
            (self.id,),
        )
        status, reply = await self.server.json("PATCH", f"/api/projects/{self.id}", "bob", json={"bpm": bpm})
        assert status == 200, reply

    async def add(self, kind: str, **fields: Any) -> dict[str, Any]:
        return dict((await self.call("POST", f"/{kind}s", {"projectId": self.id, **fields}, 201))[kind])

    async def shown(self) -> dict[str, Any]:
        return dict(await self.call("GET", f"/projects/{self.id}"))

    async def execute(self, name: str, **parameters: Any) -> None:
        """A command that only functions have."""
        document = self.server.services.documents.document
        await document.execute(self.id, [Command(name, parameters)], Actor("ada", "rest"))

    async def clips(self) -> list[dict[str, Any]]:
        tracks = (await self.call("GET", f"/projects/{self.id}"))["tracks"]
        return [
            {name: value for name, value in clip.items() if name not in TIMES}
            for track in tracks
            for clip in track["clips"]
        ]


@pytest.fixture
async def song(server: dawg.Dawg) -> Song:
    _, made = await server.json("POST", "/api/projects", json={"name": "Song", "bpm": 120})
    song = Song(server, made["id"])
    song.midi = (await song.call("POST", "/tracks", {"projectId": song.id, "name": "N", "trackType": "MIDI"}, 201))[
        "id"
    ]
    song.audio = (await song.call("POST", "/tracks", {"projectId": song.id, "name": "A"}, 201))["id"]
    song.file = (await recordings.uploaded(server, recordings.wav(8.0), projectId=song.id))["id"]
    async with asyncio.timeout(30):
        while (await song.call("GET", f"/audio/{song.file}"))["waveformStatus"] == "pending":
            await asyncio.sleep(0.02)
    return song


def picked(clip: dict[str, Any], *names: str) -> list[Any]:
    return [clip[name] for name in names]


async def test_requests_and_replies_speak_both_units(song: Song) -> None:
    clip = await song.notes(startBeat=16.2, lengthBeats=16, fadeOutBeats=1, offsetBeats=0.5)
    assert picked(clip, *SECONDS) == [8.1, 8, 0.25, 0, 0.5]
    assert clip["timebase"] == "musical"
    assert picked(await song.update(clip, startTime=4, duration=2), "startBeat", "lengthBeats") == [8, 4]
    assert picked(await song.update(clip, startTime=1, startBeat=2), "startTime", "startBeat") == [1, 2]
    sound = await song.sound(startTime=2, offset=1, duration=3, fadeIn=0.5)
    assert picked(sound, *BEATS) == [4, 6, 2, 1, 0]
    assert sound["timebase"] == "absolute"
    assert picked(await song.update(sound, startBeat=3), "startTime", "startBeat") == [1.5, 3]
    whole = await song.sound(startBeat=1, offsetBeats=2)
    assert picked(whole, "offset", "duration", "lengthBeats") == [1, 7, 14]


async def test_units_that_disagree_are_refused_by_name(song: Song) -> None:
    clip = await song.notes(startBeat=4)
    for body, field in (
        ({"startTime": 1, "startBeat": 8}, "startBeat"),
        ({"duration": 1, "lengthBeats": 1}, "lengthBeats"),
        ({"fadeIn": 1, "fadeInBeats": 1}, "fadeInBeats"),
    ):
        assert list((await song.update(clip, 400, **body))["details"]) == [field]
    body = {"trackId": song.midi, "midiData": {"notes": NOTES}}
    assert "startTime" in (await song.call("POST", "/clips", body, 400))["details"]
    both = {**body, "startTime": 1, "startBeat": 1}
    assert "startBeat" in (await song.call("POST", "/clips", both, 400))["details"]


async def test_a_whole_clip_of_an_earlier_client_is_taken_by_its_seconds(song: Song) -> None:
    clip = await song.notes(startBeat=4)
    for start in (3, 5, 1):
        reply = await song.call("PUT", f"/clips/{clip['id']}", {**clip, "startTime": start})
        assert picked(reply["clip"], "startTime", "startBeat") == [start, start * 2]


async def test_at_another_tempo_beats_stay_beats_and_seconds_stay_seconds(song: Song) -> None:
    notes = await song.notes(startBeat=16, lengthBeats=16, fadeInBeats=2)
    sound = await song.sound(startTime=8, duration=4)
    loop = await song.sound(startBeat=16, duration=4, offset=1, timebase="musical")
    before = await song.clips()
    await song.tempo(60)
    now = await song.find(notes)
    assert picked(now, *BEATS) == picked(notes, *BEATS)
    assert picked(now, "startTime", "duration", "fadeIn") == [16, 16, 2]
    assert now["midiData"] == notes["midiData"]
    now = await song.find(sound)
    assert picked(now, *SECONDS) == picked(sound, *SECONDS)
    assert picked(now, "startBeat", "lengthBeats") == [8, 4]
    now = await song.find(loop)
    assert picked(now, "startBeat", "startTime", "lengthBeats", "offset") == [16, 16, 8, 1]
    slow = await song.clips()
    for bpm in (77.77, 240, 133.33):
        await song.tempo(bpm)
    await song.call("POST", f"/projects/{song.id}/undo", {"steps": 3})
    assert await song.clips() == slow
    await song.call("POST", f"/projects/{song.id}/undo", {})
    assert await song.clips() == before
    await song.call("POST", f"/projects/{song.id}/redo", {})
    assert await song.clips() == slow


async def test_undo_of_a_move_goes_to_the_beat_whatever_the_tempo_is_by_now(song: Song) -> None:
    clip = await song.notes(startBeat=4)
    await song.update(clip, startBeat=12)
    await song.tempo_of_bob(60)
    await song.call("POST", f"/projects/{song.id}/undo", {})
    assert picked(await song.find(clip), "startBeat", "startTime") == [4, 4]


async def test_bars_and_the_timebase_itself_can_be_changed(song: Song) -> None:
    clip = await song.sound(startTime=1)
    clip = await song.update(clip, timebase="musical")
    assert picked(clip, "startTime", "startBeat") == [1, 2]
    await song.tempo(60)
    assert picked(await song.find(clip), "startTime", "startBeat") == [2, 2]
    await song.update(clip, timebase="absolute")
    await song.tempo(120)
    assert picked(await song.find(clip), "startTime", "startBeat") == [2, 4]
    await song.update(clip, 400, timebase="elastic")


async def test_versions_and_archives_of_before_are_read_at_their_tempo(song: Song) -> None:
    notes = await song.notes(startBeat=16, lengthBeats=16, fadeOutBeats=4)
    await song.sound(startTime=8, duration=4)
    database = song.server.services.platform.database
    version = (await song.call("POST", f"/projects/{song.id}/versions", {}, 201))["version"]["number"]
    # As an earlier release wrote it.
    for name in ("timebase", *BEATS):
        await database.execute(
            """UPDATE versions SET snapshot = jsonb_set(snapshot, '{clips}', (
                   SELECT jsonb_agg(clip - %s) FROM jsonb_array_elements(snapshot -> 'clips') AS clip))""",
            (name,),
        )
    before = await song.clips()
    await song.call("POST", f"/projects/{song.id}/versions/{version}/restore")
    assert await song.clips() == before
    await song.tempo(60)
    await song.update(notes, startBeat=1)
    await song.call("POST", f"/projects/{song.id}/versions/{version}/restore")
    assert await song.clips() == before
    await song.call("POST", f"/projects/{song.id}/undo", {})
    assert picked(await song.find(notes), "startBeat", "startTime") == [1, 1]


async def test_an_archive_carries_beats_and_one_of_before_is_read(song: Song) -> None:
    await song.notes(startBeat=16.2, lengthBeats=16, fadeOutBeats=4, offsetBeats=0.25)
    await song.sound(startTime=8, duration=4, offset=1)
    path, headers = f"{song.server.url}/api/projects/{song.id}/export", song.server.as_user("ada")
    async with song.server.http.get(path, headers=headers) as reply:
        archive = await reply.read()
    before = sorted(picked(clip, "timebase", *SECONDS, *BEATS) for clip in await song.clips())
    for old in (False, True):
        status, made = await song.server.json("POST", "/api/projects/import", data=_form(_rewritten(archive, old=old)))
        assert status == 201, made
        other = Song(song.server, made["id"])
        assert sorted(picked(clip, "timebase", *SECONDS, *BEATS) for clip in await other.clips()) == before


async def test_steps_of_before_are_undone_at_the_beats_that_they_had(song: Song) -> None:
    clip = await song.notes(startBeat=8)
    await song.update(clip, startBeat=12)
    await song.call("DELETE", f"/clips/{clip['id']}")
    database = song.server.services.platform.database
    await database.execute("ALTER TABLE operations DISABLE TRIGGER operations_are_history")
    await database.execute(
        "UPDATE operations SET forward = forward - %(new)s::text[], inverse = inverse - %(new)s::text[]",
        {"new": ["timebase", *BEATS]},
    )
    await database.execute("ALTER TABLE operations ENABLE TRIGGER operations_are_history")
    await database.execute("UPDATE projects SET seconds_until = revision")
    await song.tempo_of_bob(60)
    await song.call("POST", f"/projects/{song.id}/undo", {})
    assert picked(await song.find(clip), "startBeat", "lengthBeats", "timebase") == [12, 16, "musical"]
    await song.call("POST", f"/projects/{song.id}/undo", {})
    assert picked(await song.find(clip), "startBeat", "lengthBeats") == [8, 16]


# -- the tempo map -----------------------------------------------------------------------------------------------------


async def test_clips_follow_tempo_events_and_ramps(song: Song) -> None:
    notes = await song.notes(startBeat=16, lengthBeats=16)
    sound = await song.sound(startTime=10, duration=4)
    early = await song.sound(startBeat=4, lengthBeats=4, timebase="musical")
    before = await song.clips()
    event = await song.add("tempoEvent", beat=8, bpm=60)
    now = await song.find(notes)
    assert picked(now, *BEATS) == picked(notes, *BEATS)
    assert picked(now, "startTime", "duration") == [12, 16]
    now = await song.find(sound)
    assert picked(now, "startTime", "duration", "startBeat", "lengthBeats") == [10, 4, 14, 4]
    assert await song.find(early) == early
    flat = await song.clips()
    await song.add("tempoEvent", beat=0, bpm=120, curve="linear")
    now = await song.find(notes)
    assert now["startTime"] == pytest.approx(8 * math.log(2) + 8, abs=1e-8)  # from 120 to 60 bpm over 8 beats, then 8 s
    assert picked(now, "startBeat", "lengthBeats", "duration") == [16, 16, 16]
    for expected in (flat, before):
        await song.call("POST", f"/projects/{song.id}/undo", {})
        assert await song.clips() == expected
    await song.call("POST", f"/projects/{song.id}/redo", {})
    assert await song.clips() == flat
    await song.call("PATCH", f"/tempoEvents/{event['id']}", {"beat": 16})
    assert picked(await song.find(notes), "startTime", "duration") == [8, 16]
    await song.call("DELETE", f"/tempoEvents/{event['id']}")
    assert await song.clips() == before


async def test_events_at_the_start_and_the_project_say_the_same(song: Song) -> None:
    await song.add("tempoEvent", beat=0, bpm=90)
    await song.add("timeSignatureEvent", bar=0, timeSignature="6/8")
    shown = await song.shown()
    assert (shown["bpm"], shown["timeSignature"]) == (90, "6/8")
    await song.call("PATCH", f"/projects/{song.id}", {"bpm": 100, "timeSignature": "3/4"})
    shown = await song.shown()
    assert shown["tempoEvents"][0]["bpm"] == 100
    assert shown["timeSignatureEvents"][0]["timeSignature"] == "3/4"
    await song.call("POST", f"/projects/{song.id}/undo", {"steps": 3})
    shown = await song.shown()
    assert (shown["bpm"], shown["timeSignature"], shown["tempoEvents"]) == (120, "4/4", [])
    for _ in range(2):
        await song.call("POST", f"/projects/{song.id}/redo", {})
    assert (await song.shown())["bpm"] == 90


async def test_events_have_a_place_and_a_range_each(song: Song) -> None:
    for kind, good, wrong in (
        ("tempoEvent", {"beat": 8, "bpm": 60}, ({"bpm": 301}, {"bpm": 19}, {"beat": -1}, {"curve": "bent"})),
        ("timeSignatureEvent", {"bar": 4, "timeSignature": "7/8"}, ({"bar": 1.5}, {"timeSignature": "7"})),
    ):
        made = await song.add(kind, **good)
        await song.call("POST", f"/{kind}s", {"projectId": song.id, **good}, 409)
        for changes in wrong:
            reply = await song.call("PATCH", f"/{kind}s/{made['id']}", changes, 400)
            assert list(reply["details"]) == list(changes)
        status, _ = await song.server.json("DELETE", f"/api/{kind}s/{made['id']}", "eve")
        assert status == 404


async def test_bars_follow_the_time_signatures(song: Song) -> None:
    clip = await song.notes(startBeat=0, lengthBeats=4)
    await song.add("timeSignatureEvent", bar=2, timeSignature="3/4")
    await song.add("timeSignatureEvent", bar=4, timeSignature="6/8")
    await song.add("tempoEvent", beat=8, bpm=60)
    await song.execute("moveClip", clipId=clip["id"], newPosition=5, unit="bars")
    assert picked(await song.find(clip), "startBeat", "startTime") == [17, 13]
    bare = await song.notes(startBeat=14, midiData={"notes": [{**NOTES[0], "start": 3.5}]})
    assert bare["lengthBeats"] == 6  # two bars of 6/8


async def test_the_map_is_in_versions_archives_and_the_transport(song: Song) -> None:
    await song.notes(startBeat=16, lengthBeats=16)
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(song.server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": song.id})
        await song.add("tempoEvent", beat=8, bpm=60, curve="linear")
        await song.add("timeSignatureEvent", bar=4, timeSignature="3/4")
        heard: list[dict[str, Any]] = []
        async with asyncio.timeout(10):
            while len(heard) < 2:
                name, data = await page.receive()
                heard += [data] if name == "daw:transport:sync" else []
    assert (heard[1]["bpm"], heard[1]["timeSignature"]) == (120, "4/4")
    assert picked(heard[1]["tempoEvents"][0], "beat", "bpm", "curve") == [8, 60, "linear"]
    assert picked(heard[1]["timeSignatureEvents"][0], "bar", "timeSignature") == [4, "3/4"]
    before, shown = await song.clips(), await song.shown()
    version = (await song.call("POST", f"/projects/{song.id}/versions", {}, 201))["version"]["number"]
    await song.call("DELETE", f"/tempoEvents/{shown['tempoEvents'][0]['id']}")
    assert await song.clips() != before
    await song.call("POST", f"/projects/{song.id}/versions/{version}/restore")
    assert await song.clips() == before
    path, headers = f"{song.server.url}/api/projects/{song.id}/export", song.server.as_user("ada")
    async with song.server.http.get(path, headers=headers) as reply:
        archive = await reply.read()
    status, made = await song.server.json("POST", "/api/projects/import", data=_form(archive))
    assert status == 201, made
    copy = Song(song.server, made["id"])
    assert picked((await copy.clips())[0], *SECONDS, *BEATS) == picked(before[0], *SECONDS, *BEATS)
    assert (await copy.shown())["tempoEvents"][0]["curve"] == "linear"


# -- the grid ----------------------------------------------------------------------------------------------------------


async def test_what_lies_between_two_lines_goes_to_the_later_one(song: Song) -> None:
    starts = [0.5, 1.5, 2.5, 3.5]
    notes = [{**NOTES[0], "start": start} for start in starts]
    clip = await song.notes(startBeat=0, midiData={"notes": notes})
    await song.execute("quantize", clipIds=[clip["id"]], division="quarter")
    assert [note["start"] for note in (await song.find(clip))["midiData"]["notes"]] == [1, 2, 3, 4]
    for beat, line in ((0.5, 1), (1.5, 2), (2.5, 3), (3.5, 4)):
        await song.update(clip, startBeat=beat)
        await song.execute("quantize", clipIds=[clip["id"]], division="quarter")
        assert (await song.find(clip))["startBeat"] == line


async def test_the_grid_heeds_the_offset_of_a_clip(song: Song) -> None:
    notes = [{**NOTES[0], "start": start} for start in (1.1, 2.45)]
    clip = await song.notes(startBeat=4, offsetBeats=0.25, midiData={"notes": notes})
    await song.execute("quantize", clipIds=[clip["id"]], division="quarter")
    assert [note["start"] for note in (await song.find(clip))["midiData"]["notes"]] == [1.25, 2.25]


# -- stretching --------------------------------------------------------------------------------------------------------


async def test_a_stretched_clip_keeps_its_beats_and_plays_the_same_part_of_its_recording(song: Song) -> None:
    clip = await song.sound(startTime=2, offset=1, duration=4)
    before = await song.clips()
    assert list((await song.update(clip, 400, stretch=True))["details"]) == ["originalBpm"]
    clip = await song.update(clip, stretch=True, originalBpm=100)
    assert picked(clip, "timebase", "originalBpm", "startBeat", "offset") == ["musical", 100, 4, 1]
    assert clip["lengthBeats"] == pytest.approx(4 * 100 / 60)
    assert clip["duration"] == pytest.approx(4 * 100 / 120)
    assert clip["offsetBeats"] == pytest.approx(100 / 60)
    await song.tempo(50)
    slow = await song.find(clip)
    assert picked(slow, "startBeat", "lengthBeats", "offset") == picked(clip, "startBeat", "lengthBeats", "offset")
    assert slow["duration"] == pytest.approx(8)
    reply = await song.call("PATCH", f"/clips/{clip['id']}", {"duration": 100})
    assert reply["clamped"] == ["duration"]
    assert reply["clip"]["lengthBeats"] == pytest.approx(7 * 100 / 60)  # what there is of the recording
    await song.call("POST", f"/projects/{song.id}/undo", {"steps": 3})
    assert await song.clips() == before
    await song.call("POST", f"/projects/{song.id}/redo", {"steps": 3})
    assert (await song.find(clip))["lengthBeats"] == pytest.approx(7 * 100 / 60)
    plain = await song.update(clip, stretch=False)
    assert picked(plain, "duration", "offset") == pytest.approx([7, 1])


async def test_what_cannot_be_stretched_is_said(song: Song) -> None:
    notes = await song.notes(startBeat=0)
    assert list((await song.update(notes, 400, stretch=True, originalBpm=90))["details"]) == ["stretch"]
    body = {"trackId": song.audio, "audioFileId": song.file, "startBeat": 0, "stretch": True}
    assert list((await song.call("POST", "/clips", body, 400))["details"]) == ["originalBpm"]
    wrong = {**body, "originalBpm": 90, "timebase": "absolute"}
    assert list((await song.call("POST", "/clips", wrong, 400))["details"]) == ["timebase"]
    clip = (await song.call("POST", "/clips", {**body, "originalBpm": 90}, 201))["clip"]
    assert picked(clip, "lengthBeats", "timebase") == [12, "musical"]  # eight seconds at 90 bpm
    assert list((await song.update(clip, 400, timebase="absolute"))["details"]) == ["timebase"]


async def test_the_tempo_of_a_recording_is_taken_from_its_analysis(song: Song) -> None:
    await song.server.services.platform.database.execute(
        """UPDATE audio_files SET analysis = '{"{\\"what\\": \\"track\\"}": {"bpm": 96.5, "key": "C"}}' WHERE id = %s""",
        (song.file,),
    )
    clip = await song.sound(startBeat=0, stretch=True)
    assert picked(clip, "originalBpm", "lengthBeats") == pytest.approx([96.5, 8 * 96.5 / 60])


def _rewritten(archive: bytes, *, old: bool) -> bytes:
    """`old`: as an earlier release wrote it."""
    if not old:
        return archive
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "project.json":
                document = json.loads(data)
                for clip in document["clips"]:
                    for field in ("timebase", *BEATS):
                        del clip[field]
                data = json.dumps(document).encode()
            target.writestr(name, data)
    return made.getvalue()


def _form(archive: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(archive), filename="song.zip")
    return form
