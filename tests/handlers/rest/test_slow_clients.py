"""Connections that say nothing, or stop in the middle, end; slow ones are served."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from handlers.rest import server as http_server
from tests.archives import packages
from tests.servers import dawg

HEAD = b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = b'{"name": "Slow"}'


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


async def said(server: dawg.Dawg, *parts: bytes, pause: float = 0.0) -> bytes:
    """Everything that the server answers to these, until it closes the connection."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "parts", [(), (b"GET /health HTT",), (HEAD,), (b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /he")]
)
async def test_a_head_that_does_not_come_is_not_awaited(
    server: dawg.Dawg, monkeypatch: pytest.MonkeyPatch, parts: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.3)
    answers = await said(server, *parts, pause=0.1)
    assert answers.count(b"HTTP/1.1") == (len(parts) == 2)


async def test_work_on_a_large_body_may_take_longer_than_a_head(
    server: dawg.Dawg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp stops to read large bodies now and then, and feeds its parser nothing when it goes on."""
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.3)
    body = packages.made(packages.song()) + b"0" * 2**22  # no zip any more, which a worker finds out
    form = aiohttp.FormData({"file": io.BytesIO(body)})
    status, reply = await server.json("POST", "/api/projects/import", data=form)
    assert (status, reply["code"]) == (400, "invalid_archive")


async def test_a_body_that_pauses_is_given_up_and_one_that_is_slow_is_read(
    server: dawg.Dawg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "BODY_PAUSE", 0.5)
    length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY)
    answer = await said(server, HEAD + length + BODY[:5])
    assert answer.startswith(b"HTTP/1.1 400")
    slowly = [BODY[at : at + 2] for at in range(0, len(BODY), 2)]
    assert (await said(server, HEAD + length, *slowly, pause=0.1)).startswith(b"HTTP/1.1 201")
