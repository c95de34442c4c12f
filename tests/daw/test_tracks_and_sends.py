"""Tracks, their order, and where their sound goes."""

from __future__ import annotations

from typing import Any

import pytest

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from handlers.sockets import document as sockets
from tests.daw import editors

ADA = Actor("ada", "rest")


class Desk:
    """Ada at work on one project."""

    def __init__(self, document: Document, project_id: str) -> None:
        self.document, self.project_id = document, project_id

    async def do(self, name: str, /, **parameters: Any) -> dict[str, Any]:
        return (await self.document.execute(self.project_id, [Command(name, parameters)], ADA)).results[0]

    async def track(self, name: str = "Kick", **fields: Any) -> str:
        return str((await self.do("createTrack", name=name, **fields))["track"]["id"])

    async def aux(self, name: str = "Echo") -> str:
        return await self.track(name, trackType="AUX")

    async def update(self, track_id: str, **changes: Any) -> dict[str, Any]:
        return dict((await self.do("updateTrack", trackId=track_id, changes=changes))["track"])

    async def send(self, track_id: str, destination: str, **fields: Any) -> dict[str, Any]:
        return dict((await self.do("createSend", trackId=track_id, destinationTrackId=destination, **fields))["send"])

    async def tracks(self) -> list[dict[str, Any]]:
        return list((await self.document.snapshot(self.project_id, "ada"))["tracks"])

    async def order(self) -> list[tuple[str, int]]:
        return [(track["name"], track["order"]) for track in await self.tracks()]


@pytest.fixture
def desk(document: Document, project_id: str) -> Desk:
    return Desk(document, project_id)


async def test_zero_is_a_value_and_null_clears(desk: Desk) -> None:
    id = await desk.track(volume=0, pan=0, color="#AABBCC", trackType="audio")
    (track,) = await desk.tracks()
    assert (track["volume"], track["pan"], track["color"], track["trackType"]) == (0, 0, "#aabbcc", "AUDIO")
    assert (await desk.update(id, color=None))["color"] is None
    with pytest.raises(errors.ValidationError) as caught:
        await desk.update(id, volume=None, pan=2, isMuted=1, name=" ")
    assert set(caught.value.details or ()) == {f"changes.{name}" for name in ("volume", "pan", "isMuted", "name")}


async def test_a_new_track_comes_last_or_makes_room_for_itself(desk: Desk) -> None:
    for name in "abc":
        await desk.track(name)
    await desk.track("first", order=0)
    await desk.track("far", order=400)
    assert await desk.order() == [("first", 0), ("a", 1), ("b", 2), ("c", 3), ("far", 4)]


async def test_a_reorder_has_no_gaps_whatever_is_asked(desk: Desk) -> None:
    ids = {name: await desk.track(name) for name in "abcd"}
    await desk.do("deleteTrack", trackId=ids["b"])
    told = await desk.do("reorderTracks", trackOrders=[{"id": ids["d"], "order": 0}, {"id": ids["a"], "order": 0}])
    assert [name for name, _ in await desk.order()] == ["d", "a", "c"]
    assert [each["order"] for each in told["trackOrders"]] == [0, 1, 2]
    await desk.do(
        "reorderTracks",
        trackOrders=[
            {"id": ids["a"], "order": 30},
            {"id": ids["c"], "order": 10},
            {"id": ids["d"], "order": 20},
        ],
    )
    assert await desk.order() == [("c", 0), ("d", 1), ("a", 2)]
    await desk.update(ids["a"], order=0)
    assert await desk.order() == [("a", 0), ("c", 1), ("d", 2)]


async def test_only_tracks_of_the_project_can_be_reordered(desk: Desk, document: Document) -> None:
    mine = await desk.track()
    elsewhere = Desk(document, (await document.create("ada", {"name": "Other"}))["id"])
    foreign = await elsewhere.track()
    with pytest.raises(errors.NotFound) as caught:
        await desk.do("reorderTracks", trackOrders=[{"id": mine, "order": 1}, {"id": foreign, "order": 0}])
    assert (caught.value.details or {})["missing"] == [foreign]
    with pytest.raises(errors.ValidationError):
        await desk.do("reorderTracks", trackOrders=[{"id": mine, "order": 1}, {"id": mine, "order": 0}])
    for name, parameters in {
        "updateTrack": {"changes": {"volume": 0}},
        "deleteTrack": {},
    }.items():
        with pytest.raises(errors.NotFound):
            await desk.do(name, trackId=foreign, **parameters)
    assert (await elsewhere.tracks())[0]["volume"] == 0.8


async def test_a_bulk_change_is_all_or_nothing_and_one_step(desk: Desk, document: Document) -> None:
    ids = [await desk.track() for _ in range(3)]
    with pytest.raises(errors.NotFound):
        await desk.do("updateTracks", trackIds=[*ids, desk.project_id], changes={"volume": 0})
    assert {track["volume"] for track in await desk.tracks()} == {0.8}
    await desk.do("updateTracks", trackIds=[*ids, ids[0]], changes={"volume": 0, "isMuted": True})
    assert [(track["volume"], track["isMuted"]) for track in await desk.tracks()] == [(0, True)] * 3
    await editors.undo(document, desk.project_id, ADA)
    assert {track["volume"] for track in await desk.tracks()} == {0.8}


async def test_sound_goes_to_aux_tracks_only(desk: Desk) -> None:
    track, other, aux = await desk.track(), await desk.track(), await desk.aux()
    for output, refusal in (
        (other, errors.ValidationError),
        (track, errors.ValidationError),
        (desk.project_id, errors.NotFound),
    ):
        with pytest.raises(refusal):
            await desk.update(track, outputDestination=output)
        with pytest.raises(refusal):
            await desk.send(track, output)
    assert (await desk.update(track, outputDestination=aux))["outputDestination"] == aux
    assert (await desk.update(track, outputDestination="master"))["outputDestination"] == "master"
    with pytest.raises(errors.ValidationError):
        await desk.update(aux, outputDestination=aux)


async def test_sound_never_comes_back_to_where_it_began(desk: Desk) -> None:
    one, two, three = [await desk.aux(name) for name in ("one", "two", "three")]
    await desk.send(one, two)
    await desk.update(two, outputDestination=three)
    with pytest.raises(errors.ValidationError):
        await desk.send(three, one)
    with pytest.raises(errors.ValidationError):
        await desk.update(three, outputDestination=one)
    send = await desk.send(three, await desk.aux("four"))
    with pytest.raises(errors.ValidationError):
        await desk.do("updateSend", trackId=three, sendId=send["id"], changes={"destinationTrackId": one})
    assert [track["outputDestination"] for track in await desk.tracks()] == ["master", three, "master", "master"]


async def test_a_track_has_one_send_to_each_aux_track(desk: Desk) -> None:
    track, aux = await desk.track(), await desk.aux()
    send = await desk.send(track, aux, level=0, preFader=True)
    assert (send["level"], send["preFader"], send["enabled"], send["pan"]) == (0, True, True, 0)
    with pytest.raises(errors.Conflict):
        await desk.send(track, aux)
    with pytest.raises(errors.NotFound):
        await desk.do("deleteSend", trackId=aux, sendId=send["id"])
    await desk.do("deleteSend", trackId=track, sendId=send["id"])
    with pytest.raises(errors.NotFound):
        await desk.do("deleteSend", trackId=track, sendId=send["id"])


async def test_an_aux_track_in_use_stays_one(desk: Desk) -> None:
    track, aux = await desk.track(), await desk.aux()
    await desk.update(track, outputDestination=aux)
    with pytest.raises(errors.InUse) as caught:
        await desk.update(aux, trackType="AUDIO")
    assert (caught.value.details or {})["trackIds"] == [track]


async def test_deleting_a_track_takes_along_all_that_hangs_on_it_and_undo_brings_it_back(
    desk: Desk, document: Document
) -> None:
    track, aux = await desk.track("Voice"), await desk.aux()
    await desk.send(track, aux, level=0.3)
    follower = await desk.track("Bass", outputDestination=aux)
    keys = await desk.track("Keys", trackType="MIDI")
    await desk.send(keys, aux)
    notes = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 90}]}
    await desk.do("createClip", trackId=keys, startTime=1, midiData=notes)
    before = await desk.tracks()
    executed = await document.execute(desk.project_id, [Command("deleteTrack", {"trackId": keys})], ADA)
    gone = [("delete", "send"), ("delete", "clip"), ("delete", "track")]
    assert [(each["kind"], each["entity"]) for each in executed.operations] == gone
    executed = await document.execute(desk.project_id, [Command("deleteTrack", {"trackId": aux})], ADA)
    assert [(each["kind"], each["entity"]) for each in executed.operations] == [
        ("delete", "send"),
        ("update", "track"),
        ("delete", "track"),
        ("reorder", "track"),
    ]
    after = {each["id"]: each for each in await desk.tracks()}
    assert {id: each["order"] for id, each in after.items()} == {track: 0, follower: 1}
    assert after[track]["sends"] == []
    assert after[follower]["outputDestination"] == "master"
    await editors.undo(document, desk.project_id, ADA)
    await editors.undo(document, desk.project_id, ADA)
    assert [_timeless(each) for each in await desk.tracks()] == [_timeless(each) for each in before]


async def test_lyrics_are_kept_as_they_are_and_can_be_added_to(desk: Desk) -> None:
    track = await desk.track()
    await desk.do("setLyrics", lyrics="  one \n", trackId=track)
    await desk.do("setLyrics", lyrics="two", trackId=track, append=True)
    await desk.do("setLyrics", lyrics="song")
    assert (await desk.tracks())[0]["lyrics"] == "  one \n\ntwo"
    assert (await desk.document.snapshot(desk.project_id, "ada"))["lyrics"] == "song"
    with pytest.raises(errors.ValidationError):
        await desk.do("setLyrics", lyrics="x" * 20_000, append=True)


def _timeless(track: dict[str, Any]) -> dict[str, Any]:
    clips = [{name: value for name, value in clip.items() if not name.endswith("At")} for clip in track["clips"]]
    return {name: value for name, value in track.items() if not name.endswith("At")} | {"clips": clips}


async def test_a_room_is_told_all_sends_of_a_track_also_when_one_alone_is_taken_back(
    desk: Desk, document: Document, bus: LocalBus
) -> None:
    """The track itself has no part in that, and has to be read for it."""
    track, first, second = await desk.track(), await desk.aux(), await desk.aux("Hall")
    await desk.send(track, first)
    send = await desk.send(track, second)
    await desk.do("updateSend", trackId=track, sendId=send["id"], changes={"level": 0.1})
    told: list[Any] = []
    bus.subscribe(events.ProjectChanged, told.append)
    for _ in range(2):
        await editors.undo(document, desk.project_id, ADA)
    sends = [dict(sockets.told(event))["track:updated"]["changes"]["sends"] for event in told]
    assert [[each["level"] for each in found] for found in sends] == [[0.8, 0.8], [0.8]]


async def test_there_is_one_master_and_its_sound_goes_nowhere_else(desk: Desk) -> None:
    aux, other = await desk.aux(), await desk.track()
    with pytest.raises(errors.ValidationError):
        await desk.track("Master", trackType="MASTER", outputDestination=aux)
    master = await desk.track("Master", trackType="MASTER")
    for refused in (
        desk.track("Second", trackType="MASTER"),
        desk.update(other, trackType="MASTER"),
        desk.update(master, outputDestination=aux),
        desk.send(master, aux),
    ):
        with pytest.raises(errors.ValidationError):
            await refused
    await desk.do("deleteTrack", trackId=master)
    await desk.update(other, trackType="MASTER")
    assert [(await desk.do("undo"))["skipped"] for _ in range(2)] == [[], []]
    assert [each["name"] for each in await desk.tracks() if each["trackType"] == "MASTER"] == ["Master"]


async def test_orders_have_no_gaps_whatever_comes_and_goes(desk: Desk) -> None:
    ids = [await desk.track(name) for name in "abcd"]
    await desk.do("deleteTrack", trackId=ids[1])
    assert await desk.order() == [("a", 0), ("c", 1), ("d", 2)]
    await desk.track("new", order=2)
    assert await desk.order() == [("a", 0), ("c", 1), ("new", 2), ("d", 3)]
    await desk.do("undo")
    await desk.do("undo")
    assert await desk.order() == [("a", 0), ("b", 1), ("c", 2), ("d", 3)]


async def test_a_track_that_comes_back_stands_behind_the_same_one_as_before(desk: Desk, document: Document) -> None:
    ids = [await desk.track(name) for name in "abcd"]
    await desk.do("deleteTrack", trackId=ids[1])
    await document.execute(desk.project_id, [Command("createTrack", {"name": "new", "order": 0})], Actor("bob", "rest"))
    await desk.do("undo")
    assert [name for name, _ in await desk.order()] == ["new", "a", "b", "c", "d"]
