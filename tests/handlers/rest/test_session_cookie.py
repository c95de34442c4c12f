"""The session cookie as a second bearer, and that no page but ours can use it."""

from __future__ import annotations

import asyncio
import contextlib
import http.cookies
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from yarl import URL

from tests.javascript.client import ConnectError, JavaScript
from tests.servers import dawg

SECRET = "s" * 40
ADA = {"email": "ada@example.com", "password": "correct horse"}
EVE = {"email": "eve@example.com", "password": "battery staple"}
PAGE = "http://localhost:5173"
STRANGER = "https://evil.example"
SECURED = {"JWT_SECRET": SECRET, "AUTH_REQUESTS_PER_MINUTE": "1000"}
NAME, BROWSER = "dawg_session", "dawg_browser"


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, **SECURED) as running:
        yield running


class Browser:
    """What a page at `origin` can do: cookies are kept and sent by themselves, and each request says where it is from."""

    def __init__(self, server: dawg.Dawg, http: aiohttp.ClientSession, origin: str | None) -> None:
        self.url, self.http, self.origin = server.url, http, origin
        self.cookies: list[str] = []  # what the last reply has set

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        headers = {**({"Origin": self.origin} if self.origin else {}), **options.pop("headers", {})}
        async with self.http.request(method, self.url + path, headers=headers, **options) as reply:
            self.cookies = reply.headers.getall("Set-Cookie", [])
            self.headers = reply.headers
            return reply.status, await reply.json()

    async def sign_in(self, who: dict[str, str], word: str = "login", **options: Any) -> dict[str, Any]:
        status, body = await self.ask("POST", f"/api/auth/{word}", json=who, **options)
        assert status in (200, 201), body
        return body

    async def me(self, **options: Any) -> str | int:
        """The id of whom the server sees, or the status of its refusal."""
        status, body = await self.ask("GET", "/api/auth/me", **options)
        return body["user"]["id"] if status == 200 else status

    @property
    def session(self) -> str | None:
        """The value of the cookie that this browser holds."""
        return next((each.value for each in self.http.cookie_jar if each.key == NAME), None)


@contextlib.asynccontextmanager
async def browser(server: dawg.Dawg, origin: str | None = PAGE) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(server, http, origin)


def parsed(header: str) -> http.cookies.Morsel[str]:
    return next(iter(http.cookies.SimpleCookie(header).values()))


async def test_whoever_signs_in_is_known_by_the_cookie_alone_until_they_sign_out(server: dawg.Dawg) -> None:
    async with browser(server) as page:
        made = await page.sign_in(ADA, "register")
        assert page.headers["Cache-Control"] == "no-store"
        cookie = parsed(page.cookies[0])
        assert (cookie.key, cookie["path"], cookie["samesite"]) == (NAME, "/", "Lax")
        assert cookie["httponly"] is True
        assert cookie["secure"] == cookie["domain"] == ""
        assert int(cookie["max-age"]) == 30 * 86400
        assert await page.me() == made["user"]["id"]

        assert (await page.ask("POST", "/api/projects", json={"name": "One"}))[0] == 201
        mine = {"Authorization": f"Bearer {made['token']}", "Cookie": ""}
        assert (await page.ask("GET", "/api/projects", headers=mine))[1]["total"] == 1
        assert (await page.ask("POST", "/api/generate/beat", json={"genre": "pop", "duration": 5}))[0] == 202

        before = page.session
        renewed = await page.sign_in({"refreshToken": made["refreshToken"]}, "refresh")
        assert page.headers["Cache-Control"] == "no-store"
        assert page.session != before
        assert await page.me() == made["user"]["id"]

        assert await page.ask("POST", "/api/auth/logout", json={}) == (200, {"success": True})
        assert page.session is None
        assert await page.me() == 401
        assert (await page.ask("POST", "/api/auth/refresh", json={"refreshToken": renewed["refreshToken"]}))[0] == 401
        for stolen in (before, cookie.value):
            assert await page.me(headers={"Cookie": f"{NAME}={stolen}"}) == 401


async def test_behind_https_the_cookie_stays_there_and_with_this_host(database_dsn: str, tmp_path: Path) -> None:
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "dawg.example", "Origin": "https://dawg.example"}
    proxied = SECURED | {"TRUST_PROXY": "true"}
    async with dawg.running(database_dsn, tmp_path / "a", **proxied) as server, browser(server, None) as page:
        await page.sign_in(ADA, "register", headers=told)
        cookie = parsed(page.cookies[0])
        assert (cookie.key, cookie["secure"], cookie["path"], cookie["domain"]) == (f"__Host-{NAME}", True, "/", "")
        known = {"Cookie": f"{cookie.key}={cookie.value}"}
        assert isinstance(await page.me(headers=told | known), str)
        # The plain name can be set by any neighbour of the host, and over http.
        assert await page.me(headers=told | {"Cookie": f"{NAME}={cookie.value}"}) == 401
    async with dawg.running(database_dsn, tmp_path / "b", **SECURED) as server, browser(server, None) as page:
        await page.sign_in(ADA, headers={"X-Forwarded-Proto": "https"})  # said by nobody who is believed
        assert (parsed(page.cookies[0]).key, parsed(page.cookies[0])["secure"]) == (NAME, "")


async def test_a_token_wins_over_the_cookie_and_a_bad_one_is_refused_beside_a_good_cookie(server: dawg.Dawg) -> None:
    async with browser(server) as page, browser(server) as other:
        ada, eve = await page.sign_in(ADA, "register"), await other.sign_in(EVE, "register")
        mine, theirs = ada["user"]["id"], eve["user"]["id"]
        assert await page.me(headers={"Authorization": f"Bearer {eve['token']}"}) == theirs
        assert await page.me(headers={"X-User-Id": theirs}) == mine
        # By the token alone, so whatever is asked of a cookie is not asked here.
        foreign = {"Authorization": f"Bearer {eve['token']}", "Origin": STRANGER}
        assert (await page.ask("POST", "/api/projects", json={"name": "One"}, headers=foreign))[0] == 201
        expired = jwt.encode({"sub": theirs, "exp": int(time.time()) - 60}, SECRET, "HS256")
        forged = jwt.encode({"sub": theirs, "exp": int(time.time()) + 60}, "x" * 40, "HS256")
        for bad in (expired, forged):
            assert await page.me(headers={"Authorization": f"Bearer {bad}"}) == 401
        # Pages send these when they have no token.
        for nothing in ("Bearer null", "Bearer undefined", "Bearer", "Basic YTpi"):
            assert await page.me(headers={"Authorization": nothing}) == mine
        # A cookie is no access token, and an access token is no cookie.
        assert await other.me(headers={"Authorization": f"Bearer {page.session}"}) == 401
        async with browser(server) as nobody:
            assert await nobody.me(headers={"Cookie": f"{NAME}={page.session}"}) == mine
            assert await nobody.me(headers={"Cookie": f"{NAME}={ada['token']}"}) == 401
        ended = {"Authorization": f"Bearer {eve['token']}"}
        await page.ask("POST", "/api/auth/logout", json={}, headers=ended)
        assert page.session is None
        assert await page.me(headers=ended) == 401


async def test_a_session_that_was_there_before_signing_in_is_worth_nothing_after_it(server: dawg.Dawg) -> None:
    async with browser(server) as attacker, browser(server) as page:
        await attacker.sign_in(EVE, "register")
        made_up = "00000000-0000-0000-0000-000000000000"
        for planted in (attacker.session, made_up):
            page.http.cookie_jar.update_cookies({NAME: planted or ""}, response_url=URL(server.url))
            await page.sign_in(ADA, "register" if planted != made_up else "login")
            assert page.session not in (None, planted)
        assert isinstance(await page.me(), str)
        assert await attacker.me() != await page.me()


async def test_no_page_but_ours_can_sign_a_browser_in_or_out(server: dawg.Dawg) -> None:
    async with browser(server, STRANGER) as attacker, browser(server) as page:
        await page.sign_in(ADA, "register")
        for origin in (STRANGER, "null"):
            await attacker.sign_in(EVE, "register" if origin == STRANGER else "login", headers={"Origin": origin})
            assert attacker.cookies == []
            for body in ({"json": {}}, {"data": b""}, {"data": {"everywhere": "true"}}):
                status, refusal = await page.ask("POST", "/api/auth/logout", headers={"Origin": origin}, **body)
                assert (status, refusal["code"]) in ((403, "csrf_failed"), (415, "unsupported_media_type"))
                assert page.cookies == []
            # As browsers send it from there: without the cookie.
            status, _ = await attacker.ask("POST", "/api/auth/logout", data=b"", headers={"Origin": origin})
            assert attacker.cookies == []
        assert isinstance(await page.me(), str)


JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT = {"Content-Type": "text/plain;charset=UTF-8"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
SAME, CROSS = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}
FROM_PAGE = {"Origin": PAGE}
PROJECT = b'{"name": "Planted"}'


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({**JSON, "Origin": STRANGER}, PROJECT),
        ({**JSON, "Origin": STRANGER, "Referer": PAGE + "/"}, PROJECT),
        ({**JSON, "Origin": STRANGER, **SAME}, PROJECT),
        ({**JSON, "Origin": "null"}, PROJECT),
        ({**JSON, "Origin": "null", "Referer": PAGE + "/"}, PROJECT),
        ({**JSON, "Origin": ""}, PROJECT),
        ({**JSON, "Origin": PAGE + ".evil.example"}, PROJECT),
        ({**JSON, "Origin": "http://localhost"}, PROJECT),
        ({**JSON, "Origin": "https://localhost:5173"}, PROJECT),
        (JSON, PROJECT),
        ({**JSON, **CROSS}, PROJECT),
        ({**JSON, "Sec-Fetch-Site": "same-site"}, PROJECT),
        ({**JSON, "Sec-Fetch-Site": "none"}, PROJECT),
        ({**JSON, "Referer": STRANGER + "/?" + PAGE}, PROJECT),
        ({**JSON, "Referer": "nonsense"}, PROJECT),
        ({**FORM, **FROM_PAGE}, b"name=Planted"),
        ({**FORM, **SAME}, b"name=Planted"),
        ({**TEXT, **FROM_PAGE}, PROJECT),
        ({**FROM_PAGE, "Content-Type": "text/plain; application/json"}, PROJECT),
        ({**FROM_PAGE, "Content-Type": ""}, PROJECT),
        (FROM_PAGE, b""),
        ({**FROM_PAGE, **CROSS}, b""),
        ({**MULTIPART, **FROM_PAGE}, b"--x--\r\n"),
        ({**MULTIPART, **FROM_PAGE, "X-CSRF-Token": "made up"}, b"--x--\r\n"),
    ],
)
async def test_a_request_that_another_page_could_have_made_is_refused(
    server: dawg.Dawg, headers: dict[str, str], body: bytes
) -> None:
    async with browser(server, None) as page:
        await page.sign_in(ADA, "register")
        for path in ("/api/projects", "/api/audio/upload", "/api/generate/cancel/x"):
            status, refusal = await page.ask(
                "POST", path, data=body, headers=headers, skip_auto_headers=["Content-Type"]
            )
            assert (status, refusal["code"]) == (403, "csrf_failed"), path
            assert "X-CSRF-Token" in refusal["error"] or "Authorization" in refusal["error"]
        for trick in ({"X-HTTP-Method-Override": "POST"}, {"X-HTTP-Method": "DELETE"}, {"X-Method-Override": "POST"}):
            status, _ = await page.ask("GET", "/api/projects?_method=POST", data=body, headers=headers | trick)
            assert status == 200
        _, found = await page.ask("GET", "/api/projects")
        assert found["total"] == 0
        assert isinstance(await page.me(), str)


async def test_our_own_pages_may_write_whichever_way_browsers_say_where_they_are(server: dawg.Dawg) -> None:
    async with browser(server, None) as page:
        await page.sign_in(ADA, "register")
        own = {"Origin": server.url}
        for where in (
            FROM_PAGE,
            own,
            own | SAME,
            FROM_PAGE | CROSS,
            SAME,
            {"Referer": PAGE + "/studio"},
            SAME | {"Referer": "x"},
        ):
            status, body = await page.ask("POST", "/api/projects", json={"name": "One"}, headers=where)
            assert status == 201, (where, body)
            path = f"/api/projects/{body['id']}"
            assert (await page.ask("PATCH", path, json={"name": "Two"}, headers=where))[0] == 200
            assert (await page.ask("DELETE", path, headers=where))[0] == 200
        status, body = await page.ask("POST", "/api/generate/cancel/x", headers=SAME)
        assert (status, body["code"]) == (404, "not_found")


async def upload(page: Browser, token: str | None, **headers: str) -> int:
    form = aiohttp.FormData()
    form.add_field("audio", b"no sound at all", filename="a.wav")
    sent = {**headers, **({"X-CSRF-Token": token} if token is not None else {})}
    status, body = await page.ask("POST", "/api/audio/upload", data=form, headers=sent)
    assert (status == 403) is (body["code"] == "csrf_failed")
    return status


async def csrf_token(page: Browser, **options: Any) -> str:
    status, body = await page.ask("GET", "/api/v1/csrf-token", **options)
    assert status == 200
    token: str = body["csrfToken"]
    return token


async def test_a_token_that_a_page_asked_for_before_it_signed_in_is_good_until_it_signs_out(server: dawg.Dawg) -> None:
    async with browser(server) as page, browser(server) as other:
        token, theirs = await csrf_token(page), await csrf_token(other)
        (given,) = other.cookies
        for word in ("register", "login"):
            await page.sign_in(ADA, word)
            assert await upload(page, token) != 403
            status, body = await page.ask("POST", "/api/generate/cancel/x", headers={"X-CSRF-Token": token})
            assert (status, body["code"]) == (404, "not_found")
            assert await csrf_token(page) == token
        await other.sign_in(EVE, "register")
        for wrong in (theirs, token[:-1], parsed(given).value):
            assert await upload(page, wrong) == 403
        assert await upload(page, token, Origin=STRANGER) == 403
        assert (await page.ask("POST", "/api/auth/logout", json={}))[0] == 200
        await page.sign_in(ADA)
        assert await upload(page, token) == 403
        assert await upload(page, await csrf_token(page)) != 403


async def test_the_cookie_of_a_browser_is_one_that_no_page_can_read_or_plant(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, **SECURED, TRUST_PROXY="true") as server, browser(server) as page:
        for scheme, name in (("http", BROWSER), ("https", f"__Host-{BROWSER}")):
            await csrf_token(page, headers={"X-Forwarded-Proto": scheme})
            cookie = parsed(page.cookies[0])
            assert (cookie.key, cookie["path"], cookie["domain"]) == (name, "/", "")
            assert (cookie["httponly"], cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", scheme == "https")
            assert len(cookie.value) >= 32
            assert page.headers["Cache-Control"] == "no-store"
        await csrf_token(page)
        assert page.cookies == []  # it has one
        await csrf_token(page, headers={"Origin": STRANGER, "Cookie": f"{BROWSER}="})
        assert page.cookies == []
        await page.sign_in(ADA, "register")
        nobodys = server.services.platform.identity.csrf_token("")
        page.http.cookie_jar.clear(lambda cookie: cookie.key == BROWSER)
        assert await upload(page, nobodys) == 403


async def test_a_page_elsewhere_sends_files_with_the_token_of_its_browser(server: dawg.Dawg) -> None:
    async with browser(server) as page, browser(server) as other:
        await page.sign_in(ADA, "register")
        await other.sign_in(EVE, "register")
        status, body = await page.ask("GET", "/api/csrf-token")
        token = body["csrfToken"]
        assert (status, body["success"], body["token"], len(token) >= 32) == (200, True, token, True)
        assert (page.headers["Cache-Control"], page.headers["Access-Control-Allow-Origin"]) == ("no-store", PAGE)
        assert (await page.ask("GET", "/api/v1/csrf-token"))[1]["csrfToken"] == token
        _, theirs = await other.ask("GET", "/api/csrf-token")
        assert await upload(page, token) != 403
        assert await upload(page, token, **CROSS) != 403
        assert await upload(page, None, **SAME) != 403
        assert await upload(page, None, Origin=server.url) != 403
        for wrong in (None, "", theirs["csrfToken"], token[:-1], token + "x", "ä"):
            assert await upload(page, wrong) == 403, wrong
        assert await upload(page, token, Origin=STRANGER) == 403
        # What can be read without a cookie proves nothing.
        async with page.http.get(server.url + "/api/csrf-token", headers={"Origin": STRANGER}) as reply:
            assert "Access-Control-Allow-Origin" not in reply.headers
            assert "Access-Control-Allow-Credentials" not in reply.headers


async def test_the_earlier_front_end_makes_a_beat_from_its_own_origin(database_dsn: str, tmp_path: Path) -> None:
    """It asks for a token before each write until it gets one, and sends the cookie alone with a beat."""
    for variables in ({}, SECURED):
        async with dawg.running(database_dsn, tmp_path, **variables) as server, browser(server) as page:
            _, first = await page.ask("GET", "/api/v1/csrf-token")
            kept = {"X-CSRF-Token": first["csrfToken"], "X-User-Id": "user-123"}
            made = await page.sign_in({**ADA, "email": f"{len(variables)}@example.com"}, "register", headers=kept)
            assert (await page.ask("GET", "/api/auth/me", headers={"X-User-Id": "user-123"}))[1]["user"] == made["user"]
            for headers in ({}, kept):
                status, job = await page.ask(
                    "POST", "/api/generate/beat", json={"genre": "pop", "duration": 5}, headers=headers
                )
                assert status == 202, job
                owner = await server.services.platform.database.fetch_value(
                    "SELECT owner_id FROM generations WHERE id = %s", (job["jobId"],)
                )
                assert owner == made["user"]["id"]


async def test_a_cookie_that_is_good_no_more_is_refused_once_and_taken_back(database_dsn: str, tmp_path: Path) -> None:
    for variables, status in (({}, 200), (SECURED, 401)):
        async with dawg.running(database_dsn, tmp_path, **variables) as server, browser(server) as page:
            made = await page.sign_in({**ADA, "email": f"{len(variables)}@example.com"}, "register")
            good = page.session
            everywhere = {"refreshToken": made["refreshToken"], "everywhere": True}
            await server.json("POST", "/api/auth/logout", json=everywhere)
            for bad in (good, "made up", "a.b.c"):
                page.http.cookie_jar.update_cookies({NAME: bad or ""}, response_url=URL(server.url))
                refused, body = await page.ask("GET", "/api/auth/me")
                assert (refused, body["code"]) == (401, "unauthorized")
                assert page.session is None
                assert (await page.ask("GET", "/api/auth/me"))[0] == status  # nobody, or the development user


async def test_a_session_survives_a_restart_and_holds_on_every_replica(database_dsn: str, tmp_path: Path) -> None:
    for variables in ({}, SECURED):
        email = f"{len(variables)}@example.com"
        async with dawg.running(database_dsn, tmp_path / "a", **variables) as server, browser(server) as page:
            made = await page.sign_in({**ADA, "email": email}, "register")
            cookie = {"Cookie": f"{NAME}={page.session}"}
        async with dawg.running(database_dsn, tmp_path / "b", **variables) as server, browser(server) as page:
            assert await page.me(headers=cookie) == made["user"]["id"]
            assert await page.me(headers={"Authorization": f"Bearer {made['token']}"}) == made["user"]["id"]


async def test_in_development_mode_a_token_that_was_one_is_refused_and_what_is_none_is_ignored(
    database_dsn: str, tmp_path: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server, browser(server) as page:
        made = await page.sign_in(ADA, "register", headers={"X-User-Id": "user-123"})

        async def ask(token: str) -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}", "X-User-Id": "bob"}
            status, body = await server.json("GET", "/api/auth/me", headers=headers)
            return status, body["user"]["id"] if status == 200 else body["code"]

        assert await ask(made["token"]) == (200, made["user"]["id"])
        claims = {"sub": made["user"]["id"], "exp": int(time.time()) + 60}
        key = server.services.platform.identity.require_accounts()
        assert await ask(jwt.encode(claims | {"exp": 1}, key, "HS256")) == (401, "token_expired")
        assert await ask(jwt.encode(claims, "x" * 40, "HS256")) == (401, "unauthorized")
        assert await ask(jwt.encode(claims, None, "none")) == (401, "unauthorized")
        assert await ask(made["token"] + "x") == (401, "unauthorized")
        for placeholder in ("null", "undefined", "demo-token", "a.b.c", "e30.e30.e30", "mock.jwt.token", "x" * 9000):
            assert await ask(placeholder) == (200, "bob"), placeholder
        await server.json("POST", "/api/auth/logout", json={"refreshToken": made["refreshToken"]})
        assert await ask(made["token"]) == (401, "unauthorized")


async def test_who_names_nobody_is_the_same_user_on_rest_and_on_sockets(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        socket = await javascript.connect(server.url, auth={"token": "null"})
        beat = {"genre": "pop", "duration": 5}
        for headers in ({}, {"X-User-Id": "user-123"}):
            async with server.http.post(server.url + "/api/generate/beat", json=beat, headers=headers) as reply:
                job = (await reply.json())["jobId"]
            await socket.wait_for("generation:completed", lambda news, job=job: news["jobId"] == job, timeout=60)


async def test_a_socket_is_known_by_the_cookie_and_ends_with_its_login(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    for variables in ({}, SECURED):
        async with dawg.running(database_dsn, tmp_path, **variables) as server, browser(server) as page:
            await page.sign_in({**ADA, "email": f"{len(variables)}@example.com"}, "register")
            sent = {"Cookie": f"{NAME}={page.session}", "Origin": PAGE, "X-User-Id": "user-123"}
            sockets = [
                await javascript.connect(server.url, namespace, transports=[transport], headers=sent, auth=auth)
                for namespace in ("/", "/api", "/ai-brain", "/voice")
                for transport, auth in (("websocket", {}), ("polling", {"token": "null", "userId": "user-123"}))
            ]
            await page.ask("POST", "/api/generate/beat", json={"genre": "pop", "duration": 5})
            for socket in sockets[:4]:
                await socket.wait_for("generation:completed", timeout=60)
            assert await page.ask("POST", "/api/auth/logout", json={}) == (200, {"success": True})
            for socket in sockets:
                assert await socket.wait_disconnected() == "io server disconnect"
            with pytest.raises(ConnectError) as refused:
                await javascript.connect(server.url, headers=sent)
            assert refused.value.data["code"] == "unauthorized"


async def test_a_socket_that_another_page_opens_is_not_known_by_the_cookie(
    server: dawg.Dawg, javascript: JavaScript
) -> None:
    async with browser(server) as page, browser(server) as other:
        mine = (await page.sign_in(ADA, "register"))["user"]["id"]
        eve = await other.sign_in(EVE, "register")
        cookie = {"Cookie": f"{NAME}={page.session}"}
        for transport in ("websocket", "polling"):
            for origin in (STRANGER, "null", PAGE + ".evil.example"):
                with pytest.raises(ConnectError):
                    await javascript.connect(server.url, transports=[transport], headers=cookie | {"Origin": origin})
        with pytest.raises(ConnectError) as refused:  # browsers always say where a websocket comes from
            await javascript.connect(server.url, transports=["websocket"], headers=cookie)
        assert refused.value.data["code"] == "csrf_failed"
        # A poll of our own origin does not; a page elsewhere cannot read its answer.
        await javascript.connect(server.url, transports=["polling"], headers=cookie)
        sent = cookie | {"Origin": PAGE}
        socket = await javascript.connect(server.url, headers=sent, auth={"token": eve["token"]})
        known = {client.session["caller"].user_id for client in server.sockets.manager.clients.values()}
        assert known == {mine, eve["user"]["id"]}
        await page.ask("POST", "/api/auth/logout", json={})
        assert socket.disconnected is None


async def test_two_tabs_that_refresh_at_once_share_one_session(server: dawg.Dawg) -> None:
    async with browser(server) as page:
        made = await page.sign_in(ADA, "register")
        spent = {"refreshToken": made["refreshToken"]}
        replies = await asyncio.gather(*(page.sign_in(spent, "refresh") for _ in range(4)))
        assert len({each["refreshToken"] for each in replies}) == 1
        assert await page.me() == made["user"]["id"]
        await page.ask("POST", "/api/auth/logout", json={})
        assert (await page.ask("POST", "/api/auth/refresh", json=spent))[0] == 401


async def test_refreshing_and_signing_out_have_limits_of_their_own(database_dsn: str, tmp_path: Path) -> None:
    few = {"JWT_SECRET": SECRET, "REQUESTS_PER_MINUTE": "40"}
    async with dawg.running(database_dsn, tmp_path, **few) as server, browser(server) as page:
        made = await page.sign_in(ADA, "register")
        for _ in range(9):
            assert (await page.ask("POST", "/api/auth/login", json=EVE))[0] == 401
        assert (await page.ask("POST", "/api/auth/login", json=ADA))[0] == 429
        for _ in range(15):
            made = await page.sign_in({"refreshToken": made["refreshToken"]}, "refresh")
            assert (await server.json("POST", "/api/auth/logout", json={"refreshToken": "x"}))[0] == 200
        statuses = [(await page.ask("POST", "/api/auth/refresh", json={"refreshToken": "x"}))[0] for _ in range(30)]
        assert statuses == [401] * 25 + [429] * 5


async def test_both_documents_say_how_to_sign_in(server: dawg.Dawg) -> None:
    _, rest = await server.json("GET", "/openapi.json")
    _, sockets = await server.json("GET", "/asyncapi.json")
    for document in (rest, sockets):
        schemes = document["components"]["securitySchemes"]
        assert schemes["cookie"].items() >= {"name": NAME, "in": "cookie"}.items()
        assert schemes["token"]["scheme"] == "bearer"
    assert rest["paths"]["/api/projects"]["post"]["security"] == [{"token": []}, {"cookie": []}]
    assert rest["paths"]["/api/csrf-token"]["get"]["security"] == []
