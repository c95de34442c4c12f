"""What plays the notes of a track is a field of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dawg_server.music import instruments
from dawg_server.music.sound import kits
from dawg_server.music.sound.instruments import INSTRUMENTS
from tests.daw.song import Song
from tests.servers import dawg


@pytest.fixture
async def song(database_dsn: str, tmp_path: Path) -> AsyncIterator[Song]:
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0") as server:
        yield await Song.new(server)


def test_every_name_is_a_sound_of_the_engine() -> None:
    assert {*instruments.PROGRAMS} == {*INSTRUMENTS}
    assert {*instruments.KITS} == {"kit", *kits.KITS}


async def test_tracks_of_notes_have_an_instrument(song: Song) -> None:
    told = (await song.call("GET", "/instruments"))["instruments"]
    assert [each["name"] for each in told] == list(instruments.NAMES)
    assert next(each for each in told if each["name"] == "organ") == {"name": "organ", "kind": "pitched", "program": 16}
    named = await song.add("track", name="Upright bass", trackType="MIDI")
    assert named["instrument"] == "upright bass"
    assert (await song.change("track", named["id"], name="Lead"))["instrument"] == "upright bass"
    assert (await song.change("track", named["id"], instrument="Kit House"))["instrument"] == "kit house"
    assert (await song.change("track", named["id"], instrument=None))["instrument"] is None
    chosen = await song.add("track", name="Bass", trackType="INSTRUMENT", instrument="808")
    assert chosen["instrument"] == "808"
    assert (await song.add("track", name="Take", trackType="MIDI"))["instrument"] is None
    await song.change("track", chosen["id"], instrument="kazoo", expect=400)
    voice = await song.add("track", name="Bass guitar")
    assert voice["instrument"] is None
    await song.change("track", voice["id"], instrument="808", expect=400)
    assert (await song.change("track", chosen["id"], trackType="AUDIO"))["instrument"] is None
    assert [each["instrument"] for each in (await song.copied())["tracks"]] == [None, None, None, None]
