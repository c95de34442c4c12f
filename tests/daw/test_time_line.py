"""What stands on the time line: markers, sections, the loop region, and sections in another order with all in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import socketio

from tests.daw.song import Song, content
from tests.servers import dawg

SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "marker": ({"name": "Drop", "beat": 16.125, "color": "#aabbcc"}, {"beat": 8}),
    "section": ({"name": "Verse", "beat": 0, "length": 32}, {"length": 16, "name": "Intro"}),
    "chord": ({"symbol": "Cmin7/G", "beat": 4}, {"symbol": "F#", "length": 2.5}),
}
STORED = {"Cmin7/G": "Cm7/G"}
WRONG: dict[str, list[dict[str, Any]]] = {
    "marker": [{"beat": -1}, {"name": ""}, {"color": "red"}],
    "chord": [{"symbol": "H"}, {"symbol": "C/9"}, {"length": 0}],
    "section": [{"length": 0}, {"length": None}, {"beat": "x"}],
}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", JOB_CONCURRENCY="0") as running:
        yield running


async def test_each_is_edited_over_every_way_and_kept_like_everything_else(server: dawg.Dawg) -> None:
    for kind, (fields, changes) in SAMPLES.items():
        song, plural = await Song.new(server), f"{kind}s"

        async def listed(song: Song = song, plural: str = plural) -> list[dict[str, Any]]:
            return content((await song.shown())[plural])

        made = await song.add(kind, **fields)
        assert made.items() >= {name: STORED.get(value, value) for name, value in fields.items()}.items()
        first = await listed()
        assert (await song.change(kind, made["id"], **changes)).items() >= {**fields, **changes}.items()
        for wrong in WRONG[kind]:
            assert list((await song.change(kind, made["id"], expect=400, **wrong))["details"]) == list(wrong)
        for method in ("GET", "DELETE"):
            await song.call(method, f"/{plural}/{made['id']}", user="eve", expect=404)
        changed, version = await listed(), await song.version()
        async with socketio.AsyncSimpleClient() as page:
            await page.connect(server.url, auth={"userId": "ada"}, transports=["websocket"])
            await page.call("join:project", {"projectId": song.id})
            other = await page.call(f"{kind}:create", {"projectId": song.id, kind: fields})
            assert other["success"], other
            await song.call("DELETE", f"/{plural}/{made['id']}")
            async with asyncio.timeout(10):
                while (heard := await page.receive())[0] != f"{kind}:deleted":
                    pass
            assert heard[1][f"{kind}Id"] == made["id"]
        after = await listed()
        assert [each["id"] for each in after] == [other[kind]["id"]]
        await song.restore(version)
        assert await listed() == changed
        for state in (after, content([*changed, *after]), changed, first, []):
            await song.undo()
            assert await listed() == content(state)
        for state in (first, changed):
            await song.redo()
            assert await listed() == state
        copy = await song.copied()
        assert content(copy[plural], "id", "projectId") == content(changed, "id", "projectId")


async def test_the_loop_region_is_the_projects(server: dawg.Dawg) -> None:
    song = await Song.new(server, loopEnd=8)
    shown = await song.shown()
    assert (shown["loopStart"], shown["loopEnd"], shown["looping"]) == (0, 8, False)
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": song.id})
        await song.call("PATCH", f"/projects/{song.id}", {"loopStart": 4.5, "looping": True})
        async with asyncio.timeout(10):
            while (heard := await page.receive())[0] != "daw:transport:sync":
                pass
    loop = {name: heard[1][name] for name in ("loopStart", "loopEnd", "looping", "bpm", "tempoEvents")}
    assert loop == {"loopStart": 4.5, "loopEnd": 8, "looping": True, "bpm": 120, "tempoEvents": []}
    await song.call("PATCH", f"/projects/{song.id}", {"loopEnd": -1}, expect=400)
    assert (await song.copied())["loopStart"] == 4.5
    await song.undo()
    assert ((await song.shown())["loopStart"], (await song.shown())["looping"]) == (0, False)


class Piece:
    """Verse (beats 0 to 16), chorus (16 to 24) and bridge (24 to 32) at 120 bpm, and what is in them."""

    def __init__(self, song: Song, ids: dict[str, str]) -> None:
        self.song, self.ids = song, ids

    @classmethod
    async def new(cls, server: dawg.Dawg) -> Piece:
        song = await Song.new(server)
        track = (await song.add("track", name="Keys", trackType="MIDI"))["id"]
        ids = {}
        for name, beat, length in (("verse", 0, 16), ("chorus", 16, 8), ("bridge", 24, 8)):
            ids[name] = (await song.add("section", name=name, beat=beat, length=length))["id"]
            await song.add("marker", name=name, beat=beat + 1)
        for symbol, beat in (("C", 0), ("F", 12), ("G", 18)):  # each until the next one, over the lines at 16 and 24
            await song.add("chord", symbol=symbol, beat=beat)
        notes = [{"pitch": 60 + beat, "start": beat, "duration": 1, "velocity": 90} for beat in range(32)]
        for start in (0, 8):  # seconds; each eight beats long, over the lines at 16 and not at 24
            await song.add("clip", trackId=track, startTime=start, duration=8, midiData={"notes": notes[:16]})
        return cls(song, ids)

    async def heard(self) -> list[tuple[float, int]]:
        """(beat, pitch) of every note that sounds."""
        found = []
        for clip in (await self.song.shown())["tracks"][0]["clips"]:
            start, offset, length = (clip[name] for name in ("startBeat", "offsetBeats", "lengthBeats"))
            for note in clip["midiData"]["notes"]:
                if offset - 1e-6 <= note["start"] < offset + length - 1e-6:
                    found.append((round(start + note["start"] - offset, 6), note["pitch"]))
        return sorted(found)

    async def chords(self) -> list[tuple[float, str]]:
        """(beat, symbol) of each change of the harmony."""
        found: list[tuple[float, str]] = []
        for each in (await self.song.shown())["chords"]:
            if not found or found[-1][1] != each["symbol"]:
                found.append((each["beat"], each["symbol"]))
        return found

    async def places(self, plural: str) -> dict[str, float]:
        return {each["name"]: each["beat"] for each in (await self.song.shown())[plural]}


def order(*stretches: tuple[int, int]) -> list[tuple[float, int]]:
    """The notes of the piece, when these stretches of it follow each other."""
    beats = [beat for begin, end in stretches for beat in range(begin, end)]
    return [(float(at), 60 + beat % 16) for at, beat in enumerate(beats)]


async def test_a_section_moves_with_everything_in_it_and_comes_back_in_one_step(server: dawg.Dawg) -> None:
    piece = await Piece.new(server)
    before = await piece.heard()
    assert before == order((0, 32))
    states = [content((await piece.song.shown())["tracks"][0]["clips"])]
    moved = await piece.song.call("POST", f"/sections/{piece.ids['chorus']}/move", {"bars": 2})
    assert [each["name"] for each in moved["sections"]] == ["verse", "bridge", "chorus"]
    assert await piece.heard() == order((0, 16), (24, 32), (16, 24))
    assert await piece.places("markers") == {"verse": 1, "bridge": 17, "chorus": 25}
    assert await piece.chords() == [(0, "C"), (12, "F"), (16, "G"), (24, "F"), (26, "G")]
    states.append(content((await piece.song.shown())["tracks"][0]["clips"]))
    await piece.song.undo()
    assert await piece.heard() == before
    assert content((await piece.song.shown())["tracks"][0]["clips"]) == states[0]
    await piece.song.redo()
    assert content((await piece.song.shown())["tracks"][0]["clips"]) == states[1]
    back = await piece.song.call("POST", f"/sections/{piece.ids['chorus']}/move", {"beat": 2})
    assert [each["name"] for each in back["sections"]] == ["verse", "chorus", "bridge"]
    assert await piece.heard() == order((0, 2), (16, 24), (2, 16), (24, 32))


async def test_sections_are_put_into_another_order_over_sockets(server: dawg.Dawg) -> None:
    piece = await Piece.new(server)
    song, wanted = piece.song, [piece.ids[name] for name in ("bridge", "verse", "chorus")]
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": song.id})
        reply = await page.call("sections:arrange", {"projectId": song.id, "sectionIds": wanted})
    assert [each["id"] for each in reply["sections"]] == wanted
    assert len({each["groupId"] for each in reply["operations"]}) == 1
    assert await piece.heard() == order((24, 32), (0, 16), (16, 24))
    path = f"/projects/{song.id}/sections/arrange"
    await song.call("POST", path, {"sectionIds": [wanted[2], wanted[0]]})  # the verse stays between them
    assert await piece.heard() == order((16, 24), (0, 16), (24, 32))
    await song.call("POST", path, {"sectionIds": [wanted[0], wanted[0]]}, expect=400)
    await song.call("POST", path, {"sectionIds": [song.id]}, expect=404)
    await song.change("section", wanted[1], length=17)
    assert list((await song.call("POST", path, {"sectionIds": wanted}, expect=400))["details"]) == ["sectionIds"]
    for body in ({}, {"beat": 1, "bars": 1}, {"beat": 999_999}):
        await song.call("POST", f"/sections/{wanted[0]}/move", body, expect=400)
    await song.call("POST", f"/sections/{wanted[0]}/move", {"bars": 1}, user="eve", expect=404)


async def test_a_tempo_goes_with_its_section_and_ends_where_that_ends(server: dawg.Dawg) -> None:
    piece = await Piece.new(server)
    song = piece.song

    async def tempi() -> list[tuple[float, float]]:
        return [(each["beat"], each["bpm"]) for each in (await song.shown())["tempoEvents"]]

    for beat, bpm in ((16, 60), (24, 90)):
        await song.add("tempoEvent", beat=beat, bpm=bpm)
    before, clips = await tempi(), content((await song.shown())["tracks"][0]["clips"])
    await song.call("POST", f"/sections/{piece.ids['chorus']}/move", {"beat": 0})
    assert await tempi() == [(0, 60), (8, 120), (24, 90)]
    assert await piece.heard() == order((16, 24), (0, 16), (24, 32))
    assert (await song.shown())["bpm"] == 60
    await song.undo()
    assert await tempi() == before
    assert (await song.shown())["bpm"] == 120
    assert content((await song.shown())["tracks"][0]["clips"]) == clips
    path = f"/projects/{song.id}/sections/arrange"
    await song.call("POST", path, {"sectionIds": [piece.ids[name] for name in ("bridge", "chorus", "verse")]})
    assert await tempi() == [(0, 90), (8, 60), (16, 120), (32, 90)]
    await song.undo()
    assert await tempi() == before


async def test_a_recording_is_cut_where_it_was_heard_before_the_tempo_moved(server: dawg.Dawg) -> None:
    song = await Song.new(server)
    recording = "00000000-0000-4000-8000-00000000aaaa"
    await server.services.platform.database.execute(
        """INSERT INTO audio_files (id, owner_id, filename, mime_type, size_bytes, duration, storage_key, source)
           VALUES (%s, 'ada', 'f.wav', 'audio/wav', 1, 10, %s, 'upload')""",
        (recording, recording),
    )
    track = await song.add("track", name="Voice")
    await song.add("clip", trackId=track["id"], audioFileId=recording, startTime=0, duration=8)
    await song.add("tempoEvent", beat=8, bpm=60)
    sections = [await song.add("section", name=name, beat=beat, length=4) for name, beat in (("A", 0), ("B", 8))]
    await song.call("PATCH", f"/sections/{sections[0]['id']}", {"length": 8})
    await song.call("POST", f"/sections/{sections[1]['id']}/move", {"beat": 0})
    shown = next(each for each in (await song.shown())["tracks"] if each["id"] == track["id"])
    clips = sorted(shown["clips"], key=lambda each: float(each["startBeat"]))
    assert [(each["startBeat"], each["offset"], each["duration"]) for each in clips] == [(0, 4, 4), (4, 0, 4)]


async def test_a_time_signature_goes_with_its_section_and_ends_where_that_ends(server: dawg.Dawg) -> None:
    """Its bar follows from the bars that come before it now; one that would begin inside of a bar is refused."""
    song = await Song.new(server)
    named = {}
    for name, beat, length in (("intro", 0, 8), ("verse", 8, 16), ("chorus", 24, 12)):
        named[name] = (await song.add("section", name=name, beat=beat, length=length))["id"]
    await song.add("timeSignatureEvent", bar=6, timeSignature="3/4")
    await song.add("timeSignatureEvent", bar=10, timeSignature="6/8")

    async def metres() -> list[tuple[Any, ...]]:
        shown = await song.shown()
        events = [(each["bar"], each["timeSignature"]) for each in shown["timeSignatureEvents"]]
        return [shown["timeSignature"], *events]

    before = await metres()
    order = [named[name] for name in ("chorus", "intro", "verse")]
    await song.call("POST", f"/projects/{song.id}/sections/arrange", {"sectionIds": order})
    assert await metres() == ["3/4", (0, "3/4"), (4, "4/4"), (10, "6/8")]
    await song.undo()
    assert await metres() == before == ["4/4", (6, "3/4"), (10, "6/8")]
    told = await song.call("POST", f"/sections/{named['chorus']}/move", {"beat": 1}, expect=400)
    assert list(told["details"]) == ["beat"]
    assert await metres() == before
