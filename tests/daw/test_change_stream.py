"""Every change of a followed project is told once and in order, whatever the bus does to the news."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bus import events
from bus.local import LocalBus
from dawg_server.database import users
from dawg_server.database.pool import Database
from dawg_server.daw import change_stream
from dawg_server.daw.access import Actor
from dawg_server.daw.change_stream import ChangeStream
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from handlers.sockets import document as sockets
from tests.daw import editors


@dataclass
class Stage:
    """`document` is another replica's, whose news (`sent`) arrive at `changes` only when the test passes them on."""

    document: Document
    changes: ChangeStream
    bus: LocalBus
    project: str
    sent: list[events.ProjectChanged] = field(default_factory=list)
    told: list[events.ProjectChanged] = field(default_factory=list)
    followed: bool = True

    async def rename(self, name: str) -> None:
        await self.run(Command("updateProject", {"changes": {"name": name}}))

    async def run(self, *commands: Command) -> list[dict[str, Any]]:
        return (await self.document.execute(self.project, commands, Actor("ada", "rest"))).results

    @property
    def revisions(self) -> list[int]:
        return [operation["revision"] for event in self.told for operation in event.operations]

    async def reaches(self, revision: int, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not self.revisions or self.revisions[-1] < revision:
                await asyncio.sleep(0.01)


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    await users.ensure(database, "ada", "development")
    there, here = LocalBus(), LocalBus()
    document = Document(database, there)
    project = (await document.create("ada", {"name": "Song"}))["id"]
    made = Stage(document, ChangeStream(here, Document(database, here)), here, project)
    there.subscribe(events.ProjectChanged, made.sent.append)
    made.changes.attach(made.told.append, lambda project_id: made.followed)
    made.changes.subscribe(project, 0)
    await made.changes.start()
    yield made
    await made.changes.close()


async def test_news_that_overtake_each_other_are_told_in_order(stage: Stage) -> None:
    for number in range(20):
        await stage.rename(str(number))
    shuffled = stage.sent[:]
    random.Random(3).shuffle(shuffled)
    for event in shuffled + shuffled[:5]:  # some come twice
        await stage.bus.publish(event)
    assert stage.told == stage.sent
    assert stage.changes.recovered == 0


async def test_what_got_lost_before_something_that_came_is_read_from_the_log(stage: Stage) -> None:
    for number in range(6):
        await stage.rename(str(number))
    await stage.bus.publish(stage.sent[0])
    await stage.bus.publish(stage.sent[5])
    await stage.reaches(6)
    assert stage.revisions == [1, 2, 3, 4, 5, 6]
    assert [event.operations[0]["changes"]["name"] for event in stage.told] == [str(n) for n in range(6)]


async def test_what_got_lost_without_a_trace_is_told_when_the_bus_is_back(stage: Stage) -> None:
    await stage.rename("lost")
    await stage.bus.publish(events.BusRestored())
    await stage.reaches(1)
    (event,) = stage.told
    original = stage.sent[0]
    assert (event.operations, event.username, event.source) == (original.operations, original.username, "rest")


async def test_nothing_is_told_twice_when_the_news_come_after_all(stage: Stage) -> None:
    await stage.rename("late")
    await stage.bus.publish(events.BusRestored())
    await stage.reaches(1)
    await stage.bus.publish(stage.sent[0])
    await stage.rename("next")
    await stage.bus.publish(stage.sent[1])
    assert stage.revisions == [1, 2]


async def test_news_from_the_log_say_the_same_as_those_that_got_lost(stage: Stage) -> None:
    """What clients are told, for every kind of step; `track` and `clip` are as they are by now."""
    aux = (await stage.run(Command("createTrack", {"name": "Echo", "trackType": "AUX"})))[0]["track"]["id"]
    track = (await stage.run(Command("createTrack", {"name": "Voice", "trackType": "MIDI"})))[0]["track"]["id"]
    send = (await stage.run(Command("createSend", {"trackId": track, "destinationTrackId": aux})))[0]["send"]["id"]
    midi = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 90}]}
    clip = {"trackId": track, "startTime": 1.0, "duration": 2.0, "name": "Notes", "midiData": midi}
    await stage.run(Command("createClip", clip))
    await stage.run(Command("updateTrack", {"trackId": track, "changes": {"volume": 0.25}}))
    await stage.run(Command("setLyrics", {"lyrics": "la", "trackId": track}))
    await stage.run(Command("deleteSend", {"trackId": track, "sendId": send}))
    orders = [{"id": aux, "order": 1}, {"id": track, "order": 0}]
    await stage.run(Command("reorderTracks", {"trackOrders": orders}))
    await editors.undo(stage.document, stage.project, Actor("ada", "rest"))
    await stage.run(Command("deleteTrack", {"trackId": track}))
    await stage.bus.publish(events.BusRestored())
    await stage.reaches(stage.sent[-1].revision)

    def shape(event: events.ProjectChanged) -> list[tuple[str, set[str], Any, Any]]:
        return [
            (
                name,
                set(payload),
                payload.get("changes") if "sends" not in (payload.get("changes") or {}) else None,
                payload["revision"],
            )
            for name, payload in sockets.told(event)
            if name != "project:undone"
        ]

    assert [line for event in stage.told for line in shape(event)] == [
        line for event in stage.sent for line in shape(event)
    ]


async def test_a_project_that_nobody_here_has_open_costs_nothing(stage: Stage) -> None:
    stage.followed = False
    await stage.rename("unseen")
    await stage.bus.publish(stage.sent[0])
    await stage.bus.publish(events.BusRestored())
    await asyncio.sleep(2 * change_stream.PATIENCE)
    assert stage.told == []


async def test_who_opens_a_project_again_is_told_what_comes_after(stage: Stage) -> None:
    stage.followed = False
    for number in range(3):
        await stage.rename(str(number))
    stage.changes.subscribe(stage.project, 3)
    stage.followed = True
    await stage.bus.publish(stage.sent[1])
    await stage.rename("new")
    await stage.bus.publish(stage.sent[3])
    assert stage.revisions == [4]
