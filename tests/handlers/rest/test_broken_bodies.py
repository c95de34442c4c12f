"""Bodies that end too early, are not what they say, or are nested absurdly: 400 everywhere, and no trace in the log."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handlers.rest import application
from handlers.rest.routes import Route
from tests.javascript.client import JavaScript
from tests.servers import dawg

ID = "00000000-0000-0000-0000-000000000000"
DEEP = b'{"name": "x", "settings": ' + b'{"a":' * 260 + b"1" + b"}" * 260 + b"}"
WHOLE = b'{"name": "x"}'


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(
        database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", AUTH_REQUESTS_PER_MINUTE="100000"
    ) as running:
        yield running


def routes() -> list[Route]:
    return [each for each in application.routes() if each.body or each.multipart]


async def answered(server: dawg.Dawg, method: str, path: str, body: bytes, *, half: bool = False, **more: str) -> bytes:
    """The whole reply. `half`: more is announced than comes, and the client says that this was all."""
    headers = {"Host": "localhost", "Connection": "close", "Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in more.items()
    }
    headers["Content-Length"] = str(len(body) + 100 * half)
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(head.encode() + b"\r\n" + body)
    if half:
        writer.write_eof()
    reply = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return reply


def assert_calm(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> str:
    """What has been logged by the server: no error and no trace of one. Libraries' lines are in `caplog`."""
    written = capsys.readouterr().out
    assert "[error" not in written
    assert "Traceback" not in written
    assert not [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR or each.exc_info]
    return written


async def test_no_route_breaks_on_a_broken_body(
    server: dawg.Dawg, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    multipart = {"Content_Type": "multipart/form-data; boundary=abc"}
    part = b'--abc\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\nRIFF'
    for route in routes():
        path = re.sub(r"{\w+}", ID, route.paths[0])
        outcomes = {}
        if route.body:
            outcomes["half"] = await answered(server, route.method, path, b'{"name": "x', half=True)
            outcomes["truncated"] = await answered(server, route.method, path, b'{"name": "x')
            outcomes["no gzip"] = await answered(server, route.method, path, WHOLE, Content_Encoding="gzip")
            broken = gzip.compress(WHOLE)[:10] + b"\xff" * 20
            outcomes["bad gzip"] = await answered(server, route.method, path, broken, Content_Encoding="gzip")
            whole = gzip.compress(WHOLE)
            for left in (1, 4, 6, 8, 12):
                cut = whole[:-left]
                outcomes[f"gzip without {left}"] = await answered(
                    server, route.method, path, cut, Content_Encoding="gzip"
                )
            cut = zlib.compress(WHOLE)[:-2]
            outcomes["half deflate"] = await answered(server, route.method, path, cut, Content_Encoding="deflate")
            outcomes["deep"] = await answered(server, route.method, path, DEEP)
            outcomes["deep, once"] = await answered(server, route.method, path, DEEP, Idempotency_Key="a")
        if route.multipart:
            outcomes["half upload"] = await answered(server, route.method, path, part, half=True, **multipart)
        for kind, reply in outcomes.items():
            assert reply.startswith(b"HTTP/1.1 400 "), (route.method, path, kind, reply)
            assert b'"success":false' in reply, (route.method, path, kind, reply)
    assert_calm(capsys, caplog)


async def test_a_client_that_goes_in_the_middle_of_its_body_leaves_a_calm_line(
    server: dawg.Dawg, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for body in (b'{"name": "x', b"x" * 500_000):
        _, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
        head = b"POST /api/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n"
        writer.write(head + body)
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.transport.abort()
    written = ""
    async with asyncio.timeout(10):
        while written.count("POST /api/projects was answered with 400") < 2:
            await asyncio.sleep(0.05)
            written += assert_calm(capsys, caplog)


async def test_a_socket_payload_that_is_nested_absurdly_is_refused(server: dawg.Dawg, javascript: JavaScript) -> None:
    deep: object = 1
    for _ in range(260):
        deep = {"a": deep}
    for namespace, event in (("/", "track:update"), ("/", "cursor:move"), ("/ai-brain", "message"), ("/", "no:such")):
        browser = await javascript.connect(server.url, namespace=namespace, auth={"userId": "ada"})
        ack = await browser.emit_ack(event, {"projectId": ID, "changes": deep, "message": deep})
        assert (ack["success"], ack["code"]) == (False, "validation_error"), event
        assert "levels deep" in ack["error"]
        assert browser.disconnected is None


async def test_a_body_is_unpacked_or_its_encoding_refused(server: dawg.Dawg) -> None:
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(WHOLE),
        "GZIP": gzip.compress(WHOLE[:5]) + gzip.compress(WHOLE[5:]),
        "x-gzip": gzip.compress(WHOLE),
        "deflate": zlib.compress(WHOLE),
        "Deflate": raw.compress(WHOLE) + raw.flush(),
        "identity": WHOLE,
    }
    for encoding, body in packed.items():
        reply = await answered(server, "POST", "/api/projects", body, Content_Encoding=encoding)
        assert reply.startswith(b"HTTP/1.1 201 "), (encoding, reply)
    bomb = gzip.compress(b" " * 2**21 + WHOLE)
    assert b" 413 " in await answered(server, "POST", "/api/projects", bomb, Content_Encoding="gzip")
    for encoding in ("foo", "br", "zstd", "gzip, gzip", "compress"):
        for route in routes():
            path = re.sub(r"{\w+}", ID, route.paths[0])
            more = {} if route.body else {"Content_Type": "multipart/form-data; boundary=abc"}
            reply = await answered(server, route.method, path, WHOLE, Content_Encoding=encoding, **more)
            assert reply.startswith(b"HTTP/1.1 415 "), (encoding, route.path, reply)
            assert b'"unsupported_media_type"' in reply
            assert b'"supported":[' in reply
    poll = "/socket.io/?EIO=4&transport=polling"
    for encoding, body, status in (
        ("gzip", gzip.compress(b"3"), b" 200 "),
        ("gzip", gzip.compress(b"3")[:-6], b" 400 "),
        ("foo", b"3", b" 400 "),
    ):
        async with server.http.get(server.url + poll) as opened:
            sid = (await opened.text()).split('"sid":"')[1].split('"')[0]
        reply = await answered(server, "POST", f"{poll}&sid={sid}", body, Content_Encoding=encoding)
        assert status in reply, (encoding, reply)
