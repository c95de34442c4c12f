"""What two replicas count and know together: each test asks both at once."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.daw.conftest import join
from tests.javascript.client import JavaScript, JsClient
from tests.servers import dawg
from tests.servers.dawg import Dawg
from tests.servers.valkey import Valkey

SECRET = "a secret that is surely longer than thirty-two bytes"


@contextlib.asynccontextmanager
async def two_replicas(dsn: str, folder: Path, redis_url: str, **variables: str) -> AsyncIterator[tuple[Dawg, Dawg]]:
    usual = {"REDIS_URL": redis_url, "WEBSOCKET_REDIS_ADAPTER": "true", "DATABASE_CONNECTIONS": "4"} | variables

    def replica(name: str) -> contextlib.AbstractAsyncContextManager[Dawg]:
        (folder / name).mkdir()
        return dawg.running(dsn, folder / name, PORT=str(dawg.free_port()), **usual)

    async with replica("one") as one, replica("two") as two:
        yield one, two


@pytest.fixture
async def replicas(database_dsn: str, tmp_path: Path, valkey_url: str) -> AsyncIterator[tuple[Dawg, Dawg]]:
    async with two_replicas(database_dsn, tmp_path, valkey_url, JOB_CONCURRENCY="0") as made:
        yield made


async def shared_project(one: Dawg, *members: str) -> str:
    """Ada's, with the others as editors."""
    _, project = await one.json("POST", "/api/projects", "ada", json={"name": "Song"})
    for member in members:
        await one.json("GET", "/api/projects", member)
        await join(one.services.platform.database, project["id"], member, "editor")
    return str(project["id"])


async def enter(javascript: JavaScript, server: Dawg, user: str, project: str) -> tuple[JsClient, Any]:
    client = await javascript.connect(server.url, auth={"userId": user})
    ack = await client.emit_ack("join:project", {"projectId": project})
    assert ack["success"], ack
    return client, ack


async def test_requests_are_counted_over_both(database_dsn: str, tmp_path: Path, valkey_url: str) -> None:
    limit = {"REQUESTS_PER_MINUTE": "30"}
    async with two_replicas(database_dsn, tmp_path, valkey_url, **limit) as (one, two):
        user = f"counted-{one.services.platform.replicas.own}"  # the Redis is other tests' too
        calls = [server.json("GET", "/api/projects", user) for server in (one, two) * 40]
        statuses = collections.Counter(status for status, _ in await asyncio.gather(*calls))
    assert statuses == {200: 30, 429: 50}


async def test_a_job_asked_for_of_both_at_once_is_made_once(replicas: tuple[Dawg, Dawg]) -> None:
    key = {"Idempotency-Key": "once"}
    parameters = {"genre": "house", "duration": 5}
    answers = await asyncio.gather(
        *(server.json("POST", "/api/generate/beat", json=parameters, headers=key) for server in replicas * 4)
    )
    assert {status for status, _ in answers} <= {202, 409}
    assert len({body["jobId"] for status, body in answers if status == 202}) == 1
    _, jobs = await replicas[1].json("GET", "/api/generate")
    assert jobs["total"] == 1


async def test_people_and_locks_are_known_to_both(replicas: tuple[Dawg, Dawg], javascript: JavaScript) -> None:
    one, two = replicas
    project = await shared_project(one, "bob")
    ada, _ = await enter(javascript, one, "ada", project)
    bob, seen = await enter(javascript, two, "bob", project)
    assert sorted(member["userId"] for member in seen["members"]) == ["ada", "bob"]
    assert (await ada.wait_for("collaborator:joined"))["userId"] == "bob"
    await ada.emit_ack("presence:update", {"projectId": project, "state": {"tool": "pen"}})
    assert (await bob.wait_for("presence:updated"))["state"] == {"tool": "pen"}
    members = (await bob.emit_ack("presence:update", {"projectId": project, "state": {}}))["members"]
    assert {member["userId"]: member["state"] for member in members} == {"ada": {"tool": "pen"}, "bob": {}}

    _, track = await one.json("POST", "/api/tracks", "ada", json={"projectId": project, "name": "Voice"})
    where = {"projectId": project, "trackId": track["id"]}
    asked = await asyncio.gather(ada.emit_ack("track:lock", where), bob.emit_ack("track:lock", where))
    assert sorted(ack["locked"] for ack in asked) == [False, True]
    holder, other = (ada, bob) if asked[0]["locked"] else (bob, ada)
    assert asked[0]["holder"] == asked[1]["holder"]
    changed = await other.emit_ack("track:update", {**where, "changes": {"volume": 0.3}})
    assert changed["lockedBy"]["holder"] == asked[0]["holder"]
    await holder.disconnect()
    await other.wait_for("track:unlocked")
    assert (await other.wait_for("collaborator:left"))["connections"] == 0
    assert (await other.emit_ack("track:lock", where))["locked"]


async def test_everybody_hears_everything_in_the_order_in_which_it_was_done(
    replicas: tuple[Dawg, Dawg], javascript: JavaScript
) -> None:
    """Both replicas write to one project as fast as they can; the listeners see no revision too early or too late."""
    one, two = replicas
    project = await shared_project(one, "bob")
    ears = [(await enter(javascript, server, user, project))[0] for server, user in ((one, "ada"), (two, "bob"))]
    _, track = await one.json("POST", "/api/tracks", "ada", json={"projectId": project, "name": "0"})
    path = f"/api/tracks/{track['id']}"

    async def write(server: Dawg, user: str) -> None:
        for number in range(40):
            status, _ = await server.json("PUT", path, user, json={"name": f"{user} {number}"})
            assert status == 200

    await asyncio.gather(write(one, "ada"), write(one, "ada"), write(two, "bob"), write(two, "bob"))
    newest = (await one.json("GET", f"/api/projects/{project}"))[1]["revision"]
    for ear in ears:
        await ear.wait_for("track:updated", lambda news: news["revision"] == newest)
        heard = [arguments[0]["revision"] for name, arguments in ear.events if name.startswith("track:")]
        assert heard == list(range(1, newest + 1))


async def test_who_is_removed_at_one_is_shown_out_at_the_other(
    replicas: tuple[Dawg, Dawg], javascript: JavaScript
) -> None:
    one, two = replicas
    project = await shared_project(one, "bob")
    bob, _ = await enter(javascript, two, "bob", project)
    await remove(one, project, "bob")
    assert (await bob.wait_for("error"))["code"] == "forbidden"
    assert (await bob.emit_ack("lyrics:update", {"projectId": project, "lyrics": "x"}))["code"] == "not_joined"


async def remove(server: Dawg, project: str, user: str) -> None:
    _, listed = await server.json("GET", f"/api/projects/{project}/collaborators")
    membership = next(each["id"] for each in listed["collaborators"] if each["userId"] == user)
    status, _ = await server.json("DELETE", f"/api/projects/{project}/collaborators/{membership}")
    assert status == 200


async def test_logging_out_at_one_ends_the_sockets_at_the_other(
    database_dsn: str, tmp_path: Path, valkey_url: str, javascript: JavaScript
) -> None:
    async with two_replicas(database_dsn, tmp_path, valkey_url, JWT_SECRET=SECRET) as (one, two):
        account = {"email": "ada@example.org", "password": "correct horse"}
        _, login = await one.json("POST", "/api/auth/register", json=account)
        sockets = [
            await javascript.connect(two.url, namespace, {"token": login["token"]}) for namespace in ("/", "/voice")
        ]
        bearer = {"Authorization": f"Bearer {login['token']}"}
        body = {"refreshToken": login["refreshToken"]}
        status, _ = await one.json("POST", "/api/auth/logout", json=body, headers=bearer)
        assert status == 200
        for socket in sockets:
            assert await socket.wait_disconnected() == "io server disconnect"


async def test_what_happened_while_a_replica_was_deaf_counts_when_it_hears_again(
    database_dsn: str, tmp_path: Path, valkey: Valkey, javascript: JavaScript
) -> None:
    async with two_replicas(database_dsn, tmp_path, valkey.url, JWT_SECRET=SECRET) as (one, two):
        account = {"email": "ada@example.org", "password": "correct horse"}
        _, login = await one.json("POST", "/api/auth/register", json=account)
        ada = {"Authorization": f"Bearer {login['token']}"}
        _, bob = await one.json("POST", "/api/auth/register", json=account | {"email": "bob@example.org"})
        _, project = await one.json("POST", "/api/projects", json={"name": "Song"}, headers=ada)
        await join(one.services.platform.database, project["id"], bob["user"]["id"], "editor")
        staying, leaving = [
            await javascript.connect(two.url, auth={"token": token}) for token in (bob["token"], login["token"])
        ]
        for socket in (staying, leaving):
            assert (await socket.emit_ack("join:project", {"projectId": project["id"]}))["success"]
        valkey.stop()
        async with asyncio.timeout(10):
            while two.services.platform.bus.connected:
                await asyncio.sleep(0.02)
        changed, _ = await one.json("PUT", f"/api/projects/{project['id']}", json={"name": "New"}, headers=ada)
        assert changed == 200
        assert (await staying.wait_for("project:updated"))["update"] == {"name": "New"}  # without Redis
        _, listed = await one.json("GET", f"/api/projects/{project['id']}/collaborators", headers=ada)
        membership = next(each["id"] for each in listed["collaborators"] if each["userId"] == bob["user"]["id"])
        await one.json("DELETE", f"/api/projects/{project['id']}/collaborators/{membership}", headers=ada)
        body = {"refreshToken": login["refreshToken"]}
        await one.json("POST", "/api/auth/logout", json=body, headers=ada)
        valkey.start()
        assert (await staying.wait_for("error", timeout=15))["code"] == "forbidden"
        assert await leaving.wait_disconnected(timeout=15) == "io server disconnect"
