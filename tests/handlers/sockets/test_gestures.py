"""Changes of one drag: however fast they come, none is lost, and all of them are one step to undo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import socketio

from tests.daw.song import Song
from tests.servers import dawg

DRAGS, EVENTS = 4, 100


@pytest.fixture
async def song(database_dsn: str, tmp_path: Path) -> AsyncIterator[Song]:
    async with dawg.running(database_dsn, tmp_path) as server:
        yield await Song.new(server)


async def _drag(song: Song, track_id: str, gesture: str) -> list[dict[str, Any]]:
    """The acks of `EVENTS` moves of a fader, sent without waiting for any; the last one leads to 0.25."""
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(song.server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": song.id})
        acks: list[dict[str, Any]] = []
        all_there = asyncio.Event()

        def take(ack: dict[str, Any]) -> None:
            acks.append(ack)
            if len(acks) == EVENTS:
                all_there.set()

        for number in range(EVENTS):
            changes = {"volume": 0.25 if number == EVENTS - 1 else round(number / EVENTS, 3)}
            payload = {"projectId": song.id, "trackId": track_id, "changes": changes, "gesture": gesture}
            await page.client.emit("track:update", payload, callback=take)
        await all_there.wait()
        return acks


async def test_a_drag_loses_nothing_and_is_one_step(song: Song) -> None:
    tracks = [(await song.add("track", name=f"t{n}"))["id"] for n in range(DRAGS)]
    before = (await song.shown())["revision"]
    drags = await asyncio.gather(*(_drag(song, id, f"drag-{n}") for n, id in enumerate(tracks)))
    assert all(ack["success"] for acks in drags for ack in acks)
    shown = await song.shown()
    assert [track["volume"] for track in shown["tracks"]] == [0.25] * DRAGS
    assert shown["revision"] - before < DRAGS * EVENTS / 2  # those that waited were made as one
    log = (await song.call("GET", f"/projects/{song.id}/operations?since={before}"))["operations"]
    assert len({each["groupId"] for each in log}) == DRAGS
    for left in range(DRAGS - 1, -1, -1):
        await song.undo()
        volumes = [track["volume"] for track in (await song.shown())["tracks"]]
        assert sorted(volumes) == [0.25] * left + [0.8] * (DRAGS - left)


async def test_a_gesture_over_rest_is_one_step_and_its_own(song: Song) -> None:
    track = (await song.add("track", name="t"))["id"]
    for volume in (0.1, 0.2, 0.3):
        await song.call("PATCH", f"/tracks/{track}", {"volume": volume, "gesture": "one"})
    await song.call("PATCH", f"/tracks/{track}", {"volume": 0.4, "gesture": "two"})
    for expected in (0.3, 0.8):
        await song.undo()
        assert (await song.shown())["tracks"][0]["volume"] == expected
    await song.redo()
    assert (await song.shown())["tracks"][0]["volume"] == 0.3


async def test_what_is_no_part_of_a_gesture_is_counted_as_before(song: Song) -> None:
    track = (await song.add("track", name="t"))["id"]
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(song.server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": song.id})
        where = {"projectId": song.id, "trackId": track}
        acks = [await page.call("track:update", {**where, "changes": {"volume": n / 100}}) for n in range(60)]
        assert {ack.get("code") for ack in acks} <= {None, "rate_limited"}
        wrong = {**where, "changes": {"volume": 7}, "gesture": "g"}
        assert (await page.call("track:update", wrong))["code"] == "validation_error"
