"""Parts that are written to what is there: chords, metre, tempo, drums and other clips of a project."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document

ADA = Actor("ada", "rest")
TONES = {"Fm": {5, 8, 0}, "Db": {1, 5, 8}, "Ab": {8, 0, 3}, "Eb": {3, 7, 10}}
KICKS = (0.0, 1.75, 2.5)  # of a bar


@pytest.fixture
async def song(document: Document, project_id: str) -> Song:
    """A key, four chords that come back, a tempo that changes, and eight bars of drums with a kick of their own."""
    made = Song(document, project_id)
    await made.do("updateProject", changes={"key": "Fm", "bpm": 90})
    await made.do("createTempoEvent", beat=20, bpm=140, curve="linear")
    await made.do("createTempoEvent", beat=40, bpm=100, curve="jump")
    for number in range(16):
        await made.do("createChord", symbol=list(TONES)[number % 4], beat=4 * number, length=4)
    drums = [(beat + 4 * bar, 36) for bar in range(8) for beat in KICKS]
    drums += [(beat / 2 + 0.16 * (beat % 2), 42) for beat in range(64)]  # which swing
    await made.add("Drums", 0, 32, drums)
    return made


class Song:
    def __init__(self, document: Document, id: str) -> None:
        self._document, self.id = document, id

    async def do(self, name: str, /, **parameters: Any) -> dict[str, Any]:
        return (await self._document.execute(self.id, [Command(name, parameters)], ADA)).results[0]

    async def add(self, name: str, beat: float, beats: float, notes: list[tuple[float, int]]) -> str:
        track = (await self.do("createTrack", name=name, trackType="MIDI"))["track"]["id"]
        made = [{"start": start, "duration": 0.25, "pitch": pitch, "velocity": 90} for start, pitch in notes]
        place = {"trackId": track, "startBeat": beat, "lengthBeats": beats, "name": name}
        return str((await self.do("createClip", **place, midiData={"notes": made}))["clip"]["id"])

    async def write(self, part: str, **options: Any) -> list[list[tuple[float, int]]]:
        """(beat of the project, pitch) of the notes of each variation."""
        made = await self.do("generateMidi", part=part, **options)
        assert len(made["tracks"]) == options.get("variations", 1)
        return [
            [(clip["startBeat"] + note["start"], note["pitch"]) for note in clip["midiData"]["notes"]]
            for clip in made["clips"]
        ]

    async def shown(self) -> dict[str, Any]:
        return await self._document.snapshot(self.id, "ada")


async def test_a_bass_stands_on_the_chords_of_the_project_where_it_was_asked_for(song: Song) -> None:
    for genre in ("pop", "jazz", "trap", "house"):
        (line,) = await song.write("bass", genre=genre, startBar=9, bars=8)
        assert 32 <= min(beat for beat, _ in line) < 34
        assert 60 <= max(beat for beat, _ in line) < 64
        ones = {int((beat + 0.1) / 4): pitch for beat, pitch in reversed(line)}  # the first of each bar
        assert set(ones) == set(range(8, 16))
        for bar, pitch in ones.items():
            assert pitch % 12 in list(TONES.values())[bar % 4], (genre, bar, pitch)
    clip = (await song.shown())["tracks"][-1]["clips"][0]
    assert (clip["startBeat"], clip["lengthBeats"]) == (32, 32)


async def test_a_bass_begins_with_the_kick_that_is_there(song: Song) -> None:
    (line,) = await song.write("bass", genre="house", bars=8)
    kicks = [beat + 4 * bar for bar in range(8) for beat in KICKS]
    near = [min(abs(kick - beat) for kick in kicks) for beat, _ in line]
    assert not [distance for distance in near if 0 < distance <= 0.25]
    assert near.count(0) >= 8


async def test_drums_go_on_with_the_kick_and_the_swing_of_those_before_them(song: Song) -> None:
    (played,) = await song.write("drums", genre="pop", startBar=9, bars=8)
    kicks = sorted(beat for beat, pitch in played if pitch in (35, 36))
    assert kicks == [beat + 4 * bar for bar in range(8, 16) for beat in KICKS]
    offbeats = [beat % 1 for beat, _ in played if 0.4 < beat % 1 < 0.75]
    assert offbeats
    assert sum(offbeats) / len(offbeats) > 0.6
    (under,) = await song.write("drums", genre="pop", bars=8)  # where a kick and a hat play already
    assert not {pitch for _, pitch in under} & {35, 36, 42}
    assert {38, 39, 40} & {pitch for _, pitch in under}


async def test_a_melody_like_another_has_its_rhythm_and_its_ups_and_downs_and_is_another_one(song: Song) -> None:
    theme = [(0, 72), (0.5, 75), (1, 77), (2.5, 75), (3, 72), (4, 68), (5, 70), (5.5, 72), (6.5, 75), (7, 77)]
    clip = await song.add("Theme", 0, 8, [(float(beat), pitch) for beat, pitch in theme])
    variations = await song.write("melody", likeClipId=clip, startBar=9, bars=4, variations=4)
    assert len({tuple(line) for line in variations}) == 4
    for line in variations:
        starts = [beat - 32 for beat, _ in line]
        assert starts == [beat + 8 * time for time in range(2) for beat, _ in theme]
        pitches = [pitch for _, pitch in line[:10]]
        assert pitches != [pitch for _, pitch in theme]
        moves = [
            (b - a, d - c) for (a, b), (c, d) in zip(pairwise(p for _, p in theme), pairwise(pitches), strict=True)
        ]
        assert sum(one * other > 0 for one, other in moves) >= 0.6 * len(moves)
        assert {pitch % 12 for pitch in pitches} <= {5, 7, 8, 10, 0, 1, 3}
    tracks = [track for track in (await song.shown())["tracks"] if track["name"].startswith("Melody")]
    assert [track["isMuted"] for track in tracks] == [False, True, True, True]


async def test_parts_follow_a_change_of_the_metre(song: Song) -> None:
    await song.do("createTimeSignatureEvent", bar=10, timeSignature="3/4")
    (line,) = await song.write("bass", startBar=9, bars=4)  # two bars of four, two of three
    clip = (await song.shown())["tracks"][-1]["clips"][0]
    assert (clip["startBeat"], clip["lengthBeats"]) == (32, 14)
    starts = {round(beat, 2) for beat, _ in line}
    assert {32.0, 36.0, 40.0, 43.0} <= starts


async def test_a_part_is_one_step_and_a_clip_without_notes_cannot_be_followed(song: Song) -> None:
    before = await song.shown()
    await song.write("chords", bars=2, startBar=20)
    assert len((await song.shown())["chords"]) > len(before["chords"])  # none was there
    await song.do("undo")
    after = await song.shown()
    assert (len(after["tracks"]), len(after["chords"])) == (len(before["tracks"]), len(before["chords"]))
    empty = await song.add("Empty", 0, 4, [])
    with pytest.raises(errors.ValidationError, match="with notes"):
        await song.write("melody", likeClipId=empty)
