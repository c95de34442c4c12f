"""Accounts and logins, as clients meet them."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from tests.accounts.key_service import KeyService
from tests.javascript.client import ConnectError, JavaScript
from tests.sampling import sample
from tests.servers import dawg

SECRET = "s" * 40
ADA = {"email": "Ada@Example.com", "password": "correct horse", "firstName": "Ada", "lastName": "Lovelace"}
MANY = {"JWT_SECRET": SECRET, "AUTH_REQUESTS_PER_MINUTE": "100000"}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, **MANY) as running:
        yield running


async def post(server: dawg.Dawg, path: str, body: dict[str, Any], **options: Any) -> tuple[int, dict[str, Any]]:
    return await server.json("POST", f"/api/auth/{path}", json=body, **options)


async def registered(server: dawg.Dawg, **changes: Any) -> dict[str, Any]:
    status, body = await post(server, "register", ADA | changes)
    assert status == 201, body
    return body


def bearer(body: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {body['accessToken']}"}


async def test_an_account_is_made_and_lets_its_owner_in(server: dawg.Dawg) -> None:
    made = await registered(server)
    assert made["token"] == made["accessToken"]
    assert made["expiresIn"] == 3600
    user = made["user"]
    assert {name: user[name] for name in ("email", "username", "name", "firstName", "lastName", "role")} == {
        "email": "ada@example.com",
        "username": "ada",
        "name": "Ada Lovelace",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "role": "USER",
    }
    assert set(user) == {
        "id",
        "email",
        "username",
        "name",
        "firstName",
        "lastName",
        "avatar",
        "role",
        "isVerified",
        "isActive",
        "createdAt",
        "updatedAt",
        "lastLoginAt",
    }
    status, me = await server.json("GET", "/api/auth/me", headers=bearer(made))
    assert (status, me["user"]) == (200, user)
    claims = jwt.decode(made["token"], SECRET, ["HS256"])
    assert (claims["sub"], claims["exp"] - claims["iat"]) == (user["id"], 3600)
    status, again = await post(server, "login", {"email": " ADA@example.COM ", "password": ADA["password"]})
    assert (status, again["user"]["id"]) == (200, user["id"])
    assert again["user"]["lastLoginAt"] >= user["lastLoginAt"]
    stored = await server.services.platform.database.fetch_one(
        "SELECT password_hash FROM users WHERE id = %s", (user["id"],)
    )
    assert stored is not None
    assert stored["password_hash"].startswith("$argon2id$")
    assert str(made).count("argon2") == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": None}, "email"),
        ({"email": "ada"}, "email"),
        ({"email": "ada@"}, "email"),
        ({"email": "a" * 250 + "@example.com"}, "email"),
        ({"email": "ad\u0130@example.com"}, "email"),
        ({"email": ["ada@example.com"]}, "email"),
        ({"password": "seven77"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": 12345678}, "password"),
        ({"username": "ab"}, "username"),
        ({"username": "x" * 41}, "username"),
        ({"firstName": 1}, "firstName"),
    ],
)
async def test_what_is_no_registration_is_refused_by_field(
    server: dawg.Dawg, changes: dict[str, Any], field: str
) -> None:
    status, body = await post(server, "register", ADA | changes)
    assert (status, body["code"], list(body["details"])) == (400, "validation_error", [field])


async def test_of_many_who_register_one_address_at_once_one_gets_it(server: dawg.Dawg) -> None:
    spellings = ["ada@example.com", "ADA@EXAMPLE.COM", "Ada@Example.com"] * 2
    outcomes = await asyncio.gather(*(post(server, "register", ADA | {"email": email}) for email in spellings))
    assert sorted(status for status, _ in outcomes) == [201] + [409] * 5
    assert {body["code"] for status, body in outcomes if status == 409} == {"email_taken"}


async def test_a_wrong_password_and_an_unknown_address_look_and_last_the_same(server: dawg.Dawg) -> None:
    await registered(server)
    spent: dict[str, list[float]] = {"ada@example.com": [], "eve@example.com": []}
    seen = set()
    for _ in range(15):
        for email, times in spent.items():
            began = time.process_time()  # of all threads, so that other programs do not count
            status, body = await post(server, "login", {"email": email, "password": "not this one"})
            times.append(time.process_time() - began)
            seen.add((status, body["code"], body["error"]))
    assert len(seen) == 1
    assert seen.pop()[:2] == (401, "invalid_credentials")
    known, unknown = (statistics.median(times) for times in spent.values())
    assert 0.7 < known / unknown < 1.4


async def test_hashing_leaves_the_event_loop_free_and_is_bounded(server: dawg.Dawg) -> None:
    await registered(server)
    wrong = {"email": "ada@example.com", "password": "not this one"}
    crowd = [asyncio.create_task(post(server, "login", wrong), name="crowd") for _ in range(90)]
    await asyncio.sleep(0.1)
    assert (await server.json("GET", "/health/live"))[0] == 200
    assert not all(each.done() for each in crowd)  # it did not have to wait for all of them
    statuses = [status for status, _ in await asyncio.gather(*crowd)]
    assert set(statuses) == {401, 429}


async def test_a_refresh_token_works_once_and_its_login_ends_when_it_comes_again(server: dawg.Dawg) -> None:
    first = await registered(server)
    status, second = await post(server, "refresh", {"refreshToken": first["refreshToken"]})
    assert (status, second["user"]["id"]) == (200, first["user"]["id"])
    assert second["refreshToken"] != first["refreshToken"]
    assert second["accessToken"] != first["accessToken"]
    _, other_login = await post(server, "login", ADA)

    await age(server, 31)
    status, body = await post(server, "refresh", {"refreshToken": first["refreshToken"]})
    assert (status, body["code"]) == (401, "refresh_reused")
    status, body = await post(server, "refresh", {"refreshToken": second["refreshToken"]})
    assert (status, body["code"]) == (401, "unauthorized")
    for ended in (first, second):
        assert (await server.json("GET", "/api/auth/me", headers=bearer(ended)))[0] == 401
    assert (await server.json("GET", "/api/auth/me", headers=bearer(other_login)))[0] == 200
    assert (await post(server, "refresh", {"refreshToken": other_login["refreshToken"]}))[0] == 200


async def age(server: dawg.Dawg, seconds: float) -> None:
    """Makes every refresh token so much older."""
    await server.services.platform.database.execute(
        "UPDATE sessions SET created_at = created_at - %s * interval '1 second'", (seconds,)
    )


async def test_tabs_that_refresh_at_once_on_any_replica_get_the_same_token_and_stay_signed_in(
    database_dsn: str, tmp_path: Path
) -> None:
    async with (
        dawg.running(database_dsn, tmp_path / "a", **MANY) as a,
        dawg.running(database_dsn, tmp_path / "b", **MANY) as b,
    ):
        made = await registered(a)
        for _ in range(3):
            spent = {"refreshToken": made["refreshToken"]}
            outcomes = await asyncio.gather(*(post(each, "refresh", spent) for each in (a, b) * 4))
            assert [status for status, _ in outcomes] == [200] * 8
            assert len({body["refreshToken"] for _, body in outcomes}) == 1
            for _, body in outcomes:
                assert (await b.json("GET", "/api/auth/me", headers=bearer(body)))[0] == 200
            made = outcomes[0][1]
        unspent = await a.services.platform.database.fetch_value(
            "SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND replaced_by IS NULL"
        )
        assert unspent == 1


async def test_a_lost_reply_is_given_again_for_half_a_minute(server: dawg.Dawg) -> None:
    made = await registered(server)
    _, lost = await post(server, "refresh", {"refreshToken": made["refreshToken"]})
    await age(server, 29)
    status, again = await post(server, "refresh", {"refreshToken": made["refreshToken"]})
    assert (status, again["refreshToken"]) == (200, lost["refreshToken"])
    # Whoever went on meanwhile shares what is good now.
    _, third = await post(server, "refresh", {"refreshToken": lost["refreshToken"]})
    status, again = await post(server, "refresh", {"refreshToken": made["refreshToken"]})
    assert (status, again["refreshToken"]) == (200, third["refreshToken"])
    await post(server, "logout", {"refreshToken": third["refreshToken"]})
    status, body = await post(server, "refresh", {"refreshToken": made["refreshToken"]})
    assert (status, body["code"]) == (401, "unauthorized")


async def test_the_tables_hold_nothing_that_signs_anybody_in(server: dawg.Dawg) -> None:
    made = await registered(server)
    _, second = await post(server, "refresh", {"refreshToken": made["refreshToken"]})
    stored = ""
    for table in ("sessions", "server_secrets", "users"):
        stored += str(await server.services.platform.database.fetch_all(f"SELECT {table}::text AS row FROM {table}"))
    for token in (made["refreshToken"], second["refreshToken"]):
        assert token not in stored
        assert token.encode().hex() not in stored


async def test_made_up_and_expired_refresh_tokens_are_refused(server: dawg.Dawg) -> None:
    made = await registered(server)
    status, body = await post(server, "refresh", {"refreshToken": "made up"})
    assert (status, body["code"]) == (401, "unauthorized")
    assert (await post(server, "refresh", {}))[0] == 400
    days = await server.services.platform.database.fetch_value(
        "SELECT extract(epoch FROM expires_at - now()) / 86400 FROM sessions"
    )
    assert 29.99 < days <= 30
    await server.services.platform.database.execute("UPDATE sessions SET expires_at = now()")
    status, body = await post(server, "refresh", {"refreshToken": made["refreshToken"]})
    assert (status, body["code"]) == (401, "token_expired")


async def test_logging_out_ends_one_login_or_all_and_never_fails(server: dawg.Dawg) -> None:
    await registered(server)
    logins = [(await post(server, "login", ADA))[1] for _ in range(5)]
    assert await post(server, "logout", {"refreshToken": logins[0]["refreshToken"]}) == (200, {"success": True})
    assert await post(server, "logout", {}, headers=bearer(logins[1])) == (200, {"success": True})
    alive = [(await server.json("GET", "/api/auth/me", headers=bearer(login)))[0] for login in logins]
    assert alive == [401, 401, 200, 200, 200]
    for useless in ({}, {"refreshToken": "made up"}, {"refreshToken": logins[0]["refreshToken"]}, {"everywhere": True}):
        assert (await post(server, "logout", useless))[0] == 200
    assert (await post(server, "logout", {}, headers={"Authorization": "Bearer nonsense"}))[0] == 200
    assert (await server.json("GET", "/api/auth/me", headers=bearer(logins[2])))[0] == 200
    await post(server, "logout", {"refreshToken": logins[2]["refreshToken"], "everywhere": True})
    for login in logins:
        assert (await server.json("GET", "/api/auth/me", headers=bearer(login)))[0] == 401
        assert (await post(server, "refresh", {"refreshToken": login["refreshToken"]}))[0] == 401
    assert (await post(server, "login", ADA))[0] == 200


async def test_an_account_that_is_switched_off_gets_in_nowhere(server: dawg.Dawg) -> None:
    await registered(server)
    _, fresh = await post(server, "login", ADA)
    await server.services.platform.database.execute("UPDATE users SET is_active = false")
    assert (await post(server, "login", ADA))[0] == 401
    assert (await post(server, "refresh", {"refreshToken": fresh["refreshToken"]}))[0] == 401
    assert (await server.json("GET", "/api/auth/me", headers=bearer(fresh)))[0] == 401


async def test_guessing_is_limited_by_address_and_a_client_cannot_choose_its_address(
    database_dsn: str, tmp_path: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path / "a", JWT_SECRET=SECRET) as server:
        attempts = [
            (await post(server, "login", ADA, headers={"X-Forwarded-For": f"9.9.9.{n}", "X-Real-IP": f"9.9.9.{n}"}))[0]
            for n in range(12)
        ]
        assert attempts == [401] * 10 + [429] * 2
        async with server.http.post(server.url + "/api/v1/auth/register", json=ADA) as reply:
            assert (reply.status, reply.headers["Retry-After"].isdigit()) == (429, True)
        assert (await server.json("GET", "/health"))[0] == 200
    async with dawg.running(database_dsn, tmp_path / "b", JWT_SECRET=SECRET, RAILWAY_REPLICA_ID="r1") as server:

        async def attempt(**headers: str) -> int:
            return (await post(server, "login", ADA, headers={k.replace("_", "-"): v for k, v in headers.items()}))[0]

        assert [await attempt(X_Real_IP="9.9.9.1") for _ in range(11)][-2:] == [401, 429]
        assert await attempt(X_Real_IP="9.9.9.2") == 401
        forged = [await attempt(X_Forwarded_For=f"1.1.1.{n}, 9.9.9.3") for n in range(11)]
        assert forged[-2:] == [401, 429]
        one_household = [await attempt(X_Real_IP=f"2001:db8::{n}") for n in range(11)]
        assert one_household[-2:] == [401, 429]


async def test_without_a_secret_of_its_own_the_server_says_which_one_is_missing(
    database_dsn: str, tmp_path: Path
) -> None:
    async with (
        KeyService() as service,
        dawg.running(
            database_dsn, tmp_path, JWT_JWKS_URL=service.url, JWT_AUDIENCE="any", AUTH_REQUESTS_PER_MINUTE="100"
        ) as server,
    ):
        for path, body in (("register", ADA), ("login", ADA), ("refresh", {"refreshToken": "x"}), ("logout", {})):
            status, refusal = await post(server, path, body)
            assert (status, refusal["code"]) == (503, "provider_unconfigured")
            assert refusal["details"] == {"env": ["JWT_SECRET"]}


async def test_tokens_of_an_outside_service_are_believed_through_rotation_and_outage(
    database_dsn: str, tmp_path: Path
) -> None:
    async with (
        KeyService() as service,
        dawg.running(database_dsn, tmp_path, JWT_JWKS_URL=service.url, JWT_AUDIENCE="any") as server,
    ):

        async def ask(token: str) -> tuple[int, dict[str, Any]]:
            return await server.json("GET", "/api/auth/me", headers={"Authorization": f"Bearer {token}"})

        service.add("one")
        service.add("two", "ES256")
        status, body = await ask(service.sign("one", "auth0:ada"))
        assert (status, body["user"]["id"], body["user"]["name"]) == (200, "auth0:ada", "auth0:ada")
        assert (await ask(service.sign("two", algorithm="ES256")))[0] == 200
        confused = jwt.encode({"sub": "ada", "exp": int(time.time()) + 60}, "x" * 40, "HS256", headers={"kid": "one"})
        assert (await ask(confused))[0] == 401
        assert (await ask(service.sign("one", exp=int(time.time()) - 60)))[1]["code"] == "token_expired"
        service.add("three")
        await service.stop()
        assert (await ask(service.sign("one")))[0] == 200
    async with (
        KeyService() as service,
        dawg.running(database_dsn, tmp_path, JWT_JWKS_URL=service.url, JWT_AUDIENCE="any") as server,
    ):
        service.add("one")
        await service.stop()
        status, body = await ask(service.sign("one"))
        assert (status, body["code"]) == (503, "dependency_unavailable")


SUBJECTS = ["auth0|5f7c8ec7c33c6c004bbafe82", "google-oauth2|103547991597142817347", "a+b@x.y", "tèst user/№ 1"]
SUBJECTS += ["AbC/+dEf0123456789==", "CN=Ada Lovelace,OU=Music,DC=example", "x" * 255]


@pytest.mark.parametrize("subject", sample(SUBJECTS, "auth0|5f7c8ec7c33c6c004bbafe82", "tèst user/№ 1"))
async def test_ordinary_subjects_of_outside_services_work_everywhere(
    database_dsn: str, tmp_path: Path, javascript: JavaScript, valkey_url: str, subject: str
) -> None:
    options = {"JWT_SECRET": SECRET, "REDIS_URL": valkey_url, "WEBSOCKET_REDIS_ADAPTER": "true"}
    async with dawg.running(database_dsn, tmp_path, **options) as server:
        token = jwt.encode({"sub": subject, "exp": int(time.time()) + 60}, SECRET, "HS256")
        headers = {"Authorization": f"Bearer {token}"}
        status, me = await server.json("GET", "/api/auth/me", headers=headers)
        assert (status, me["user"]["id"]) == (200, subject)
        browser = await javascript.connect(server.url, auth={"token": token})
        again = {**headers, "Idempotency-Key": "once"}
        status, made = await server.json("POST", "/api/projects", headers=again, json={"name": "One"})
        assert status == 201
        assert (await server.json("POST", "/api/projects", headers=again, json={"name": "One"}))[1]["id"] == made["id"]
        path = f"/api/billing/usage/{quote(subject, safe='')}/current"
        assert (await server.json("GET", path, headers=headers))[0] == 200
        ack = await browser.emit_ack("join:project", {"projectId": made["id"]})
        assert ack["success"], ack
        status, job = await server.json(
            "POST", "/api/generate/beat", headers=headers, json={"genre": "pop", "duration": 5}
        )
        assert status == 202
        await browser.wait_for("generation:completed", lambda news: news["jobId"] == job["jobId"], timeout=60)


async def test_what_is_no_subject_is_refused(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET=SECRET) as server:
        for subject in ("", "x" * 256, "a\0b", "a\nb", "\ud800", "\u202eada", None, 7, ["ada"]):
            claims = json.dumps({"sub": subject, "exp": int(time.time()) + 60}).encode()
            token = jwt.api_jws.encode(claims, SECRET, "HS256")
            status, body = await server.json("GET", "/api/auth/me", headers={"Authorization": f"Bearer {token}"})
            assert (status, body["code"]) == (401, "unauthorized"), subject


async def test_an_outside_subject_never_becomes_a_local_account(database_dsn: str, tmp_path: Path) -> None:
    async with (
        KeyService() as service,
        dawg.running(database_dsn, tmp_path, JWT_JWKS_URL=service.url, JWT_AUDIENCE="any", **MANY) as server,
    ):
        service.add("one")
        made = await registered(server)
        mine = made["user"]["id"]
        outside = [
            service.sign("one", mine),
            service.sign("one", mine, login=jwt.decode(made["accessToken"], SECRET, ["HS256"])["login"]),
        ]
        for token in outside:
            headers = {"Authorization": f"Bearer {token}"}
            assert (await server.json("GET", "/api/auth/me", headers=headers))[0] == 401
        assert (await server.json("GET", "/api/auth/me", headers=bearer(made)))[0] == 200
        assert (await server.json("GET", "/api/auth/me", headers=bearer({"accessToken": service.sign("one")})))[
            0
        ] == 200
        own = jwt.encode({"sub": "eve", "exp": int(time.time()) + 60}, SECRET, "HS256")
        assert (await server.json("GET", "/api/auth/me", headers=bearer({"accessToken": own})))[0] == 200
        origins = await server.services.platform.database.fetch_all("SELECT id, origin FROM users ORDER BY origin")
        assert {row["id"]: row["origin"] for row in origins} == {mine: "local", "ada": "token", "eve": "token"}


async def test_tokens_for_others_or_from_others_are_refused(database_dsn: str, tmp_path: Path) -> None:
    rules = {"JWT_AUDIENCE": "https://dawg.example/, studio", "JWT_ISSUER": "https://tenant.example/"}
    async with (
        KeyService() as service,
        dawg.running(database_dsn, tmp_path, JWT_JWKS_URL=service.url, **rules, **MANY) as server,
    ):
        service.add("one")

        async def ask(**claims: Any) -> int:
            token = service.sign("one", **claims)
            return (await server.json("GET", "/api/auth/me", headers={"Authorization": f"Bearer {token}"}))[0]

        ours, theirs = "https://tenant.example/", "https://other.example/"
        assert await ask(aud="https://dawg.example/", iss=ours) == 200
        assert await ask(aud=["https://tenant.example/userinfo", "studio"], iss=ours) == 200
        assert await ask(aud="https://dawg.example", iss=ours) == 401
        assert await ask(aud=[], iss=ours) == 401
        assert await ask(aud="studio", iss=theirs) == 401
        assert await ask(aud="studio") == 401
        assert await ask(iss=ours) == 401
        assert await ask(azp="studio", iss=ours) == 200  # of services that leave `aud` out
        assert await ask(azp="studio", aud="https://other.example/", iss=ours) == 401
        made = await registered(server)  # what this server signs itself meets its own rules
        assert (await server.json("GET", "/api/auth/me", headers=bearer(made)))[0] == 200


async def test_development_mode_knows_its_user_and_real_logins_too(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        async with server.http.get(server.url + "/api/auth/me") as reply:
            assert (reply.status, (await reply.json())["user"]["id"]) == (200, "dev-user")
        made = await registered(server)
        _, me = await server.json("GET", "/api/auth/me", user="somebody", headers=bearer(made))
        assert me["user"]["email"] == "ada@example.com"
        assert (await post(server, "logout", {}))[0] == 200
        await post(server, "logout", {"refreshToken": made["refreshToken"]})
        assert (await server.json("GET", "/api/auth/me", user="somebody", headers=bearer(made)))[0] == 401
        _, me = await server.json("GET", "/api/auth/me", user="somebody")
        assert me["user"]["id"] == "somebody"


async def test_logging_out_disconnects_the_sockets_of_that_login_on_every_replica(
    database_dsn: str, tmp_path: Path, valkey_url: str, javascript: JavaScript
) -> None:
    cluster = MANY | {"REDIS_URL": valkey_url, "WEBSOCKET_REDIS_ADAPTER": "true"}
    async with (
        dawg.running(database_dsn, tmp_path / "a", **cluster) as a,
        dawg.running(database_dsn, tmp_path / "b", **cluster) as b,
    ):
        ending, staying = await registered(a), await registered(a, email="eve@example.com")
        _, same_user = await post(a, "login", ADA)

        async def connect(server: dawg.Dawg, login: dict[str, Any], namespace: str = "/") -> Any:
            return await javascript.connect(server.url, namespace=namespace, auth={"token": login["token"]})

        doomed = [
            await connect(server, ending, namespace) for server in (a, b) for namespace in ("/", "/ai-brain", "/voice")
        ]
        spared = [await connect(b, staying), await connect(b, same_user)]
        assert (await post(a, "logout", {"refreshToken": ending["refreshToken"]}))[0] == 200
        for socket in doomed:
            assert await socket.wait_disconnected() == "io server disconnect"
        assert [socket.disconnected for socket in spared] == [None, None]
        for server in (a, b):
            with pytest.raises(ConnectError) as refused:
                await connect(server, ending)
            assert refused.value.data["code"] == "unauthorized"
        _, renewed = await post(b, "refresh", {"refreshToken": same_user["refreshToken"]})
        assert spared[1].disconnected is None
        await age(b, 31)
        assert (await post(b, "refresh", {"refreshToken": same_user["refreshToken"]}))[1]["code"] == "refresh_reused"
        assert await spared[1].wait_disconnected() == "io server disconnect"
        assert (await a.json("GET", "/api/auth/me", headers=bearer(renewed)))[0] == 401


async def test_a_socket_ends_with_its_token_and_its_client_comes_back_with_a_new_one(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    """30 s are forgiven to clocks that differ, so a token that is good for -28 s more ends in two."""
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET=SECRET) as server:
        ending, lasting = (
            jwt.encode({"sub": "ada", "exp": int(time.time()) + seconds}, SECRET, "HS256") for seconds in (-28, 600)
        )
        sockets = [
            await javascript.connect(server.url, namespace=namespace, auth={"token": token})
            for namespace in ("/", "/voice")
            for token in (ending, lasting)
        ]
        for socket in sockets[::2]:
            assert await socket.wait_disconnected() == "transport close"  # after which clients connect by themselves
        assert [socket.disconnected for socket in sockets[1::2]] == [None, None]
