"""Clips: what they may hold, how long they may be, and where they go."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.database.pool import Database
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document

ADA = Actor("ada", "rest")
NOTES = {"notes": [{"pitch": 60, "start": 0.1, "duration": 1, "velocity": 90}]}
LENGTH = 10.0  # seconds of the recordings


class Song:
    """Ada at work on one project with one track."""

    def __init__(self, document: Document, database: Database, project_id: str) -> None:
        self.document, self.database, self.project_id = document, database, project_id
        self.track_id = self.note_track_id = ""

    async def do(self, name: str, /, **parameters: Any) -> dict[str, Any]:
        return (await self.document.execute(self.project_id, [Command(name, parameters)], ADA)).results[0]

    async def clip(self, **fields: Any) -> dict[str, Any]:
        track_id = self.note_track_id if fields.get("midiData") else self.track_id
        fields = {"trackId": track_id, "startTime": 0, **fields}
        return dict((await self.do("createClip", **fields))["clip"])

    async def update(self, clip: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return dict((await self.do("updateClip", clipId=clip["id"], changes=changes))["clip"])

    async def recording(self, owner: str = "ada", project_id: str | None = None, seconds: float | None = LENGTH) -> str:
        id = str(uuid.uuid4())
        await self.database.execute(
            """INSERT INTO audio_files (id, owner_id, project_id, filename, original_name, mime_type, size_bytes, duration,
                   storage_key, source) VALUES (%s, %s, %s, 'f.wav', 'Voice.wav', 'audio/wav', 1, %s, %s, 'upload')""",
            (id, owner, project_id, seconds, id),
        )
        return id

    async def home(self, audio_file_id: str) -> Any:
        return await self.database.fetch_value("SELECT project_id FROM audio_files WHERE id = %s", (audio_file_id,))


@pytest.fixture
async def song(document: Document, database: Database, project_id: str) -> Song:
    song = Song(document, database, project_id)
    song.track_id = (await song.do("createTrack", name="Voice"))["track"]["id"]
    song.note_track_id = (await song.do("createTrack", name="Keys", trackType="MIDI"))["track"]["id"]
    return song


async def test_a_clip_plays_the_rest_of_its_recording_unless_told_otherwise(song: Song) -> None:
    clip = await song.clip(audioFileId=await song.recording(), offset=4)
    assert (clip["duration"], clip["name"], clip["gain"], clip["midiData"]) == (6, "Voice.wav", 0, None)
    clip = await song.clip(audioFileId=await song.recording(), duration=2, name="Hook", gain=-60)
    assert (clip["duration"], clip["name"], clip["gain"]) == (2, "Hook", -60)


@pytest.mark.parametrize(
    "fields",
    [
        {"offset": 10.2},
        {"offset": 11},
        {"duration": 0},
        {"duration": -1},
        {"offset": -1},
        {"startTime": -0.1},
        {"gain": 25},
        {"gain": -61},
        {"fadeIn": 6, "fadeOut": 5},
        {"fadeIn": -1},
        {"name": ""},
        {"color": "red"},
        {"midiData": NOTES},
        {"startTime": float("inf")},
        {"startTime": True},
    ],
    ids=str,
)
async def test_a_clip_stays_within_its_recording_and_its_ranges(song: Song, fields: dict[str, Any]) -> None:
    with pytest.raises(errors.ValidationError):
        await song.clip(audioFileId=await song.recording(), **fields)
    clip = await song.clip(audioFileId=await song.recording())
    with pytest.raises(errors.ValidationError):
        await song.update(clip, **fields)


async def test_rounding_does_not_refuse_a_clip_but_is_cut_off(song: Song) -> None:
    clip = await song.clip(audioFileId=await song.recording(), offset=1 / 3, duration=LENGTH - 1 / 3 + 0.0005)
    assert clip["offset"] + clip["duration"] <= LENGTH


async def test_a_clip_has_a_recording_or_notes_and_never_both(song: Song) -> None:
    with pytest.raises(errors.ValidationError):
        await song.clip()
    clip = await song.clip(midiData=NOTES)
    with pytest.raises(errors.ValidationError):
        await song.update(clip, audioFileId=await song.recording())
    with pytest.raises(errors.ValidationError):
        await song.update(clip, midiData=None)
    with pytest.raises(errors.ValidationError):
        await song.update(clip, audioFileId=await song.recording(), midiData=None)
    now = await song.update(clip, audioFileId=await song.recording(), midiData=None, trackId=song.track_id)
    assert now["midiData"] is None
    assert now["audioFileId"] is not None


@pytest.mark.parametrize(
    "note",
    [
        {},
        {"pitch": 128},
        {"pitch": 60.5},
        {"pitch": True},
        {"start": -1},
        {"duration": 0},
        {"velocity": 0},
        {"velocity": 128},
        {"start": "0"},
        {"duration": 1e9},
        {"start": float("nan")},
        "note",
    ],
    ids=str,
)
async def test_notes_are_checked_one_by_one(song: Song, note: Any) -> None:
    wrong = {**NOTES["notes"][0], **note} if note and isinstance(note, dict) else note
    with pytest.raises(errors.ValidationError) as caught:
        await song.clip(midiData={"notes": [*NOTES["notes"], wrong]})
    assert next(iter(caught.value.details or ())).startswith("midiData.notes.1")


async def test_twenty_thousand_notes_are_taken_and_no_more(song: Song) -> None:
    clip = await song.clip(midiData={"notes": NOTES["notes"] * 20_000})
    assert len(clip["midiData"]["notes"]) == 20_000
    with pytest.raises(errors.ValidationError):
        await song.clip(midiData={"notes": NOTES["notes"] * 20_001})


async def test_notes_without_a_length_fill_whole_bars(song: Song) -> None:
    await song.do("updateProject", changes={"bpm": 120, "timeSignature": "6/8"})
    late = {**NOTES["notes"][0], "start": 3.5}
    assert (await song.clip(midiData={"notes": [late]}))["duration"] == 3
    assert (await song.clip(midiData={"notes": []}))["duration"] == 1.5


async def test_a_recording_is_the_projects_own_or_the_callers_who_brings_it_along(song: Song) -> None:
    mine, theirs = await song.recording(), await song.recording("bob", song.project_id)
    for id in (mine, theirs):
        await song.clip(audioFileId=id)
        assert await song.home(id) == song.project_id
    for id in (await song.recording("bob"), str(uuid.uuid4())):
        with pytest.raises(errors.NotFound) as caught:
            await song.clip(audioFileId=id)
        assert (caught.value.details or {})["kind"] == "audioFile"


async def test_a_recording_of_unknown_length_needs_a_duration(song: Song) -> None:
    unmeasured = await song.recording(seconds=None)
    with pytest.raises(errors.ValidationError):
        await song.clip(audioFileId=unmeasured)
    assert (await song.clip(audioFileId=unmeasured, duration=3))["duration"] == 3


async def test_a_clip_moves_within_its_project_only(song: Song, document: Document) -> None:
    clip = await song.clip(midiData=NOTES)
    other = (await song.do("createTrack", name="Other", trackType="INSTRUMENT"))["track"]["id"]
    assert (await song.update(clip, trackId=other))["trackId"] == other
    far = Song(document, song.database, (await document.create("ada", {"name": "Far"}))["id"])
    foreign = (await far.do("createTrack", name="Foreign"))["track"]["id"]
    with pytest.raises(errors.NotFound):
        await song.update(clip, trackId=foreign)
    with pytest.raises(errors.NotFound):
        await far.do("deleteClip", clipId=clip["id"])


async def test_a_clip_is_moved_in_beats_bars_or_seconds(song: Song) -> None:
    await song.do("updateProject", changes={"bpm": 120, "timeSignature": "3/4"})
    clip = await song.clip(midiData=NOTES)
    for unit, start in (("beats", 1.0), ("bars", 3.0), ("seconds", 2.0)):
        moved = await song.do("moveClip", clipId=clip["id"], newPosition=2, unit=unit)
        assert moved["clip"]["startTime"] == start


async def test_quantize_moves_starts_and_notes_towards_the_grid(song: Song) -> None:
    clip = await song.clip(midiData={"notes": [{**NOTES["notes"][0], "start": 0.9}]}, startTime=0.56)
    halfway = await song.do("quantize", clipIds=[clip["id"]], division="quarter", strength=50)
    assert halfway["clips"][0]["startTime"] == pytest.approx(0.53)
    assert halfway["clips"][0]["midiData"]["notes"][0]["start"] == pytest.approx(0.95)
    there = await song.do("quantize", clipIds=[clip["id"]], division="quarter")
    assert there["clips"][0]["startTime"] == 0.5
    assert there["clips"][0]["midiData"]["notes"][0] == {**NOTES["notes"][0], "start": 1}


async def test_several_clips_change_together_or_not_at_all(song: Song) -> None:
    long, short = [await song.clip(audioFileId=await song.recording(), duration=each) for each in (8, 2)]
    with pytest.raises(errors.ValidationError):
        await song.do("updateClips", clipIds=[long["id"], short["id"]], changes={"fadeIn": 3})
    done = await song.do("updateClips", clipIds=[long["id"], short["id"]], changes={"fadeIn": 1})
    assert [clip["fadeIn"] for clip in done["clips"]] == [1, 1]


async def test_recordings_lie_on_audio_tracks_and_notes_on_those_that_play_them(song: Song) -> None:
    recording = await song.recording()
    for kind in ("AUDIO", "MIDI", "INSTRUMENT", "AUX", "MASTER"):
        track_id = (await song.do("createTrack", name=kind, trackType=kind))["track"]["id"]
        for content, fits in (({"audioFileId": recording}, ("AUDIO",)), ({"midiData": NOTES}, ("MIDI", "INSTRUMENT"))):
            if kind in fits:
                clip = await song.clip(trackId=track_id, **content)
                with pytest.raises(errors.ValidationError, match="clips"):
                    await song.do("updateTrack", trackId=track_id, changes={"trackType": "AUX"})
                elsewhere = song.note_track_id if "audioFileId" in content else song.track_id
                with pytest.raises(errors.ValidationError, match="track"):
                    await song.update(clip, trackId=elsewhere)
            else:
                with pytest.raises(errors.ValidationError, match="track"):
                    await song.clip(trackId=track_id, **content)


async def test_undo_puts_no_clip_on_a_track_that_others_have_made_another_one(song: Song, document: Document) -> None:
    clip = await song.clip(midiData=NOTES)
    await song.do("deleteClip", clipId=clip["id"])
    change = Command("updateTrack", {"trackId": song.note_track_id, "changes": {"trackType": "AUDIO"}})
    await document.execute(song.project_id, [change], Actor("bob", "rest"))
    first = (await song.do("undo"))["skipped"][0]
    assert (first["entity"], first["field"], first["by"]) == ("clip", "trackId", "bob")
