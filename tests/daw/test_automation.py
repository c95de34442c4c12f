"""Envelopes: what they may move, and that they go with what they move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.daw.song import Song, content
from tests.servers import dawg

RISE = [{"beat": 8, "value": 1}, {"beat": 0, "value": 0, "curve": "smooth"}]


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", JOB_CONCURRENCY="0") as running:
        yield running


@pytest.fixture
async def song(server: dawg.Dawg) -> Song:
    return await Song.new(server)


async def track_of(song: Song) -> str:
    return str((await song.add("track", name="Voice"))["id"])


async def test_points_are_sorted_and_held_to_the_range_of_what_they_move(song: Song) -> None:
    track = await track_of(song)
    device = await song.add("device", trackId=track, type="utility")
    made = await song.add("automation", trackId=track, target="pan", points=RISE)
    assert made["points"] == [
        {"beat": 0, "value": 0, "curve": "smooth"},
        {"beat": 8, "value": 1, "curve": "linear"},
    ]
    assert (await song.change("automation", made["id"], points=[{"beat": 1, "value": -1}]))["points"][0]["beat"] == 1
    on = {"trackId": track, "points": RISE}
    gain = {"target": "device", "deviceId": device["id"], "parameter": "gain"}
    for fields, wrong in (
        ({"target": "swing"}, "target"),
        ({"target": "volume", "points": []}, "points"),
        ({"target": "volume", "points": [{"beat": -1, "value": 0}]}, "points.0.beat"),
        ({"target": "volume", "points": [{"beat": 0, "value": "x"}]}, "points.0.value"),
        ({"target": "volume", "points": [{"beat": 0, "value": 0, "curve": "odd"}]}, "points.0.curve"),
        ({"target": "volume", "points": [{"beat": 0, "value": -0.1}]}, "points.0.value"),
        ({"target": "volume", "parameter": "gain"}, "parameter"),
        ({**gain, "points": [{"beat": 0, "value": 25}]}, "points.0.value"),
        ({**gain, "parameter": "monoBelow"}, "parameter"),
        ({**gain, "parameter": "nothing"}, "parameter"),
        ({**gain, "parameter": None}, "parameter"),
        ({**gain, "deviceId": None}, "deviceId"),
    ):
        refused = await song.add("automation", expect=400, **{**on, **fields})
        assert list(refused["details"]) == [wrong], refused
    await song.add("automation", expect=409, **on, target="pan")
    other = await track_of(song)
    await song.add("automation", expect=404, trackId=other, points=RISE, **gain)
    await song.change("automation", made["id"], target="volume", expect=400)


async def test_envelopes_go_with_what_they_move_and_come_back_with_it(song: Song) -> None:
    track = await track_of(song)
    bus = (await song.add("track", name="Room", trackType="AUX"))["id"]
    send = (await song.call("POST", f"/tracks/{track}/sends", {"destinationTrackId": bus}))["send"]
    device = await song.add("device", trackId=track, type="utility")
    on = {"trackId": track, "points": RISE}
    await song.add("automation", target="send", sendId=send["id"], **on)
    await song.add("automation", target="device", deviceId=device["id"], parameter="gain", **on)
    await song.add("automation", target="mute", **on)

    async def found() -> list[dict[str, Any]]:
        return content((await song.shown())["tracks"][0]["automations"])

    before, version = await found(), await song.version()
    assert [len(before), len((await song.copied())["tracks"][0]["automations"])] == [3, 3]
    await song.call("DELETE", f"/devices/{device['id']}")
    await song.call("DELETE", f"/tracks/{bus}")
    assert [each["target"] for each in await found()] == ["mute"]
    await song.restore(version)
    assert await found() == before
    for _ in range(3):
        await song.undo()
    assert await found() == before
    for _ in range(3):
        await song.redo()
    assert await found() == before


async def test_points_move_with_their_section_and_the_rest_closes_the_gap(song: Song) -> None:
    track = await track_of(song)
    points = [{"beat": beat, "value": value} for beat, value in ((0, 0), (16, 1), (24, 0))]
    made = await song.add("automation", trackId=track, target="pan", points=points)
    still = await song.add("automation", trackId=track, target="volume", points=[{"beat": 3, "value": 0.5}])
    section = await song.add("section", name="Verse", beat=8, length=8)

    async def drawn(id: str) -> list[tuple[float, float]]:
        found = (await song.shown())["tracks"][0]["automations"]
        return [(p["beat"], p["value"]) for each in found if each["id"] == id for p in each["points"]]

    await song.call("POST", f"/sections/{section['id']}/move", {"beat": 0})
    assert await drawn(made["id"]) == [(0, 0.5), (8, 1), (8, 0), (16, 0.5), (16, 1), (24, 0)]
    assert {value for _, value in await drawn(still["id"])} == {0.5}
    await song.undo()
    assert await drawn(made["id"]) == [(0, 0), (16, 1), (24, 0)]
