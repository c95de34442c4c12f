"""What a clip of notes keeps besides them: controllers, bends, pressure, programs, channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server.daw.notes import MAX_EVENTS
from dawg_server.generation.finishing.material import Material
from tests.daw.song import Song
from tests.servers import dawg

MIDI: dict[str, Any] = {
    "notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 100}],
    "controllers": [{"controller": 64, "beat": 0, "value": 127}, {"controller": 1, "beat": 0.5, "value": 3}],
    "pitchBends": [{"beat": 0, "value": 8191}, {"beat": 2, "value": -8192}],
    "channelPressures": [{"beat": 1, "value": 9}],
    "programs": [{"beat": 0, "program": 73}],
    "channel": 9,
    "bendRange": 12,
}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", JOB_CONCURRENCY="0") as running:
        yield running


async def test_they_are_kept_with_the_notes_by_everything_that_keeps_notes(server: dawg.Dawg, tmp_path: Path) -> None:
    song = await Song.new(server)
    track = (await song.add("track", name="Keys", trackType="MIDI"))["id"]
    late_first = {**MIDI, "pitchBends": MIDI["pitchBends"][::-1], "unknown": 1}
    clip = await song.add("clip", trackId=track, startBeat=4, lengthBeats=4, midiData=late_first)
    assert clip["midiData"] == MIDI
    assert (await song.copied())["tracks"][0]["clips"][0]["midiData"] == MIDI
    plain = await song.change("clip", clip["id"], midiData={"notes": [], "controllers": [], "channel": None})
    assert plain["midiData"] == {"notes": []}
    await song.undo()
    assert (await song.shown())["tracks"][0]["clips"][0]["midiData"] == MIDI
    # Joined, what moves the notes stays where it was heard; what a clip began with holds where that one began.
    second = await song.add("clip", trackId=track, startBeat=8, lengthBeats=2, offsetBeats=1, midiData=MIDI)
    glued = await song.call("POST", "/clips/glue", {"clipIds": [clip["id"], second["id"]]})
    assert [each["beat"] for each in glued["clips"][0]["midiData"]["controllers"]] == [0, 0.5, 4, 4]
    assert [(each["beat"], each["value"]) for each in glued["clips"][0]["midiData"]["pitchBends"]] == [
        *((0, 8191), (2, -8192)),
        *((4, 8191), (5, -8192)),
    ]
    await song.undo()
    for path, wrong in (
        ("controllers.0.value", {"controllers": [{"controller": 1, "beat": 0, "value": 128}]}),
        ("controllers.0.controller", {"controllers": [{"beat": 0, "value": 1}]}),
        ("pitchBends.0.beat", {"pitchBends": [{"beat": -1, "value": 0}]}),
        ("programs", {"programs": {}}),
        ("channelPressures.0", {"channelPressures": [1]}),
        ("channel", {"channel": 16}),
        ("controllers", {"controllers": [MIDI["controllers"][0]] * (MAX_EVENTS + 1)}),
    ):
        refused = await song.change("clip", clip["id"], expect=400, midiData={"notes": [], **wrong})
        assert list(refused["details"]) == [f"midiData.{path}"]
    parts = server.services
    material = Material(parts.platform.database, parts.documents.document, parts.platform.storage)
    project = await parts.documents.document.snapshot(song.id, "ada")
    controls = (await material.arrangement(project, tmp_path)).tracks[0].clips[0].controls
    assert controls is not None
    assert controls.controllers == ((0, 64, 127), (0.5, 1, 3))
    assert controls.bends == ((0, pytest.approx(12, abs=0.002)), (2, -12))
