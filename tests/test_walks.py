"""The walks of a newcomer, counted: how many of our modules a request enters and how often it asks Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import socketio  # type: ignore[import-untyped]

from bus import events
from bus.local import Scope
from tests import walks
from tests.servers import dawg

PATIENCE = 60.0  # seconds
BEAT = {"genre": "trap", "bpm": 140, "duration": 8, "provider": "embedded"}


# (modules, statements): what each walk may take. It only ever gets less.
UNTIL_ACCEPTED = (16, 4)
UNTIL_DONE = (30, 16)
UNTIL_TOLD = (18, 2)


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0") as running:
        yield running


async def test_a_beat_until_it_is_accepted_and_on_to_its_last_event(
    server: dawg.Dawg, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What time alone adds, on a machine that is slow or busy, is not part of the walk.
    monkeypatch.setattr("dawg_server.generation.progress.STORE_INTERVAL", 3600.0)
    monkeypatch.setattr("dawg_server.generation.runner.HEARTBEAT_INTERVAL", 3600.0)
    parts = server.services
    ended = asyncio.Event()
    parts.platform.bus.subscribe(events.GenerationCompleted, lambda _: ended.set(), Scope.EVERYWHERE)

    async def ask(key: str) -> None:
        status, body = await server.json("POST", "/api/generate/beat", json=BEAT, headers={"Idempotency-Key": key})
        assert status == 202, body

    async def work() -> None:
        parts.jobs.queue.start(parts.jobs.runner.run, 1)
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
        ended.clear()
        await parts.jobs.queue.stop()

    await ask("loads-what-is-loaded-once")
    await work()
    await server.json("GET", "/api/generate")  # who asks is looked up now and then, whatever they ask for
    with walks.traced() as accepting:
        await ask("the-walk")
    async with socketio.AsyncSimpleClient() as listener:
        await listener.connect(server.url, auth={"userId": "ada"}, transports=["websocket"])
        with walks.traced() as doing:
            await work()
            async with asyncio.timeout(PATIENCE):
                while (await listener.receive())[0] != "daw:transport:sync":
                    pass
    with capsys.disabled():
        print(f"\nPOST /api/generate/beat until 202: {accepting}\n... and on to its last event: {doing}")
    assert len(accepting.modules) <= UNTIL_ACCEPTED[0]
    assert len(accepting.statements) <= UNTIL_ACCEPTED[1]
    assert accepting.transactions == 1
    assert len(doing.modules) <= UNTIL_DONE[0]
    assert len(doing.statements) <= UNTIL_DONE[1]


async def test_a_change_of_a_track_from_its_frame_to_the_room(
    server: dawg.Dawg, capsys: pytest.CaptureFixture[str]
) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    _, track = await server.json("POST", "/api/tracks", json={"projectId": project["id"], "name": "Voice"})
    async with socketio.AsyncSimpleClient() as client, socketio.AsyncSimpleClient() as listener:
        for socket in (client, listener):
            await socket.connect(server.url, auth={"userId": "ada"}, transports=["websocket"])
            await socket.call("join:project", {"projectId": project["id"]})

        async def change(volume: float) -> None:
            payload = {"projectId": project["id"], "trackId": track["id"], "changes": {"volume": volume}}
            assert (await client.call("track:update", payload))["success"]
            async with asyncio.timeout(PATIENCE):
                while (told := await listener.receive())[0] != "track:updated":
                    pass
            assert told[1]["changes"]["volume"] == volume

        await change(0.1)  # loads what is loaded once
        sockets = {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("socket-events")}
        with walks.traced(follow=sockets) as changing:
            await change(0.2)
    with capsys.disabled():
        print(f"\ntrack:update, frame to commit and room: {changing}")
    assert len(changing.modules) <= UNTIL_TOLD[0]
    assert len(changing.round_trips) <= UNTIL_TOLD[1]
