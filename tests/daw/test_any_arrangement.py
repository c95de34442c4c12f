"""Random histories of groups, markers, sections that move, chords and tempi: undo and redo always come back."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from tests.daw import editors
from tests.daw.song import content

ADA, BOB = Actor("ada", "rest"), Actor("bob", "rest")
PARTS = ("tracks", "markers", "sections", "chords", "tempoEvents", "timeSignatureEvents")
STEPS = 25


def any_command(project: dict[str, Any], dice: random.Random) -> Command:
    def one(plural: str) -> str:
        return str(dice.choice(project[plural])["id"]) if project[plural] else "00000000-0000-4000-8000-000000000000"

    beat, length = dice.randrange(32), dice.randrange(1, 9)
    note = {"pitch": 60, "start": dice.randrange(4), "duration": 1, "velocity": 90}
    return dice.choice(
        (
            Command("createTrack", {"name": "Keys", "trackType": dice.choice(("MIDI", "MIDI", "AUX"))}),
            Command("groupTracks", {"trackIds": list({one("tracks"), one("tracks")})}),
            Command("ungroupTracks", {"trackId": one("tracks")}),
            Command(
                "updateTrack", {"trackId": one("tracks"), "changes": {"groupId": dice.choice((None, one("tracks")))}}
            ),
            Command("updateTrack", {"trackId": one("tracks"), "changes": {"volumeDb": dice.choice((None, -6, 6))}}),
            Command("deleteTrack", {"trackId": one("tracks")}),
            Command(
                "createClip",
                {"trackId": one("tracks"), "startBeat": beat, "lengthBeats": length, "midiData": {"notes": [note]}},
            ),
            Command("createMarker", {"name": "Here", "beat": beat}),
            Command("createSection", {"name": "Verse", "beat": beat, "length": length}),
            Command("createChord", {"symbol": "Am7", "beat": beat, "length": dice.choice((None, length))}),
            Command("createTempoEvent", {"beat": beat, "bpm": dice.choice((60, 90))}),
            Command("createTimeSignatureEvent", {"bar": beat // 4, "timeSignature": dice.choice(("3/4", "2/4"))}),
            Command("moveSection", {"sectionId": one("sections"), "beat": beat}),
            Command("moveSection", {"sectionId": one("sections"), "bars": dice.choice((-2, 1, 3))}),
            Command("arrangeSections", {"sectionIds": list({one("sections"), one("sections")})}),
            Command("deleteSection", {"sectionId": one("sections")}),
            Command("updateProject", {"changes": {"bpm": dice.choice((100, 120))}}),
        )
    )


@pytest.mark.parametrize("seed", [4, 0, 3])
async def test_everything_is_taken_back_and_repeated(document: Document, project_id: str, seed: int) -> None:
    dice = random.Random(seed)

    async def state() -> Any:
        project = await document.snapshot(project_id, "ada")
        tracks = [{**track, "clips": content(track["clips"])} for track in project["tracks"]]
        return (
            project["bpm"],
            project["timeSignature"],
            *(content({**project, "tracks": tracks}[plural]) for plural in PARTS),
        )

    for number in range(3):
        section = {"name": "Verse", "beat": 8 * number, "length": 8}
        track = {"name": "Keys", "trackType": "MIDI"}
        await document.execute(project_id, [Command("createSection", section), Command("createTrack", track)], BOB)
    states, executed = [await state()], 0
    for _ in range(STEPS):
        project = await document.snapshot(project_id, "ada")
        with contextlib.suppress(errors.DawgError):
            before = project["revision"]
            if (await document.execute(project_id, [any_command(project, dice)], ADA)).revision > before:
                states.append(await state())
                executed += 1
    assert executed > STEPS / 4
    for expected in states[-2::-1]:
        assert (await editors.undo(document, project_id, ADA)).results[0]["skipped"] == []
        assert await state() == expected
    for expected in states[1:]:
        assert (await editors.redo(document, project_id, ADA)).results[0]["skipped"] == []
        assert await state() == expected
