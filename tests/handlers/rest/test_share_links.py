"""Links that share a project: who has one becomes a member, until it expires or is revoked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bus import events
from bus.local import Scope
from dawg_server import logs
from tests.servers import dawg

NOWHERE = "sl_" + "a" * 43


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, AUTH_REQUESTS_PER_MINUTE="20") as running:
        yield running


async def project_of(server: dawg.Dawg, user: str) -> str:
    return str((await server.json("POST", "/api/projects", user, json={"name": "Song"}))[1]["id"])


async def link(server: dawg.Dawg, project: str, role: str, **options: Any) -> dict[str, Any]:
    status, body = await server.json("POST", f"/api/projects/{project}/links", json={"role": role, **options})
    assert status == 201, body
    return dict(body["link"])


async def accept(server: dawg.Dawg, token: str, user: str) -> tuple[int, Any]:
    return await server.json("POST", f"/api/links/{token}/accept", user)


async def test_whoever_has_a_link_becomes_a_member_as_often_as_it_is_used(server: dawg.Dawg) -> None:
    project = await project_of(server, "ada")
    news: list[events.MembershipChanged] = []
    server.services.platform.bus.subscribe(events.MembershipChanged, news.append, Scope.EVERYWHERE)
    made = await link(server, project, "viewer")
    assert made["url"] == f"{server.url}/#/share/{made['token']}"
    for user in ("bob", "eve"):
        assert (await server.json("GET", f"/api/projects/{project}", user))[0] == 404
        status, body = await accept(server, made["token"], user)
        assert (status, body) == (200, {"success": True, "projectId": project, "name": "Song", "role": "viewer"})
        assert (await server.json("GET", f"/api/projects/{project}", user))[0] == 200
        assert (await server.json("PATCH", f"/api/projects/{project}", user, json={"bpm": 99}))[0] == 403
    assert await accept(server, made["token"], "bob") == (status, body)  # again, which is nothing new
    assert news == [events.MembershipChanged(project, user, "viewer") for user in ("bob", "eve")]
    _, listed = await server.json("GET", f"/api/projects/{project}/links")
    assert [(each["id"], each["uses"]) for each in listed["links"]] == [(made["id"], 2)]
    assert made["token"] not in str(listed)


async def test_nobody_loses_rights_by_a_link(server: dawg.Dawg) -> None:
    project = await project_of(server, "ada")
    weak, strong = await link(server, project, "viewer"), await link(server, project, "editor")
    for token, user, role in (
        (weak["token"], "ada", "owner"),
        (weak["token"], "bob", "viewer"),
        (strong["token"], "bob", "editor"),
        (weak["token"], "bob", "editor"),
    ):
        assert (await accept(server, token, user))[1]["role"] == role


async def test_a_link_ends_by_time_by_its_owner_and_with_its_project(server: dawg.Dawg) -> None:
    project = await project_of(server, "ada")
    revoked, expired, orphan = [await link(server, project, "editor", expiresIn=60) for _ in range(3)]
    await accept(server, revoked["token"], "bob")
    for user, status in (("bob", 403), ("eve", 404), ("ada", 200), ("ada", 404)):
        path = f"/api/projects/{project}/links/{revoked['id']}"
        assert (await server.json("DELETE", path, user))[0] == status
    database = server.services.platform.database
    await database.execute("UPDATE share_links SET expires_at = now() WHERE id = %s", (expired["id"],))
    for token in (revoked["token"], expired["token"], NOWHERE, "x", "%00"):
        status, body = await accept(server, token, "eve")
        assert (status, body["code"]) == (404, "not_found"), token
    assert (await server.json("GET", f"/api/projects/{project}", "bob"))[0] == 200  # who has joined, stays
    assert [each["id"] for each in (await server.json("GET", f"/api/projects/{project}/links"))[1]["links"]] == [
        orphan["id"]
    ]
    await server.json("DELETE", f"/api/projects/{project}")
    assert (await accept(server, orphan["token"], "eve"))[0] == 404


async def test_links_are_the_owners(server: dawg.Dawg) -> None:
    project = await project_of(server, "ada")
    await accept(server, (await link(server, project, "editor"))["token"], "bob")
    for user, status in (("bob", 403), ("eve", 404)):
        path = f"/api/projects/{project}/links"
        assert (await server.json("GET", path, user))[0] == status
        assert (await server.json("POST", path, user, json={"role": "viewer"}))[0] == status
    for wrong in ({}, {"role": "owner"}, {"role": "viewer", "expiresIn": 59}, {"role": "viewer", "expiresIn": 1e9}):
        assert (await server.json("POST", path, json=wrong))[0] == 400


async def test_guessing_is_limited_and_the_secret_is_not_kept(server: dawg.Dawg) -> None:
    project = await project_of(server, "ada")
    made = await link(server, project, "viewer")
    await accept(server, made["token"], "bob")
    replies = await asyncio.gather(*(accept(server, NOWHERE, "eve") for _ in range(21)))
    assert sorted(status for status, _ in replies) == [404] * 20 + [429]
    kept = await server.services.platform.database.fetch_value("SELECT share_links::text FROM share_links")
    assert made["token"] not in kept
    assert logs.redact(None, "", {"path": f"/api/links/{made['token']}/accept"}) == {
        "path": "/api/links/[hidden]/accept"
    }


@pytest.mark.parametrize("registration", ["invited", "closed"])
async def test_accounts_are_made_by_invitation_or_not_at_all(
    database_dsn: str, tmp_path: Path, registration: str
) -> None:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET="s" * 40) as open_to_all:
        ada = {"email": "ada@example.com", "password": "correct horse"}
        _, made = await open_to_all.json("POST", "/api/auth/register", json=ada)
        headers = {"Authorization": f"Bearer {made['token']}"}
        _, project = await open_to_all.json("POST", "/api/projects", json={"name": "Song"}, headers=headers)
        path = f"/api/projects/{project['id']}"
        _, link = await open_to_all.json("POST", f"{path}/links", json={"role": "viewer"}, headers=headers)
        bob = {"email": "bob@example.com", "role": "editor"}
        _, place = await open_to_all.json("POST", f"{path}/collaborators", json=bob, headers=headers)
    secrets = {"bob": place["invitation"]["token"], "carl": link["token"], "eve": "sl_nothing", "mallory": None}
    options = {"JWT_SECRET": "s" * 40, "REGISTRATION": registration}
    async with dawg.running(database_dsn, tmp_path, **options) as server:
        seen = {}
        for name, secret in secrets.items():
            body = {"email": f"{name}@example.com", "password": "correct horse", "invitation": secret}
            seen[name], _ = await server.json("POST", "/api/auth/register", json=body)
        good = 201 if registration == "invited" else 403
        assert seen == {"bob": good, "carl": good, "eve": 403, "mallory": 403}
        assert (await server.json("POST", "/api/auth/login", json=ada))[0] == 200
