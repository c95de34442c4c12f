"""What people change about their account, and the account that everybody knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.handlers.rest.test_auth import ADA, MANY, SECRET, bearer, post, registered
from tests.javascript.client import JavaScript
from tests.servers import dawg

DEMO = {"email": "demo@aidaw.com", "password": "DemoPassword123!"}
NEW = "battery staple"


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, **MANY) as running:
        yield running


async def change_password(
    server: dawg.Dawg, login: dict[str, Any], current: Any = ADA["password"], new: Any = NEW
) -> tuple[int, dict[str, Any]]:
    body = {"currentPassword": current, "newPassword": new}
    return await server.json("PUT", "/api/auth/me/password", headers=bearer(login), json=body)


async def test_people_change_their_name_and_picture(server: dawg.Dawg) -> None:
    made = await registered(server)
    for method, body, expected in (
        (
            "PATCH",
            {"firstName": "Augusta", "email": "eve@example.com", "role": "ADMIN", "id": "x"},
            ("Augusta", "Lovelace", None),
        ),
        (
            "PUT",
            {"avatar": "https://pictures.example/ada.png"},
            ("Augusta", "Lovelace", "https://pictures.example/ada.png"),
        ),
        (
            "PUT",
            {"firstName": " Ada ", "lastName": None, "avatar": "/static/ada.png"},
            ("Ada", None, "/static/ada.png"),
        ),
        ("PATCH", {}, ("Ada", None, "/static/ada.png")),
        ("PUT", {"avatar": None}, ("Ada", None, None)),
    ):
        status, reply = await server.json(method, "/api/auth/me", headers=bearer(made), json=body)
        assert status == 200, reply
        user = reply["user"]
        assert (user["firstName"], user["lastName"], user["avatar"]) == expected
        assert user.items() >= {"email": "ada@example.com", "role": "USER", "id": made["user"]["id"]}.items()
        assert (await server.json("GET", "/api/auth/me", headers=bearer(made)))[1]["user"] == user
    assert user["name"] == "Ada"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("firstName", 1),
        ("lastName", "x" * 101),
        ("lastName", "a\0b"),
        *(
            ("avatar", wrong)
            for wrong in ("", "javascript:alert(1)", "//evil.example/x", "data:text/html,x", "https://", 7)
        ),
        ("avatar", "https://a.example/" + "x" * 2000),
    ],
)
async def test_what_is_no_name_and_no_picture_is_refused_by_field(server: dawg.Dawg, field: str, value: Any) -> None:
    made = await registered(server)
    status, body = await server.json("PUT", "/api/auth/me", headers=bearer(made), json={field: value})
    assert (status, body["code"], list(body["details"])) == (400, "validation_error", [field])


async def test_users_of_other_services_and_of_development_mode_have_names_too(
    database_dsn: str, tmp_path: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        status, body = await server.json("PATCH", "/api/auth/me", json={"firstName": "Ada"})
        assert (status, body["user"]["firstName"], body["user"]["id"]) == (200, "Ada", "ada")
        body = {"currentPassword": "x" * 8, "newPassword": "y" * 8}
        status, refusal = await server.json("PUT", "/api/auth/me/password", json=body)
        assert (status, refusal["code"]) == (409, "conflict")


async def test_a_new_password_ends_every_other_login(server: dawg.Dawg, javascript: JavaScript) -> None:
    await registered(server)
    mine, others = (await post(server, "login", ADA))[1], [(await post(server, "login", ADA))[1] for _ in range(2)]
    sockets = [await javascript.connect(server.url, auth={"token": each["token"]}) for each in (mine, *others)]
    assert await change_password(server, mine) == (200, {"success": True})
    for socket in sockets[1:]:
        assert await socket.wait_disconnected() == "io server disconnect"
    assert sockets[0].disconnected is None
    for other in others:
        assert (await server.json("GET", "/api/auth/me", headers=bearer(other)))[0] == 401
        assert (await post(server, "refresh", {"refreshToken": other["refreshToken"]}))[0] == 401
    assert (await server.json("GET", "/api/auth/me", headers=bearer(mine)))[0] == 200
    assert (await post(server, "refresh", {"refreshToken": mine["refreshToken"]}))[0] == 200
    assert (await post(server, "login", ADA))[0] == 401
    assert (await post(server, "login", ADA | {"password": NEW}))[0] == 200


async def test_a_new_password_needs_the_present_one_and_is_checked_like_the_first(server: dawg.Dawg) -> None:
    made = await registered(server)
    for current, new, field in (
        ("not this one", NEW, "currentPassword"),
        ("", NEW, "currentPassword"),
        (None, NEW, "currentPassword"),
        (ADA["password"], "seven77", "newPassword"),
        (ADA["password"], "x" * 129, "newPassword"),
        (ADA["password"], 12345678, "newPassword"),
        (ADA["password"], None, "newPassword"),
    ):
        status, body = await change_password(server, made, current, new)
        assert (status, body["code"], list(body["details"])) == (400, "validation_error", [field])
    assert (await server.json("PUT", "/api/auth/me/password", json={}))[0] == 401
    assert (await post(server, "login", ADA))[0] == 200
    # A token that only names the user, as of whoever shares the secret, keeps no login.
    named = {"accessToken": jwt.encode(jwt.decode(made["token"], SECRET, ["HS256"]) | {"login": None}, SECRET, "HS256")}
    assert (await change_password(server, named))[0] == 200
    assert (await server.json("GET", "/api/auth/me", headers=bearer(made)))[0] == 401


async def test_of_two_who_change_a_password_at_once_one_does(server: dawg.Dawg) -> None:
    made = await registered(server)
    outcomes = await asyncio.gather(*(change_password(server, made, new=f"{NEW} {n}") for n in range(4)))
    assert sorted(status for status, _ in outcomes) == [200, 400, 400, 400]
    working = [(await post(server, "login", ADA | {"password": f"{NEW} {n}"}))[0] for n in range(4)]
    assert sorted(working) == [200, 401, 401, 401]
    assert (await server.json("GET", "/api/auth/me", headers=bearer(made)))[0] == 200


async def test_guessing_the_present_password_is_limited(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET=SECRET) as server:
        made = await registered(server)
        assert [(await change_password(server, made, "guess"))[0] for _ in range(12)] == [400] * 10 + [429] * 2


async def test_the_demo_account_signs_in_in_development_mode(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        logins = await asyncio.gather(*(post(server, "login", DEMO | {"email": "Demo@AiDAW.com"}) for _ in range(4)))
        assert [status for status, _ in logins] == [200] * 4
        assert len({body["user"]["id"] for _, body in logins}) == 1
        demo = logins[0][1]
        status, me = await server.json("GET", "/api/auth/me", headers=bearer(demo))
        assert (status, me["user"]["email"]) == (200, "demo@aidaw.com")
        status, demo = await post(server, "refresh", {"refreshToken": demo["refreshToken"]})
        assert status == 200
        assert (await post(server, "login", DEMO | {"password": "DemoPassword123"}))[0] == 401
        assert (await change_password(server, demo, DEMO["password"]))[0] == 409
        assert (await post(server, "register", DEMO))[0] == 409
    # The same database with sign-in switched on.
    async with dawg.running(database_dsn, tmp_path, **MANY) as server:
        status, refusal = await post(server, "login", DEMO)
        assert (status, refusal["code"]) == (401, "invalid_credentials")
        assert (await post(server, "refresh", {"refreshToken": demo["refreshToken"]}))[0] == 401
        assert (await server.json("GET", "/api/auth/me", headers=bearer(demo)))[0] == 401


async def test_a_secured_server_knows_no_demo_account(server: dawg.Dawg) -> None:
    assert (await post(server, "login", DEMO))[0] == 401
    made = await registered(server, **DEMO | {"password": NEW})  # an address like any other
    assert made["user"]["email"] == DEMO["email"]
    assert (await post(server, "login", DEMO))[0] == 401
