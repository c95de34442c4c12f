"""Pages whose base address ends in `/api` have their sockets in the namespace `/api`, which is another name of `/`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.javascript.client import JavaScript, JsClient
from tests.servers import dawg

SECRET = "s" * 40
Replicas = tuple[dawg.Dawg, dawg.Dawg]


@pytest.fixture(params=["alone", "two replicas"])
async def replicas(
    request: pytest.FixtureRequest, database_dsn: str, tmp_path: Path, valkey_url: str
) -> AsyncIterator[Replicas]:
    """Twice the same server, or two."""
    if request.param == "alone":
        async with dawg.running(database_dsn, tmp_path) as only:
            yield only, only
        return
    made = []
    async with contextlib.AsyncExitStack() as stack:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            shared = {"REDIS_URL": valkey_url, "WEBSOCKET_REDIS_ADAPTER": "true", "PORT": str(dawg.free_port())}
            made.append(await stack.enter_async_context(dawg.running(database_dsn, tmp_path / name, **shared)))
        yield made[0], made[1]


async def project(server: dawg.Dawg) -> str:
    status, made = await server.json("POST", "/api/projects", json={"name": "Song", "bpm": 120})
    assert status == 201, made
    return str(made["id"])


async def joined(client: JsClient, project_id: str) -> dict[str, Any]:
    ack = await client.emit_ack("join:project", {"projectId": project_id})
    assert ack["success"], ack
    return dict(ack)


async def test_both_names_are_one_namespace(replicas: Replicas, javascript: JavaScript) -> None:
    here, there = replicas
    song = await project(here)
    old = await javascript.connect(here.url, "/api", {"userId": "ada"})
    new = await javascript.connect(there.url, "/", {"userId": "ada"})
    await joined(old, song)
    assert await old.wait_for("joined:project")
    assert [each["userId"] for each in (await joined(new, song))["members"]] == ["ada"]
    assert (await old.wait_for("collaborator:joined"))["connections"] == 2

    made = await old.emit_ack("track:create", {"projectId": song, "track": {"name": "Bass"}})
    assert made["success"], made
    assert (await new.wait_for("track:created"))["track"]["name"] == "Bass"
    assert (await new.emit_ack("project:undo", {"projectId": song}))["success"]
    for each in (old, new):
        assert (await each.wait_for("project:undone"))["projectId"] == song
        assert len(each.received("track:deleted")) == 1
    assert old.received("track:created") == []

    await new.emit("cursor:move", {"projectId": song, "position": {"x": 1, "y": 2, "time": 3}})
    assert (await old.wait_for("cursor:moved"))["position"]["x"] == 1
    refused = await old.emit_ack("no:such-event", {})
    assert refused["code"] == "validation_error"
    await old.emit("no:such-event", {})
    assert (await old.wait_for("error"))["event"] == "no:such-event"

    await here.json("POST", "/api/generate/beat", json={"genre": "jazz", "duration": 5})
    for each in (old, new):
        await each.wait_for("daw:audio:loaded")
    await old.disconnect()
    assert (await new.wait_for("collaborator:left"))["connections"] == 1


async def test_one_connection_can_be_in_both(database_dsn: str, tmp_path: Path, javascript: JavaScript) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        song = await project(server)
        new = await javascript.connect(server.url, "/", {"userId": "ada"})
        old = await javascript.connect(server.url, "/api", {"userId": "ada"}, over=new)
        assert old.sid != new.sid
        for each in (old, new):
            await joined(each, song)
        await server.json("PATCH", f"/api/projects/{song}", "ada", json={"bpm": 99})
        for each in (old, new):
            assert (await each.wait_for("project:updated"))["update"] == {"bpm": 99}
        async with server.http.get(server.url + "/metrics") as reply:
            counted = [line for line in (await reply.text()).splitlines() if line.startswith("dawg_sockets{")]
        assert [line for line in counted if '"/api"' in line] == []
        assert 'dawg_sockets{namespace="/"} 2.0' in counted
        await old.disconnect()
        assert (await new.wait_for("collaborator:left"))["connections"] == 1
        assert (await new.emit_ack("leave:project", {"projectId": song}))["success"]


async def test_a_binary_event_reaches_both(database_dsn: str, tmp_path: Path, javascript: JavaScript) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        clients = [await javascript.connect(server.url, name, {"userId": "ada"}) for name in ("/", "/api")]
        server.sockets.broadcast("sound", {"audio": b"\x00\x01"})
        for each in clients:
            assert await each.wait_for("sound") == {"audio": b"\x00\x01"}


async def test_the_end_of_a_login_ends_its_sockets_there_too(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET=SECRET) as server:
        account = {"email": "ada@example.com", "password": "Correct-horse-1", "username": "ada"}
        status, made = await server.json("POST", "/api/auth/register", json=account)
        assert status == 201, made
        token = made["accessToken"]
        clients = [await javascript.connect(server.url, name, {"token": token}) for name in ("/", "/api", "/voice")]
        async with server.http.post(
            server.url + "/api/auth/logout", json={}, headers={"Authorization": f"Bearer {token}"}
        ) as reply:
            assert reply.status == 200, await reply.text()
        reasons = await asyncio.gather(*(each.wait_disconnected() for each in clients))
        assert reasons == ["io server disconnect"] * 3


async def test_the_description_names_it(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        _, document = await server.json("GET", "/asyncapi.json")
    channels = document["channels"]
    assert channels["/api"]["address"] == "/api"
    assert set(channels["/api"]["messages"]) == set(channels["/"]["messages"])
    assert channels["/api"]["messages"]["join:project"] == {"$ref": "#/channels/~1/messages/join:project"}
    for namespace in ("/", "/ai-brain", "/voice"):
        assert {"error", "server:draining", "server:slow-client"} < set(channels[namespace]["messages"])
    assert {"joined:project", "start-realtime", "audio-delta"} < set(channels["/"]["messages"])
    assert {"response-delta", "function-call", "response-done"} < set(channels["/ai-brain"]["messages"])
