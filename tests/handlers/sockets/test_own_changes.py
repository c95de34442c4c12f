"""What a page hears of the changes that it makes over REST itself, and how whole a changed project is told."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.daw.conftest import join
from tests.javascript.client import JavaScript, JsClient
from tests.servers import dawg

PATCH = {"name": "New", "key": "D"}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


@pytest.fixture
async def song(server: dawg.Dawg) -> str:
    """A project of ada's in which bob is an editor."""
    _, made = await server.json("POST", "/api/projects", json={"name": "Song", "description": "slow"})
    await server.json("GET", "/api/projects", "bob")
    await join(server.services.platform.database, made["id"], "bob", "editor")
    return str(made["id"])


async def enter(javascript: JavaScript, server: dawg.Dawg, user: str, song: str, namespace: str = "/") -> JsClient:
    client = await javascript.connect(server.url, namespace, {"userId": user})
    assert (await client.emit_ack("join:project", {"projectId": song}))["success"]
    return client


async def change(server: dawg.Dawg, song: str, user: str = "ada", **headers: str) -> dict[str, Any]:
    status, changed = await server.json("PATCH", f"/api/projects/{song}", user, json=PATCH, headers=headers)
    assert status == 200, changed
    return dict(changed)


async def test_a_changed_project_is_told_whole(server: dawg.Dawg, javascript: JavaScript, song: str) -> None:
    ada, bob = [await enter(javascript, server, user, song) for user in ("ada", "bob")]
    ack = await ada.emit_ack("project:update", {"projectId": song, "update": PATCH})
    told = await bob.wait_for("project:updated")
    assert told["update"] == PATCH
    _, shown = await server.json("GET", f"/api/projects/{song}")
    whole = {name: value for name, value in shown["project"].items() if name in told["project"]}
    assert told["project"] == ack["project"] == whole
    assert {"id", "name", "description", "bpm", "key", "timeSignature", "userId", "isPublic", "revision"} <= set(whole)
    assert (whole["description"], whole["revision"]) == ("slow", ack["revision"])


async def test_the_socket_that_a_request_names_is_not_told_of_it(
    server: dawg.Dawg, javascript: JavaScript, song: str
) -> None:
    ada, other_tab = [await enter(javascript, server, "ada", song) for _ in range(2)]
    bob = await enter(javascript, server, "bob", song)
    await change(server, song, **{"X-Socket-Id": ada.sid})
    for each in (other_tab, bob):
        assert "own" not in await each.wait_for("project:updated")
    await server.json("POST", f"/api/projects/{song}/undo", json={})
    assert (await ada.wait_for("project:updated"))["cause"] == "undo"
    assert len(ada.received("project:updated")) == 1


async def test_without_that_a_users_own_sockets_are_told_that_it_is_their_own(
    server: dawg.Dawg, javascript: JavaScript, song: str
) -> None:
    tabs = [await enter(javascript, server, "ada", song, namespace) for namespace in ("/", "/api")]
    bob = await enter(javascript, server, "bob", song)
    await change(server, song)
    assert [(await each.wait_for("project:updated"))["own"] for each in tabs] == [True, True]
    assert "own" not in await bob.wait_for("project:updated")
    await bob.emit_ack("project:update", {"projectId": song, "update": {"bpm": 80}})
    told = await tabs[0].wait_for("project:updated", lambda news: news["update"] == {"bpm": 80})
    assert "own" not in told
    await server.json("POST", f"/api/projects/{song}/undo", json={})
    assert (await tabs[0].wait_for("project:undone"))["own"]
    assert "own" not in await bob.wait_for("project:undone")


async def test_a_restored_version_is_a_change_over_rest_too(
    server: dawg.Dawg, javascript: JavaScript, song: str
) -> None:
    ada, other_tab = [await enter(javascript, server, "ada", song) for _ in range(2)]
    await server.json("POST", f"/api/projects/{song}/versions", json={})
    await server.json("PATCH", f"/api/projects/{song}", json=PATCH, headers={"X-Socket-Id": ada.sid})
    await server.json("POST", f"/api/projects/{song}/versions/1/restore", json={}, headers={"X-Socket-Id": ada.sid})
    assert (await other_tab.wait_for("project:updated", lambda news: news["source"] == "restore"))["update"]
    assert ada.received("project:updated") == []
    await server.json("PATCH", f"/api/projects/{song}", json=PATCH, headers={"X-Socket-Id": ada.sid})
    await server.json("POST", f"/api/projects/{song}/versions/1/restore", json={})
    assert (await ada.wait_for("project:updated"))["own"]


async def test_nobody_keeps_news_from_others_by_naming_their_socket(
    server: dawg.Dawg, javascript: JavaScript, song: str
) -> None:
    ada, bob = [await enter(javascript, server, user, song) for user in ("ada", "bob")]
    await change(server, song, "bob", **{"X-Socket-Id": ada.sid})
    for each in (ada, bob):
        assert (await each.wait_for("project:updated"))["userId"] == "bob"
    for odd in ("x" * 300, "nonsense", " ", "ö"):
        await change(server, song, **{"X-Socket-Id": odd})


async def test_it_is_the_same_on_another_replica(
    database_dsn: str, tmp_path: Path, valkey_url: str, javascript: JavaScript
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        servers = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            shared = {"REDIS_URL": valkey_url, "WEBSOCKET_REDIS_ADAPTER": "true", "PORT": str(dawg.free_port())}
            servers.append(await stack.enter_async_context(dawg.running(database_dsn, tmp_path / name, **shared)))
        here, there = servers
        _, made = await here.json("POST", "/api/projects", json={"name": "Song"})
        ada = await enter(javascript, there, "ada", made["id"])
        tab = await enter(javascript, there, "ada", made["id"])
        await change(here, made["id"], **{"X-Socket-Id": ada.sid})
        await tab.wait_for("project:updated")
        await here.json("PATCH", f"/api/projects/{made['id']}", json={"bpm": 60})
        assert (await ada.wait_for("project:updated"))["own"]
        assert [each["update"] for each in ada.received("project:updated")] == [{"bpm": 60}]
