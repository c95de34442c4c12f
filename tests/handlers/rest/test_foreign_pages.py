"""Every address and method answers a page of another origin so that it can read the answer, whatever that is."""

from __future__ import annotations

import asyncio
import io
import itertools
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from handlers.rest import application
from tests.servers import dawg

PAGE = "https://dawg-ai.com"
ID = "00000000-0000-0000-0000-000000000000"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
PLACES = (
    "",
    "/api",
    "/api/v1",
    "/api/v2",
    "/api/generate",
    "/api/projects",
    "/docs",
    "/static",
    "/socket.io",
    "/health",
)
WORDS = ("nothing", "undefined", "null", "../..", "%00", "%2e%2e%2f", "a b", "é", "index.php", ".env", "x" * 200)


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    variables = {"REQUESTS_PER_MINUTE": "100000", "AUTH_REQUESTS_PER_MINUTE": "100000", "JOBS_PER_MINUTE": "100000"}
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0", **variables) as running:
        yield running


def known() -> Iterator[tuple[str, str]]:
    paths = {re.sub(r"{\w+}", ID, path) for route in application.routes() for path in route.paths}
    paths |= {
        "/socket.io/",
        "/socket.io/?EIO=4&transport=polling",
        "/socket.io/?EIO=4&transport=polling&sid=x",
        "/static/x",
    }
    yield from itertools.product(METHODS, sorted(paths))


def unknown() -> Iterator[tuple[str, str]]:
    paths = [f"{place}/{word}" for place, word in itertools.product(PLACES, WORDS)]
    yield from itertools.product(("GET", "POST", "DELETE"), paths)


async def assert_readable(server: dawg.Dawg, calls: list[tuple[str, str]]) -> dict[int, int]:
    """How often each status was answered."""
    statuses: dict[int, int] = {}
    waiting = iter(calls)

    async def ask() -> None:
        for method, path in waiting:
            head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: {PAGE}\r\nConnection: close\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
            writer.write(f"{head}Content-Length: 0\r\n\r\n".encode())
            answer = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode().lower()
            writer.close()
            status = int(answer.split()[1])
            statuses[status] = statuses.get(status, 0) + 1
            assert f"access-control-allow-origin: {PAGE}\r\n" in answer, (method, path, status)
            assert "access-control-allow-credentials: true\r\n" in answer, (method, path, status)
            assert "x-request-id: " in answer or path.startswith("/socket.io"), (method, path, status)
            assert status < 500 or status in (501, 503), (method, path, status)

    await asyncio.gather(*(ask() for _ in range(8)))
    return statuses


async def test_every_path_with_every_method_can_be_read(server: dawg.Dawg) -> None:
    statuses = await assert_readable(server, list(known()))
    assert {200, 400, 404, 405} <= statuses.keys()


async def test_what_does_not_exist_can_be_read_not_to_exist(server: dawg.Dawg) -> None:
    calls = list(unknown())
    assert len(calls) >= 300
    statuses = await assert_readable(server, calls)
    assert statuses[404] > 200


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "eA==",
}
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "size", "status"),
    [
        ("POST", "/api/projects", JSON, 1_100_000, 413),
        ("POST", "/api/auth/login", JSON, 1_100_000, 413),
        ("POST", "/socket.io/?EIO=4&transport=polling&sid=x", {}, 2, 400),
        ("GET", "/socket.io/?EIO=3&transport=polling", {}, 0, 400),
        ("GET", "/socket.io/?EIO=4&transport=websocket&sid=x", UPGRADE, 0, 400),
        ("GET", "/api/projects", UPGRADE, 0, 200),
        ("GET", "/nothing", UPGRADE, 0, 404),
    ],
)
async def test_refusals_on_the_way_in_can_be_read(
    server: dawg.Dawg, method: str, path: str, headers: dict[str, str], size: int, status: int
) -> None:
    """By a page that sends too much, or asks for a websocket where there is none. `size`: bytes of the body."""
    body = io.BytesIO(b"x" * size) if size else None
    async with server.http.request(method, server.url + path, headers={"Origin": PAGE, **headers}, data=body) as reply:
        assert reply.status == status
        assert reply.headers.getall("Access-Control-Allow-Origin") == [PAGE]
