"""Undo and redo: own steps only, in groups, and never over somebody else's work."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database.pool import Database
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from tests.daw import editors

ADA, BOB, EVE = Actor("ada", "rest"), Actor("bob", "socket", "bobs-socket"), Actor("eve", "rest")
NOTES = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 90}]}


class Play:
    """Ada and bob on one project."""

    def __init__(self, document: Document, project_id: str) -> None:
        self.document, self.project_id = document, project_id

    async def do(self, by: Actor, name: str, group: str | None = None, /, **parameters: Any) -> dict[str, Any]:
        return (await self.document.execute(self.project_id, [Command(name, parameters)], by, group=group)).results[0]

    async def track(self, by: Actor, **fields: Any) -> str:
        return str((await self.do(by, "createTrack", name="Kick", **fields))["track"]["id"])

    async def volume(self, by: Actor, track_id: str, volume: float, group: str | None = None) -> None:
        await self.do(by, "updateTrack", group, trackId=track_id, changes={"volume": volume})

    async def undo(self, by: Actor, steps: int = 1) -> list[str]:
        return list((await editors.undo(self.document, self.project_id, by, steps)).results[0]["groupIds"])

    async def skipped(self, by: Actor, *, redo: bool = False) -> list[tuple[str, str, str | None, str | None]]:
        """What an undo leaves as it is: (entity, id, field, by)."""
        travel = editors.redo if redo else editors.undo
        told = (await travel(self.document, self.project_id, by)).results[0]["skipped"]
        return [(each["entity"], each["id"], each["field"], each["by"]) for each in told]

    async def redo(self, by: Actor, steps: int = 1) -> list[str]:
        return list((await editors.redo(self.document, self.project_id, by, steps)).results[0]["groupIds"])

    async def state(self) -> dict[str, Any]:
        return await self.document.snapshot(self.project_id, "ada")

    async def volumes(self) -> list[float]:
        return [track["volume"] for track in (await self.state())["tracks"]]


@pytest.fixture
def play(document: Document, project_id: str) -> Play:
    return Play(document, project_id)


async def test_everybody_undoes_only_own_steps(play: Play) -> None:
    one, two = await play.track(ADA), await play.track(BOB)
    await play.volume(ADA, one, 0.1)
    await play.volume(BOB, two, 0.2)
    await play.undo(ADA)
    assert await play.volumes() == [0.8, 0.2]
    await play.undo(BOB)
    assert await play.volumes() == [0.8, 0.8]
    with pytest.raises(errors.Forbidden):
        await play.undo(EVE)


async def test_a_turn_of_an_assistant_is_one_group_even_when_others_worked_in_between(play: Play) -> None:
    one, two = await play.track(ADA), await play.track(BOB)
    turn = str(uuid.uuid4())
    await play.volume(ADA, one, 0.1, group=turn)
    await play.volume(BOB, two, 0.2)
    await play.do(ADA, "updateProject", turn, changes={"bpm": 90})
    assert await play.undo(ADA) == [turn]
    assert await play.volumes() == [0.8, 0.2]
    assert (await play.state())["bpm"] == 120
    assert await play.redo(ADA) == [turn]
    assert await play.volumes() == [0.1, 0.2]


async def test_a_step_over_which_somebody_else_has_written_is_not_undone(play: Play) -> None:
    one, two = await play.track(ADA), await play.track(ADA)
    turn = str(uuid.uuid4())
    await play.volume(ADA, two, 0.3, group=turn)
    await play.volume(ADA, one, 0.1, group=turn)
    await play.volume(BOB, one, 0.2)
    assert await play.skipped(ADA) == [("track", one, "volume", "bob")]
    assert await play.volumes() == [0.2, 0.8]
    await play.volume(ADA, two, 0.4)
    await play.volume(BOB, two, 0.5)
    await play.do(BOB, "updateTrack", trackId=two, changes={"volume": 0.4, "pan": 1})
    assert await play.skipped(ADA) == []
    assert await play.volumes() == [0.2, 0.8]
    assert (await play.state())["tracks"][1]["pan"] == 1


async def test_a_new_track_on_which_others_have_worked_is_not_taken_away(play: Play) -> None:
    track = await play.track(ADA, trackType="MIDI")
    await play.do(BOB, "createClip", trackId=track, startTime=0, midiData=NOTES)
    assert await play.skipped(ADA) == [("track", track, None, "bob")]
    assert len((await play.state())["tracks"]) == 1
    with pytest.raises(errors.Conflict, match="nothing"):
        await play.undo(ADA)


async def test_what_somebody_else_deleted_cannot_be_undone_or_repeated(play: Play) -> None:
    track = await play.track(ADA)
    await play.volume(ADA, track, 0.1)
    await play.volume(ADA, track, 0.2)
    await play.undo(ADA)
    await play.do(BOB, "deleteTrack", trackId=track)
    assert await play.skipped(ADA, redo=True) == [("track", track, "volume", "bob")]
    in_vain = [("track", track, field, "bob") for field in ("volume", "volume", None)]
    assert sorted(await play.skipped(ADA), key=str) == sorted(in_vain, key=str)
    assert (await play.state())["tracks"] == []
    with pytest.raises(errors.Conflict, match="nothing"):
        await play.undo(ADA)


async def test_a_clip_does_not_come_back_without_its_track_or_its_recording(play: Play, database: Database) -> None:
    track = await play.track(BOB, trackType="MIDI")
    clip = (await play.do(ADA, "createClip", trackId=track, startTime=0, midiData=NOTES))["clip"]
    await play.do(ADA, "deleteClip", clipId=clip["id"])
    await play.do(BOB, "deleteTrack", trackId=track)
    assert await play.skipped(ADA) == [("clip", clip["id"], "trackId", "bob")]
    recording = str(uuid.uuid4())
    await database.execute(
        """INSERT INTO audio_files (id, owner_id, filename, mime_type, size_bytes, duration, storage_key, source)
           VALUES (%s, 'ada', 'f.wav', 'audio/wav', 1, 3, 'key', 'upload')""",
        (recording,),
    )
    track = await play.track(BOB)
    clip = (await play.do(ADA, "createClip", trackId=track, startTime=0, audioFileId=recording))["clip"]
    await play.do(ADA, "deleteClip", clipId=clip["id"])
    await database.execute("DELETE FROM audio_files WHERE id = %s", (recording,))
    assert await play.skipped(ADA) == [("clip", clip["id"], "audioFileId", None)]


async def test_undo_never_makes_a_routing_loop(play: Play) -> None:
    one, two = await play.track(ADA, trackType="AUX"), await play.track(ADA, trackType="AUX")
    send = (await play.do(ADA, "createSend", trackId=one, destinationTrackId=two))["send"]
    await play.do(ADA, "deleteSend", trackId=one, sendId=send["id"])
    await play.do(BOB, "createSend", trackId=two, destinationTrackId=one)
    assert (await play.skipped(ADA))[0] == ("send", send["id"], "destinationTrackId", None)


async def test_a_deleted_track_comes_back_although_its_place_is_taken(play: Play) -> None:
    await play.track(ADA)
    last = await play.track(ADA)
    await play.do(ADA, "deleteTrack", trackId=last)
    other = await play.track(BOB)
    await play.undo(ADA)
    assert [(track["id"], track["order"]) for track in (await play.state())["tracks"]][1:] == [(last, 1), (other, 2)]


async def test_a_reorder_is_undone_unless_the_same_tracks_were_moved_since(play: Play) -> None:
    ids = [await play.track(ADA) for _ in range(3)]
    await play.do(ADA, "reorderTracks", trackOrders=[{"id": ids[2], "order": 0}])
    await play.undo(ADA)
    assert [track["id"] for track in (await play.state())["tracks"]] == ids
    await play.redo(ADA)
    await play.do(BOB, "reorderTracks", trackOrders=[{"id": ids[2], "order": 1}])
    assert await play.skipped(ADA) == [("track", ids[2], "order", "bob")]
    assert [track["id"] for track in (await play.state())["tracks"]] == ids[:2]  # it went on to the step before


async def test_one_step_in_the_middle_is_taken_back_by_itself(play: Play) -> None:
    turn = str(uuid.uuid4())
    track = await play.track(ADA)
    executed = await play.document.execute(
        play.project_id,
        [Command("updateTrack", {"trackId": track, "changes": {"volume": 0.3}})],
        ADA,
        group=turn,
    )
    await play.do(ADA, "updateTrack", turn, trackId=track, changes={"pan": 0.5})
    await play.do(ADA, "updateTrack", trackId=track, changes={"name": "Snare"})
    told = await play.do(ADA, "undo", revision=executed.revision)
    assert told["groupIds"] == [turn]
    now = (await play.state())["tracks"][0]
    assert (now["volume"], now["pan"], now["name"]) == (0.8, 0.5, "Snare")
    await play.do(ADA, "undo", groupId=turn)
    now = (await play.state())["tracks"][0]
    assert (now["volume"], now["pan"], now["name"]) == (0.8, 0, "Snare")
    with pytest.raises(errors.Conflict):
        await play.do(ADA, "undo", groupId=turn)
    with pytest.raises(errors.Conflict):
        await play.do(BOB, "undo", revision=executed.revision)  # not his
    await play.redo(ADA)
    assert (await play.state())["tracks"][0]["pan"] == 0.5


async def test_what_was_built_on_stays_when_a_step_is_taken_back_by_itself(play: Play) -> None:
    track = await play.track(ADA)
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    await play.volume(ADA, track, 0.3, first)
    await play.volume(ADA, track, 0.6, second)
    told = await play.do(ADA, "undo", groupId=first)
    assert (await play.volumes(), [each["field"] for each in told["skipped"]]) == ([0.6], ["volume"])
    assert await play.undo(ADA) == [second]
    assert await play.undo(ADA) == [first]
    assert await play.volumes() == [0.8]


async def test_steps_are_taken_back_newest_first_and_repeated_oldest_first(play: Play) -> None:
    track = await play.track(ADA)
    for volume in (0.1, 0.2, 0.3):
        await play.volume(ADA, track, volume)
    newest_first = await play.undo(ADA, 2)
    assert await play.volumes() == [0.1]
    assert await play.redo(ADA) == newest_first[1:]
    assert await play.volumes() == [0.2]
    await play.undo(ADA)
    assert await play.redo(ADA, 20) == newest_first[::-1]
    assert await play.volumes() == [0.3]
    assert len(await play.undo(ADA, 20)) == 4
    with pytest.raises(errors.Conflict, match="nothing"):
        await play.undo(ADA)


async def test_a_step_of_which_nothing_is_left_to_take_back_is_not_in_the_way(play: Play) -> None:
    one, bus = await play.track(ADA), await play.track(BOB, trackType="AUX")
    await play.do(ADA, "updateTrack", trackId=one, changes={"outputDestination": bus})
    await play.do(ADA, "deleteTrack", trackId=one)
    await play.do(BOB, "deleteTrack", trackId=bus)
    assert await play.skipped(ADA) == [("track", one, "outputDestination", "bob")]  # it is back, and leads to master
    assert await play.skipped(ADA) == []
    assert (await play.state())["tracks"] == []


async def test_an_undo_after_a_redo_takes_back_what_was_repeated(play: Play) -> None:
    """Although the newest step of that group was skipped for good, and others of the same person are newer now."""
    turn = str(uuid.uuid4())
    await play.do(ADA, "updateProject", turn, changes={"bpm": 90})
    await play.do(ADA, "updateProject", changes={"name": "Night"})
    track = (await play.do(ADA, "createTrack", turn, name="Kick"))["track"]["id"]
    await play.volume(BOB, track, 0.2)
    for _ in range(2):
        assert await play.undo(ADA) == [turn]
        assert ((await play.state())["bpm"], (await play.state())["name"]) == (120, "Night")
        assert await play.redo(ADA) == [turn]
    assert await play.undo(ADA, 2) != [turn]


async def test_what_somebody_else_has_built_on_it_stays_possible(play: Play, database: Database) -> None:
    """A stretched recording keeps its tempo, what is no group is in none, and what plays no notes has no instrument."""
    recording = str(uuid.uuid4())
    await database.execute(
        """INSERT INTO audio_files (id, owner_id, project_id, filename, mime_type, size_bytes, duration, storage_key,
               source) VALUES (%s, 'ada', %s, 'f.wav', 'audio/wav', 1, 4, %s, 'upload')""",
        (recording, play.project_id, recording),
    )
    track = await play.track(ADA)
    clip = (await play.do(ADA, "createClip", trackId=track, audioFileId=recording, startTime=0))["clip"]["id"]
    await play.do(ADA, "updateClip", clipId=clip, changes={"originalBpm": 100, "name": "Loop"})
    await play.do(BOB, "updateClip", clipId=clip, changes={"stretch": True})
    assert await play.skipped(ADA) == [("clip", clip, "stretch", "bob")]  # and the name goes back
    found = (await play.state())["tracks"][0]["clips"][0]
    assert (found["originalBpm"], found["stretch"], found["name"]) == (100, True, "f.wav")

    group = (await play.do(BOB, "createTrack", name="Group", trackType="GROUP"))["track"]["id"]
    for first, then, of_bob in (("MASTER", "AUDIO", {"groupId": group}), ("AUDIO", "MIDI", {"instrument": "organ"})):
        one = await play.track(ADA, trackType=first)
        await play.do(ADA, "updateTrack", trackId=one, changes={"trackType": then})
        await play.do(BOB, "updateTrack", trackId=one, changes=of_bob)
        assert (await play.skipped(ADA))[0] == ("track", one, next(iter(of_bob)), "bob")
        assert next(each for each in (await play.state())["tracks"] if each["id"] == one)["trackType"] == then


async def test_what_the_same_person_needs_again_to_take_back_more_stays_until_then(play: Play) -> None:
    """Although nothing is on that track at present: the clip was moved off it, and deleted."""
    late = str(uuid.uuid4())
    one = (await play.do(ADA, "createTrack", late, name="One", trackType="MIDI"))["track"]["id"]
    two = await play.track(ADA, trackType="MIDI")
    clip = (await play.do(ADA, "createClip", trackId=one, startTime=0, midiData=NOTES))["clip"]["id"]
    await play.do(ADA, "updateClip", clipId=clip, changes={"trackId": two})
    await play.do(ADA, "deleteClip", clipId=clip)
    await play.do(ADA, "updateProject", late, changes={"bpm": 90})
    assert await play.skipped(ADA) == [("track", one, None, "ada")]  # the tempo goes back
    for _ in range(5):
        assert await play.skipped(ADA) == []
    assert (await play.state())["tracks"] == []


async def test_a_thing_whose_deletion_stays_for_now_is_not_forgotten(play: Play) -> None:
    """It was made and deleted in one group, and cannot come back while another MASTER of the same person is there."""
    turn = str(uuid.uuid4())
    master = (await play.do(ADA, "createTrack", turn, name="Master", trackType="MASTER"))["track"]["id"]
    await play.do(ADA, "deleteTrack", turn, trackId=master)
    await play.do(ADA, "createTrack", name="Mine", trackType="MASTER")
    await play.do(ADA, "updateProject", turn, changes={"bpm": 90})
    for _ in range(3):
        await play.undo(ADA)
    assert (await play.state())["tracks"] == []
    with pytest.raises(errors.Conflict, match="nothing"):
        await play.undo(ADA)


async def test_what_somebody_else_has_deleted_as_well_does_not_come_back_by_the_own_undo(play: Play) -> None:
    """Not even when a redo in between had nothing left to delete."""
    track = await play.track(BOB)
    await play.do(ADA, "deleteTrack", trackId=track)
    await play.undo(ADA)
    await play.do(BOB, "deleteTrack", trackId=track)
    assert await play.skipped(ADA, redo=True) == [("track", track, None, "bob")]
    assert await play.skipped(ADA) == [("track", track, None, "bob")]
    assert (await play.state())["tracks"] == []
    assert await play.undo(BOB) != []
    assert [each["id"] for each in (await play.state())["tracks"]] == [track]


async def test_many_steps_that_were_taken_back_at_once_are_repeated_in_their_order(play: Play) -> None:
    track = await play.track(ADA)
    volumes = [n / 20 for n in range(20)]
    for volume in volumes:
        await play.volume(ADA, track, volume)
    newest_first = await play.undo(ADA, 20)
    assert await play.redo(ADA, 5) == newest_first[::-1][:5]
    assert await play.volumes() == [volumes[4]]
    for volume in volumes[5:]:
        await play.redo(ADA)
        assert await play.volumes() == [volume]


async def test_a_new_step_ends_what_could_be_repeated(play: Play) -> None:
    track = await play.track(ADA)
    await play.volume(ADA, track, 0.1)
    await play.undo(ADA)
    await play.volume(BOB, track, 0.5)
    await play.undo(BOB)
    await play.volume(ADA, track, 0.6)
    with pytest.raises(errors.Conflict, match="nothing"):
        await play.redo(ADA)
    await play.undo(ADA)
    assert len(await play.redo(ADA, 5)) == 1
    assert await play.volumes() == [0.6]


async def test_undo_is_told_to_everybody_with_its_cause_and_its_groups(play: Play, bus: LocalBus) -> None:
    told: list[events.ProjectChanged] = []
    track = await play.track(BOB)
    await play.volume(BOB, track, 0.1)
    bus.subscribe(events.ProjectChanged, told.append)
    groups = await play.undo(BOB)
    await play.redo(BOB)
    assert [(event.cause, event.source, event.group_ids, event.skip_sid) for event in told] == [
        ("undo", "undo", groups, None),
        ("redo", "redo", groups, None),
    ]
    assert [event.operations[0]["changes"]["volume"] for event in told] == [0.8, 0.1]


async def test_an_undo_that_is_repeated_by_the_client_is_done_once(play: Play) -> None:
    track = await play.track(ADA)
    await play.volume(ADA, track, 0.1)
    first = await editors.undo(play.document, play.project_id, ADA, client_operation_id="u1")
    again = await editors.undo(play.document, play.project_id, ADA, client_operation_id="u1")
    assert (again.replayed, again.results) == (True, first.results)
    assert await play.volumes() == [0.8]
