"""Which pages may call, and that every answer says so, whatever went wrong on the way to it."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import socketio

from tests.servers import dawg
from tests.servers.valkey import Valkey

PAGE = "https://dawg-ai.com"
STRANGER = "https://evil.example"


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


async def shake_hands(url: str, **headers: str) -> int:
    """The status of a Socket.IO handshake."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{url}/socket.io/?EIO=4&transport=polling", headers=headers) as reply,
    ):
        return reply.status


async def allowed(url: str, **headers: str) -> str | None:
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as reply:
        return reply.headers.get("Access-Control-Allow-Origin")


async def raw(server: dawg.Dawg, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """(status, headers in lower case, body) of what is no proper request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(request)
    await writer.drain()
    reply = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize("origin", [PAGE, STRANGER])
@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/health", {}, 200),
        ("GET", "/metrics", {}, 200),
        ("GET", "/docs", {}, 200),
        ("GET", "/docs/files/start.js", {}, 200),
        ("GET", "/docs/files/nothing.js", {}, 404),
        ("GET", "/nothing/at/all", {}, 404),
        ("DELETE", "/nothing", {}, 404),
        ("PUT", "/api/generate/beat", {}, 405),
        ("TRACE", "/api/generate/beat", {}, 405),
        ("POST", "/docs", {}, 405),
        ("POST", "/api/generate/beat", {"data": 1_100_000}, 413),
        ("PUT", "/socket.io/?EIO=4", {}, 400),
        ("GET", "/socket.io/?EIO=4&transport=polling&sid=unknown", {}, 400),
    ],
)
async def test_every_answer_says_which_page_may_read_it(
    server: dawg.Dawg, method: str, path: str, options: dict[str, int], status: int, origin: str
) -> None:
    data = io.BytesIO(b" " * options["data"]) if options else None
    async with server.http.request(method, server.url + path, headers={"Origin": origin}, data=data) as reply:
        assert reply.status == status
        assert reply.headers.get("Access-Control-Allow-Origin") == (origin if origin == PAGE else None)
        assert (reply.headers.get("Access-Control-Allow-Credentials") == "true") is (origin == PAGE)
        assert ", ".join(reply.headers.getall("Vary")).count("Origin") == 1


@pytest.mark.parametrize(
    ("request_line", "more", "status", "code"),
    [
        ("GET / HTTP/9.9", "", 400, "malformed_request"),
        ("nonsense", "", 400, "malformed_request"),
        ("GET /health HTTP/1.1", "Content-Length: many\r\n", 400, "malformed_request"),
        ("GET /health HTTP/1.1", "X-Long: " + "x" * 20_000 + "\r\n", 431, "headers_too_large"),
        (f"GET /{'x' * 20_000} HTTP/1.1", "", 414, "uri_too_long"),
    ],
)
async def test_what_is_no_request_is_refused_in_the_same_words_and_logged_calmly(
    server: dawg.Dawg,
    caplog: pytest.LogCaptureFixture,
    request_line: str,
    more: str,
    status: int,
    code: str,
) -> None:
    request = f"{request_line}\r\nHost: dawg.example\r\nOrigin: {PAGE}\r\n{more}\r\n".encode()
    given, headers, body = await raw(server, request)
    assert (given, headers["access-control-allow-origin"]) == (status, PAGE)
    assert headers["content-type"].startswith("application/json")
    assert f'"code":"{code}"'.encode() in body
    assert headers["x-request-id"].encode() in body
    assert not [each for each in caplog.records if each.levelname in ("WARNING", "ERROR") or each.exc_info]


@pytest.mark.parametrize("host", ["[::1", "a b", "x:y:z", "", "é"])
async def test_a_strange_host_harms_nobody(server: dawg.Dawg, host: str) -> None:
    for path in ("/health", "/api/generate/genres", "/socket.io/?EIO=4&transport=polling"):
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\r\n"
        status, _, _ = await raw(server, request.encode())
        assert status in (200, 400, 403)


async def test_preflights_of_listed_pages_pass_everywhere_and_those_of_others_do_not(server: dawg.Dawg) -> None:
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "content-type, x-user-id"}
    for path in ("/api/projects/x", "/nothing", "/metrics", "/docs", "/docs/files/start.css"):
        async with server.http.options(server.url + path, headers={"Origin": PAGE, **asked}) as reply:
            assert reply.status == 200
            assert "PATCH" in reply.headers["Access-Control-Allow-Methods"]
            assert "X-User-Id" in reply.headers["Access-Control-Allow-Headers"]
            assert reply.headers["Access-Control-Max-Age"] == "3600"
        async with server.http.options(server.url + path, headers={"Origin": STRANGER, **asked}) as reply:
            assert (reply.status, (await reply.json())["code"]) == (403, "forbidden")
            assert [name for name in reply.headers if name.startswith("Access-Control")] == []
    async with server.http.options(server.url + "/health") as reply:
        assert reply.status == 405


async def test_the_servers_own_origin_may_always_call(server: dawg.Dawg) -> None:
    for own in (server.url, server.url.replace("127.0.0.1", "localhost")):
        host = own.removeprefix("http://")
        assert await shake_hands(server.url, Host=host, Origin=own) == 200
        assert await allowed(server.url + "/health", Host=host, Origin=own) == own
    for other in (server.url.replace("http:", "https:"), server.url + "1", "http://127.0.0.1", "null"):
        assert await shake_hands(server.url, Origin=other) == 400
        assert await allowed(server.url + "/health", Origin=other) is None
    # What a proxy would say is not believed where none is expected.
    told = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Origin": STRANGER}
    assert await shake_hands(server.url, **told) == 400
    assert await allowed(server.url + "/health", **told) is None


async def test_the_default_port_may_be_written_or_not(server: dawg.Dawg) -> None:
    assert await allowed(server.url + "/health", Host="Dawg.LocalHost:80", Origin="http://dawg.localhost") is not None


async def test_a_listed_page_may_call_however_its_origin_is_written(database_dsn: str, tmp_path: Path) -> None:
    listed = "HTTPS://B.Example:443/,https://*.Pages.example:443,http://c.example:80"
    pages = ("https://b.example", "https://a.pages.example", "http://c.example")
    async with dawg.running(database_dsn, tmp_path, CORS_ORIGINS=listed) as server:
        assert [await allowed(server.url + "/health", Origin=page) for page in pages] == list(pages)


async def test_the_synchronous_python_client_connects(server: dawg.Dawg) -> None:
    """It sends the server's own address as the origin of its websockets."""
    for transports in (["websocket"], ["polling"], ["polling", "websocket"]):
        client = socketio.Client()
        await asyncio.to_thread(client.connect, server.url, transports=transports, auth={"userId": "ada"})
        assert client.connected
        await asyncio.to_thread(client.disconnect)


async def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_was_called_by(
    database_dsn: str, tmp_path: Path
) -> None:
    told = {"X-Forwarded-Host": "api.localhost", "X-Forwarded-Proto": "https"}
    async with dawg.running(database_dsn, tmp_path, TRUST_PROXY="true") as server:
        own = "https://api.localhost"
        assert await shake_hands(server.url, Origin=own, **told) == 200
        assert await allowed(server.url + "/health", Origin=own, **told) == own
        # A proxy that keeps the host and only ends TLS.
        kept = {"Host": "api.localhost", "X-Forwarded-Proto": "https"}
        assert await shake_hands(server.url, Origin=own, **kept) == 200
        assert await shake_hands(server.url, Origin=STRANGER, **told) == 400
        _, project = await server.json("POST", "/api/projects", json={"name": "One"})
        assert project["success"]
        async with server.http.get(server.url + "/health", headers=told) as reply:
            assert "max-age" in reply.headers["Strict-Transport-Security"]


async def test_the_public_address_is_an_own_origin(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, PUBLIC_URL="https://dawg.example/") as server:
        assert await shake_hands(server.url, Origin="https://dawg.example") == 200
        assert await allowed(server.url + "/health", Origin="https://dawg.example") == "https://dawg.example"


async def test_patterns_stand_for_one_label_and_nothing_else(database_dsn: str, tmp_path: Path) -> None:
    listed = "https://deploy-preview-*--dawg.netlify.app,http://*.pages.example:8080,https://dawg.example"
    async with dawg.running(database_dsn, tmp_path, CORS_ORIGINS=listed) as server:
        for page in (
            "https://deploy-preview-7--dawg.netlify.app",
            "http://a-b.pages.example:8080",
            "https://dawg.example",
        ):
            assert await shake_hands(server.url, Origin=page) == 200, page
            assert await allowed(server.url + "/nothing", Origin=page) == page
        for page in (
            "https://deploy-preview---dawg.netlify.app",
            "https://deploy-preview-7--dawg.netlify.app:444",
            "https://deploy-preview-7--dawg.netlify.app.evil.example",
            "https://deploy-preview-evil.example/--dawg.netlify.app",
            "https://deploy-preview-x.evil--dawg.netlify.app",
            "https://deploy-preview-7--dawgxnetlify.app",
            "http://deploy-preview-7--dawg.netlify.app",
            "http://.pages.example:8080",
            "http://pages.example:8080",
            "http://a.b.pages.example:8080",
            "http://user@a.pages.example:8080",
            "http://a.pages.example",
            "https://x.dawg.example",
            "https://deploy-preview-*--dawg.netlify.app.",
        ):
            assert await shake_hands(server.url, Origin=page) == 400, page
            assert await allowed(server.url + "/nothing", Origin=page) is None, page


async def test_the_names_of_this_machine_are_one_in_development_mode_alone(database_dsn: str, tmp_path: Path) -> None:
    names = ("localhost", "127.0.0.1", "[::1]")
    for variables, alike in (({}, True), ({"JWT_SECRET": "s" * 64}, False)):
        async with dawg.running(database_dsn, tmp_path / str(alike), **variables) as server:
            port = server.url.rpartition(":")[2]
            for name in names:
                pages = {
                    f"http://{name}:5173": alike or name == "localhost",
                    f"http://{name}:{port}": alike or name == "127.0.0.1",
                    f"http://{name}:5175": False,
                    f"https://{name}:5173": False,
                    f"http://{name}.evil.example:5173": False,
                }
                for page, welcome in pages.items():
                    assert await shake_hands(server.url, Origin=page) == (200 if welcome else 400), page
                    assert await allowed(server.url + "/nothing", Origin=page) == (page if welcome else None), page


async def test_the_own_origin_holds_for_sessions_of_other_replicas(
    database_dsn: str, tmp_path: Path, valkey: Valkey
) -> None:
    """A forwarded poll or upgrade arrives under the address of a replica; the browser used that of the balancer."""
    options = {"REDIS_URL": valkey.url, "WEBSOCKET_REDIS_ADAPTER": "true"}
    ports = [str(dawg.free_port()) for _ in range(2)]
    async with (
        dawg.running(database_dsn, tmp_path / "a", PORT=ports[0], **options) as home,
        dawg.running(database_dsn, tmp_path / "b", PORT=ports[1], **options) as other,
    ):
        headers = {"Host": "dawg.localhost", "Origin": "http://dawg.localhost"}
        query = "/socket.io/?EIO=4&transport=polling"
        async with home.http.get(home.url + query, headers=headers) as reply:
            sid = (await reply.text()).split('"sid":"')[1].split('"')[0]
        async with other.http.post(f"{other.url}{query}&sid={sid}", headers=headers, data="40") as reply:
            assert reply.status == 200
            assert reply.headers.getall("Access-Control-Allow-Origin") == ["http://dawg.localhost"]


LOCAL = (
    "localhost",
    "localhost:3001",
    "LOCALHOST",
    "app.localhost",
    "localhost.",
    "127.0.0.1:1",
    "127.0.0.2",
    "[::1]:3001",
)
NETWORK = ("192.168.1.7:3001", "[fd00::1]:3001", "studio.local:3001", f"{socket.gethostname()}:3001")
FOREIGN = (
    "evil.example:3001",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "local",
    "evillocalhost",
    "a b",
    "[::1",
)


@pytest.mark.parametrize(
    ("variables", "own", "foreign"),
    [
        ({}, LOCAL, (*FOREIGN, *NETWORK)),
        ({"ALLOW_DEVELOPMENT_MODE": "true"}, LOCAL + NETWORK, FOREIGN),
        ({"PUBLIC_URL": "https://dawg.example/"}, (*LOCAL, "dawg.example"), (*FOREIGN, "x.dawg.example")),
        ({"REPLICA_URL": "http://one.internal:3001"}, (*LOCAL, "one.internal:3001"), (*FOREIGN, "two.internal")),
        ({"RAILWAY_PUBLIC_DOMAIN": "dawg.up.example"}, (*LOCAL, "dawg.up.example"), FOREIGN),
        ({"CORS_ORIGINS": STRANGER}, LOCAL, (*FOREIGN, "evil.example")),
        ({"JWT_SECRET": "s" * 64}, (*LOCAL, *NETWORK, "evil.example"), ()),
    ],
)
async def test_where_callers_are_believed_no_page_can_pass_for_one_of_the_servers_own(
    database_dsn: str, tmp_path: Path, variables: dict[str, str], own: tuple[str, ...], foreign: tuple[str, ...]
) -> None:
    """A name that leads to this machine, but is not its own (DNS rebinding)."""
    sockets = "/socket.io/?EIO=4&transport=polling"
    async with dawg.running(database_dsn, tmp_path, **variables) as server:

        async def ask(method: str, path: str, host: str, more: str = "") -> tuple[int, dict[str, str], bytes]:
            head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host.lower()}\r\nContent-Length: 2\r\n{more}"
            return await raw(server, f"{head}Content-Type: application/json\r\nConnection: close\r\n\r\n{{}}".encode())

        for host in own:
            assert (await ask("GET", "/api/generate/genres", host))[0] in (200, 401), host
            assert (await ask("GET", sockets, host))[0] == 200, host
        for host in foreign:
            for method, path in (
                ("POST", "/api/projects"),
                ("GET", "/"),
                ("GET", "/docs"),
                ("GET", "/healthy"),
                ("GET", sockets),
                ("GET", sockets.replace("polling", "websocket")),
                ("OPTIONS", sockets),
            ):
                status, headers, body = await ask(method, path, host)
                assert (status, json.loads(body)["code"]) == (403, "forbidden"), (host, path)
                assert b"PUBLIC_URL" in body
                assert [name for name in headers if name.startswith("access-control")] == []
            for path in ("/health", "/health/live", "/health/ready"):
                status, headers, _ = await ask("GET", path, host)
                assert status == 200
                assert "access-control-allow-origin" not in headers
        if foreign and "RAILWAY_PUBLIC_DOMAIN" not in variables:
            status, _, _ = await ask("GET", sockets, "evil.example", "X-Forwarded-Host: localhost\r\n")
            assert status == 403


async def test_what_a_proxy_was_called_by_has_to_be_an_own_name_too(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, TRUST_PROXY="true") as server:
        for told, status in (("localhost:3001", 200), ("evil.example", 403)):
            assert await shake_hands(server.url, **{"X-Forwarded-Host": told}) == status
            assert await shake_hands(server.url, **{"X-Forwarded-Host": "localhost", "Host": told}) == status
