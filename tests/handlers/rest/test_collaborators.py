"""Sharing a project over REST, and what the ones it is shared with can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bus import events
from bus.local import Scope
from tests.javascript.client import JavaScript
from tests.servers import dawg

PASSWORD = "correct horse"
VARIABLES = {"JWT_SECRET": "s" * 40, "AUTH_REQUESTS_PER_MINUTE": "1000"}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, **VARIABLES) as running:
        yield running


class Person:
    """Somebody with an account."""

    def __init__(self, server: dawg.Dawg, signed_in: dict[str, Any]) -> None:
        self.id: str = signed_in["user"]["id"]
        self.token: str = signed_in["token"]
        self._server = server
        self._headers = {"Authorization": f"Bearer {signed_in['token']}"}

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return await self._server.json(method, f"/api/projects/{path}", json=body, headers=self._headers)


async def person(server: dawg.Dawg, name: str) -> Person:
    account = {"email": f"{name}@example.com", "password": PASSWORD}
    status, body = await server.json("POST", "/api/auth/register", json=account)
    assert status == 201, body
    return Person(server, body)


async def project_of(server: dawg.Dawg, owner: Person, *, public: bool = False) -> str:
    return str(
        await server.services.platform.database.fetch_value(
            "INSERT INTO projects (owner_id, name, is_public) VALUES (%s, 'Song', %s) RETURNING id", (owner.id, public)
        )
    )


def heard(server: dawg.Dawg) -> list[events.MembershipChanged]:
    news: list[events.MembershipChanged] = []
    server.services.platform.bus.subscribe(events.MembershipChanged, news.append, Scope.EVERYWHERE)
    return news


async def accept(server: dawg.Dawg, person: Person, invited: dict[str, Any]) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {person.token}"}
    return await server.json("POST", f"/api/links/{invited['invitation']['token']}/accept", headers=headers)


async def test_whoever_opens_the_invitation_takes_the_place_once(server: dawg.Dawg) -> None:
    ada, bob, eve = [await person(server, name) for name in ("ada", "bob", "eve")]
    project = await project_of(server, ada)
    news = heard(server)
    assert (await bob("GET", f"{project}/collaborators"))[0] == 404
    status, body = await ada("POST", f"{project}/collaborators", {"email": "Bob.at.work@example.com", "role": "Editor"})
    assert status == 201
    assert body["collaborator"]["id"] == body["id"]
    assert (body["userId"], body["email"], body["role"]) == (None, "bob.at.work@example.com", "editor")
    assert (body["acceptedAt"], news) == (None, [])
    assert body["invitation"]["url"] == f"{server.url}/#/share/{body['invitation']['token']}"
    assert (await bob("GET", f"{project}/collaborators"))[0] == 404
    status, accepted = await accept(server, bob, body)
    assert (status, accepted["projectId"], accepted["role"]) == (200, project, "editor")
    assert news == [events.MembershipChanged(project, bob.id, "editor")]
    assert (await accept(server, eve, body))[0] == 404
    status, listed = await bob("GET", f"{project}/collaborators")
    assert status == 200
    assert [(each["email"], each["role"], each["userId"]) for each in listed["collaborators"]] == [
        ("ada@example.com", "owner", ada.id),
        ("bob.at.work@example.com", "editor", bob.id),
    ]


async def test_an_address_alone_lets_nobody_in(server: dawg.Dawg) -> None:
    """Neither an account that has it already nor one that is made with it afterwards: nobody has verified either."""
    ada, bob = await person(server, "ada"), await person(server, "bob")
    project = await project_of(server, ada)
    invited = [
        (await ada("POST", f"{project}/collaborators", {"email": f"{name}@example.com", "role": "editor"}))[1]
        for name in ("bob", "carl")
    ]
    carl = await person(server, "carl")
    for each in (bob, carl):
        assert (await each("GET", project))[0] == 404
    assert "invitation" not in str((await ada("GET", f"{project}/collaborators"))[1])
    _, listed = await ada("GET", f"{project}/collaborators")
    assert [each["acceptedAt"] for each in listed["collaborators"][1:]] == [None, None]
    assert (await ada("GET", f"{project}/links"))[1]["links"] == []
    assert (await ada("DELETE", f"{project}/collaborators/{invited[0]['id']}"))[0] == 200
    assert (await accept(server, bob, invited[0]))[0] == 404
    assert (await accept(server, carl, invited[1]))[0] == 200


async def test_an_invitation_is_accepted_by_one_and_nobody_is_there_twice(server: dawg.Dawg) -> None:
    ada, *people = [await person(server, name) for name in ("ada", "bob", "carl", "eve")]
    project = await project_of(server, ada)
    place = f"{project}/collaborators"
    _, one = await ada("POST", place, {"email": "x@example.com", "role": "viewer"})
    outcomes = await asyncio.gather(*(accept(server, each, one) for each in people))
    assert sorted(status for status, _ in outcomes) == [200, 404, 404]
    winner = people[[status for status, _ in outcomes].index(200)]
    more = [
        (await ada("POST", place, {"email": f"x{n}@example.com", "role": role}))[1]
        for n, role in enumerate(("viewer", "editor", "viewer"))
    ]
    results = await asyncio.gather(*(accept(server, winner, each) for each in more))
    assert [status for status, _ in results] == [200, 200, 200]
    assert (await winner("GET", project))[1]["role"] == "editor"
    _, listed = await ada("GET", place)
    assert [(each["userId"], each["role"]) for each in listed["collaborators"]] == [
        (ada.id, "owner"),
        (winner.id, "editor"),
    ]
    status, accepted = await accept(
        server, ada, (await ada("POST", place, {"email": "y@example.com", "role": "viewer"}))[1]
    )
    assert (status, accepted["role"]) == (200, "owner")
    assert (await ada("GET", place))[1]["total"] == 2


async def test_nobody_is_in_a_project_twice(server: dawg.Dawg) -> None:
    ada, _ = await person(server, "ada"), await person(server, "bob")
    project = await project_of(server, ada)
    for email in ("bob@example.com", "nobody@example.com"):
        invitations = (ada("POST", f"{project}/collaborators", {"email": email, "role": "viewer"}) for _ in range(3))
        assert sorted(status for status, _ in await asyncio.gather(*invitations)) == [201, 409, 409]
    status, body = await ada("POST", f"{project}/collaborators", {"email": "ada@example.com", "role": "viewer"})
    assert (status, body["code"]) == (409, "conflict")
    assert (await ada("GET", f"{project}/collaborators"))[1]["total"] == 3


async def test_only_the_owner_shares_changes_and_removes_but_everybody_may_leave(server: dawg.Dawg) -> None:
    ada, bob, carl, eve = [await person(server, name) for name in ("ada", "bob", "carl", "eve")]
    project = await project_of(server, ada)
    place = f"{project}/collaborators"
    _, of_bob = await ada("POST", place, {"email": "bob@example.com", "role": "editor"})
    _, of_carl = await ada("POST", place, {"email": "carl@example.com", "role": "viewer"})
    await accept(server, bob, of_bob)
    await accept(server, carl, of_carl)
    owner_row = (await ada("GET", place))[1]["collaborators"][0]["id"]
    news = heard(server)

    for member in (bob, carl):
        assert (await member("POST", place, {"email": "x@example.com", "role": "viewer"}))[0] == 403
        assert (await member("PUT", f"{place}/{of_carl['id']}", {"role": "editor"}))[0] == 403
    assert (await bob("DELETE", f"{place}/{of_carl['id']}"))[0] == 403
    assert (await carl("DELETE", f"{place}/{owner_row}"))[0] == 403
    for method, path, body in (
        ("POST", place, {"email": "x@example.com", "role": "viewer"}),
        ("DELETE", f"{place}/{of_carl['id']}", None),
        ("PUT", f"{place}/{of_carl['id']}", {"role": "editor"}),
    ):
        assert (await eve(method, path, body))[0] == 404
    assert news == []

    status, body = await ada("PATCH", f"{place}/{of_carl['id']}", {"role": "EDITOR"})
    assert (status, body["collaborator"]["role"]) == (200, "editor")
    assert (await ada("PUT", f"{place}/{of_carl['id']}", {"role": "editor"}))[0] == 200
    assert (await ada("PUT", f"{place}/{of_carl['id']}", {"role": "owner"}))[0] == 400
    status, body = await bob("DELETE", f"{place}/{of_bob['id']}")
    assert (status, body["deleted"], body["id"]) == (200, True, of_bob["id"])
    assert (await bob("GET", place))[0] == 404
    assert (await ada("DELETE", f"{place}/{of_carl['id']}"))[0] == 200
    assert (await ada("DELETE", f"{place}/{of_carl['id']}"))[0] == 404
    assert news == [
        events.MembershipChanged(project, carl.id, "editor"),
        events.MembershipChanged(project, bob.id, None),
        events.MembershipChanged(project, carl.id, None),
    ]


async def test_a_project_keeps_its_owner(server: dawg.Dawg) -> None:
    ada = await person(server, "ada")
    project = await project_of(server, ada)
    place = f"{project}/collaborators"
    row = (await ada("GET", place))[1]["collaborators"][0]
    for outcome in (
        await ada("DELETE", f"{place}/{row['id']}"),
        await ada("PUT", f"{place}/{row['id']}", {"role": "viewer"}),
    ):
        assert (outcome[0], outcome[1]["code"]) == (409, "conflict")
    assert (await ada("GET", place))[1]["collaborators"] == [row]


async def test_a_collaborator_of_another_project_and_malformed_ids_are_unknown(server: dawg.Dawg) -> None:
    ada = await person(server, "ada")
    one, other = await project_of(server, ada), await project_of(server, ada)
    _, pending = await ada("POST", f"{one}/collaborators", {"email": "x@example.com", "role": "viewer"})
    for path in (
        f"{other}/collaborators/{pending['id']}",
        f"{one}/collaborators/nonsense",
        f"nonsense/collaborators/{pending['id']}",
    ):
        assert (await ada("DELETE", path))[0] == 404
        assert (await ada("PUT", path, {"role": "editor"}))[0] == 404
    assert (await ada("GET", "nonsense/collaborators"))[0] == 404
    assert (await ada("GET", f"{one}/collaborators"))[1]["total"] == 2


async def test_visitors_of_a_public_project_see_no_addresses(server: dawg.Dawg) -> None:
    ada, eve = await person(server, "ada"), await person(server, "eve")
    project = await project_of(server, ada, public=True)
    await ada("POST", f"{project}/collaborators", {"email": "pending@example.com", "role": "viewer"})
    status, body = await eve("GET", f"{project}/collaborators")
    assert (status, [each["email"] for each in body["collaborators"]]) == (200, [None])
    assert "example.com" not in str(body)
    assert "example.com" not in str(await eve("GET", project))
    assert "pending@example.com" in str(await ada("GET", project))


async def test_sockets_of_the_removed_leave_the_room_at_once_on_every_replica(
    database_dsn: str, tmp_path: Path, valkey_url: str, javascript: JavaScript
) -> None:
    cluster = VARIABLES | {"REDIS_URL": valkey_url, "WEBSOCKET_REDIS_ADAPTER": "true"}
    async with (
        dawg.running(database_dsn, tmp_path / "a", **cluster) as a,
        dawg.running(database_dsn, tmp_path / "b", **cluster) as b,
    ):
        ada, bob = await person(a, "ada"), await person(a, "bob")
        project = await project_of(a, ada)
        _, member = await ada("POST", f"{project}/collaborators", {"email": "bob@example.com", "role": "editor"})
        await accept(a, bob, member)
        sockets = [await javascript.connect(each.url, auth={"token": bob.token}) for each in (a, b)]
        for socket in sockets:
            assert (await socket.emit_ack("join:project", {"projectId": project}))["role"] == "editor"

        change = {"projectId": project, "update": {"name": "Mine"}}
        await ada("PUT", f"{project}/collaborators/{member['id']}", {"role": "viewer"})
        for socket in sockets:
            assert (await socket.emit_ack("project:update", change))["code"] == "forbidden"
        await ada("DELETE", f"{project}/collaborators/{member['id']}")
        for socket in sockets:
            await socket.wait_for("error", lambda error: error["projectId"] == project)
            assert (await socket.emit_ack("project:update", change))["code"] == "not_joined"
            assert (await socket.emit_ack("join:project", {"projectId": project}))["code"] == "not_found"
            socket.events.clear()
        assert (await ada("PUT", project, {"name": "Ours"}))[0] == 200
        watcher = await javascript.connect(b.url, auth={"token": ada.token})
        await watcher.emit_ack("join:project", {"projectId": project})
        assert (await ada("PUT", project, {"name": "Ours again"}))[0] == 200
        await watcher.wait_for("project:updated")
        assert [socket.events for socket in sockets] == [[], []]
