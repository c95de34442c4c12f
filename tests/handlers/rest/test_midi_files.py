"""Notes out to MIDI files and in from them, over REST; other programs' readers judge what is written."""

from __future__ import annotations

import io
import random
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import mido  # type: ignore[import-untyped]
import pretty_midi  # type: ignore[import-untyped]
import pytest
import pytest_asyncio

from tests.daw.song import Song
from tests.servers import dawg
from tests.servers.databases import TestDatabases

VARIABLES = {"REQUESTS_PER_MINUTE": "100000", "UPLOADS_PER_MINUTE": "100000", "JOB_CONCURRENCY": "0"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(test_databases: TestDatabases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dawg.Dawg]:
    """One for all tests of this module."""
    with test_databases.lent() as dsn:
        async with dawg.running(dsn, tmp_path_factory.mktemp("server"), **VARIABLES) as running:
            yield running


async def exported(song: Song, query: str = "") -> bytes:
    path = f"{song.server.url}/api/projects/{song.id}/export?format=midi{query}"
    async with song.server.http.get(path, headers=song.server.as_user("ada")) as reply:
        assert reply.status == 200, await reply.text()
        assert reply.content_type == "audio/midi"
        assert ".mid" in reply.headers["Content-Disposition"]
        return await reply.read()


async def imported(
    server: dawg.Dawg, data: bytes, into: str | None = None, *, user: str = "ada", name: str = "My tune.mid"
) -> tuple[int, dict[str, Any]]:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(data), filename=name)
    path = f"/api/projects/{into}/import" if into else "/api/projects/import"
    return await server.json("POST", path, user, data=form)


def bytes_of(file: mido.MidiFile) -> bytes:
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


async def full_song(server: dawg.Dawg) -> Song:
    """Two tracks of notes and one of none, a tempo that jumps and one that glides, two metres, markers, controllers."""
    song = await Song.new(server, name="Ünïted", bpm=90, key="F#m", timeSignature="3/4")
    await song.add("tempoEvent", beat=0, bpm=90)
    await song.add("tempoEvent", beat=6, bpm=120, curve="linear")
    await song.add("tempoEvent", beat=10, bpm=150)
    await song.add("timeSignatureEvent", bar=2, timeSignature="6/8")
    await song.add("marker", name="Drop é", beat=6)
    await song.add("section", name="Verse", beat=0, length=6)
    keys = (await song.add("track", name="Keys", trackType="MIDI", instrument="electric piano", pan=-0.5))["id"]
    drums = (await song.add("track", name="Kit", trackType="MIDI", instrument="kit house"))["id"]
    await song.add("track", name="Voice")
    midi = {
        "notes": [{"pitch": 60 + n, "start": n * 1.5, "duration": 1.25, "velocity": 50 + n} for n in range(8)],
        "controllers": [{"beat": 0, "controller": 64, "value": 127}, {"beat": 5, "controller": 64, "value": 0}],
        "pitchBends": [{"beat": 1, "value": 4096}],
        "bendRange": 12,
    }
    await song.add("clip", trackId=keys, startBeat=3, lengthBeats=9, offsetBeats=0.5, midiData=midi)
    beats = [{"pitch": 36, "start": n / 3, "duration": 0.25, "velocity": 100} for n in range(18)]
    await song.add("clip", trackId=drums, startBeat=0, lengthBeats=6, midiData={"notes": beats})
    return song


def notes_of(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    """(track, begin, end, pitch, velocity) of all notes that are heard, in beats."""
    found = []
    for track in shown["tracks"]:
        for clip in track["clips"]:
            origin, end = clip["startBeat"] - clip["offsetBeats"], clip["startBeat"] + clip["lengthBeats"]
            for note in (clip["midiData"] or {"notes": []})["notes"]:
                begin = max(origin + note["start"], clip["startBeat"])
                last = min(origin + note["start"] + note["duration"], end)
                if last > begin:
                    found.append((track["name"], round(begin, 2), round(last, 2), note["pitch"], note["velocity"]))
    return sorted(found)


async def test_notes_tempi_metres_names_instruments_and_controllers_come_back_from_a_file(server: dawg.Dawg) -> None:
    song = await full_song(server)
    before = await song.shown()
    data = await exported(song)
    status, copy = await imported(server, data)
    assert status == 201, copy
    after = copy["project"]
    assert (after["name"], after["bpm"], after["key"], after["timeSignature"]) == ("Ünïted", 90, "F#m", "3/4")
    assert notes_of(after) == notes_of(before)
    assert [each["name"] for each in after["tracks"]] == ["Keys", "Kit"]
    assert [each["instrument"] for each in after["tracks"]] == ["electric piano", "kit"]
    assert after["tracks"][0]["pan"] == pytest.approx(-0.5, abs=0.02)
    assert after["tracks"][0]["volume"] == pytest.approx(0.8, abs=0.01)
    assert [(each["name"], each["beat"]) for each in after["markers"]] == [("Verse", 0), ("Drop é", 6)]
    assert [(each["bar"], each["timeSignature"]) for each in after["timeSignatureEvents"]] == [(2, "6/8")]
    assert after["tempoEvents"][-1]["bpm"] == pytest.approx(150, abs=0.001)
    midi = after["tracks"][0]["clips"][0]["midiData"]
    assert midi["bendRange"] == 12
    assert [each["value"] for each in midi["controllers"] if each["controller"] == 64] == [127, 0]
    assert [each["value"] for each in midi["pitchBends"]] == [4096, 0]


async def test_a_file_is_read_by_other_programs_with_the_same_times(server: dawg.Dawg) -> None:
    song = await full_song(server)
    data = await exported(song)
    file = mido.MidiFile(file=io.BytesIO(data))
    assert (file.type, len(file.tracks)) == (1, 3)
    heard = pretty_midi.PrettyMIDI(io.BytesIO(data))
    kit, keys = sorted(heard.instruments, key=lambda each: not each.is_drum)
    assert (keys.name, keys.program, keys.is_drum, kit.is_drum) == ("Keys", 4, False, True)
    tempo = (await song.shown())["tracks"][0]["clips"][0]
    # The clip begins at beat 3 with the half of a note that its offset leaves, and ends where the project says.
    assert keys.notes[0].start == pytest.approx(tempo["startTime"], abs=0.002)
    assert keys.notes[-1].end == pytest.approx(tempo["startTime"] + tempo["duration"], abs=0.002)
    assert len(kit.notes) == 18
    assert [(each.numerator, each.denominator) for each in heard.time_signature_changes] == [(3, 4), (6, 8)]


async def test_only_chosen_clips_are_exported_and_others_are_refused(server: dawg.Dawg) -> None:
    song = await full_song(server)
    kit = next(track for track in (await song.shown())["tracks"] if track["name"] == "Kit")
    file = mido.MidiFile(file=io.BytesIO(await exported(song, f"&clipIds={kit['clips'][0]['id']}")))
    assert [track.name for track in file.tracks] == ["Ünïted".encode().decode("latin-1"), "Kit"]
    reply = await song.call("GET", f"/projects/{song.id}/export?format=midi&clipIds={song.id}", expect=400)
    assert "clipIds" in str(reply)
    await song.call("GET", f"/projects/{song.id}/export?format=midi", user="eve", expect=404)


async def test_a_file_goes_into_a_project_as_one_step(server: dawg.Dawg) -> None:
    data = await exported(await full_song(server))
    empty = await Song.new(server, bpm=77)
    await empty.add("tempoEvent", beat=0, bpm=77)
    before = await empty.shown()
    status, reply = await imported(server, data, empty.id)
    assert status == 201, reply
    after = await empty.shown()
    assert [(each["id"], each["name"]) for each in after["tracks"]] == list(
        zip(reply["trackIds"], ("Keys", "Kit"), strict=True)
    )
    assert (after["bpm"], len(after["timeSignatureEvents"])) == (90, 1)
    assert len(notes_of(after)) == 7 + 18
    await empty.undo()
    undone = await empty.shown()
    assert undone["tracks"] == []
    assert [(each["beat"], each["bpm"]) for each in undone["tempoEvents"]] == [(0, 77)]
    assert (undone["bpm"], undone["timeSignature"]) == (before["bpm"], before["timeSignature"])
    await empty.redo()
    again = await empty.shown()
    assert notes_of(again) == notes_of(after)
    # Where there is music already, its tempo stays, and the notes keep their beats.
    other = await Song.new(server, bpm=60)
    track = (await other.add("track", name="Mine", trackType="MIDI"))["id"]
    note = {"pitch": 50, "start": 0, "duration": 1, "velocity": 64}
    await other.add("clip", trackId=track, startBeat=0, midiData={"notes": [note]})
    status, reply = await imported(server, data, other.id)
    assert status == 201, reply
    found = await other.shown()
    assert (found["bpm"], found["tempoEvents"], found["timeSignatureEvents"]) == (60, [], [])
    assert [each for each in notes_of(found) if each[0] != "Mine"] == notes_of(after)
    status, _ = await imported(server, data, other.id, user="eve")
    assert status == 404


async def test_a_file_of_format_0_becomes_a_track_for_each_channel(server: dawg.Dawg) -> None:
    file = mido.MidiFile(type=0, ticks_per_beat=96)
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name="Demo"))
    track.append(mido.MetaMessage("set_tempo", tempo=400_000))
    track.append(mido.Message("program_change", channel=2, program=40))
    for channel, pitch in ((2, 60), (9, 36)):
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=80))
    track.append(mido.Message("note_on", channel=2, note=60, velocity=0, time=96))
    track.append(mido.Message("control_change", channel=9, control=11, value=3, time=480))  # the drum is never ended
    file.tracks.append(track)
    status, copy = await imported(server, bytes_of(file))
    assert status == 201, copy
    project = copy["project"]
    assert (project["name"], project["bpm"]) == ("Demo", 150)
    assert [(each["name"], each["instrument"]) for each in project["tracks"]] == [
        ("Strings", "strings"),
        ("Kit", "kit"),
    ]
    assert sorted(each[1:] for each in notes_of(project)) == [(0, 1, 60, 80), (0, 6, 36, 80)]


async def test_odd_files_are_refused_in_words_and_change_nothing(server: dawg.Dawg) -> None:
    song = await Song.new(server)
    good = await exported(await full_song(server))
    frames = good[:12] + (0xE728).to_bytes(2, "big") + good[14:]
    too_many = mido.MidiFile(type=1)
    too_many.tracks += [
        mido.MidiTrack([mido.Message("note_on", note=60, velocity=9), mido.Message("note_off", note=60, time=9)])
        for _ in range(501)
    ]
    odd = {
        "format 2": good[:8] + b"\0\2" + good[10:],
        "SMPTE": frames,
        "500 tracks": bytes_of(too_many),
        "damaged": good[:70],
        "bytes": good + bytes(4 * 2**20),
        "not a zip": b"RIFF" + bytes(100),
    }
    for word, data in odd.items():
        status, reply = await imported(server, data)
        assert (status, reply["code"]) == (400, "invalid_archive"), (word, reply)
        assert word in reply["error"], (word, reply)
    empty = mido.MidiFile(type=1)
    empty.tracks.append(mido.MidiTrack())
    for data in (odd["damaged"], odd["not a zip"], b"MThd"):
        status, reply = await imported(server, data, song.id)
        assert (status, reply["code"]) == (400, "invalid_archive"), reply
    assert (await song.shown())["tracks"] == []


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(n, marks=pytest.mark.long) for n in range(3, 60))])
async def test_files_that_are_damaged_at_random_never_break_the_server(server: dawg.Dawg, seed: int) -> None:
    chance = random.Random(seed)
    good = await exported(await full_song(server))
    for _ in range(8):
        data = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        status, reply = await imported(server, bytes(data))
        assert status in (201, 400), reply
