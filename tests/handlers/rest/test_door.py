"""What is told to whoever does not get in: limits, ranges, broken requests; and that leaving early harms nobody."""

from __future__ import annotations

import asyncio
import datetime
import io
import json
import logging
import socket
import struct
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dawg_server import errors
from tests.handlers.rest import recordings
from tests.servers import dawg

PAGE = "https://dawg-ai.com"
WAV = recordings.wav(0.5)


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(
        database_dsn, tmp_path, JOB_CONCURRENCY="0", JOBS_WAITING_PER_USER="1", JOBS_PER_MINUTE="3"
    ) as running:
        yield running


async def calm_log(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, *, answers: int = 0) -> str:
    """The server's log once it tells of so many answers; it has no error and no trace of one."""
    written = ""
    async with asyncio.timeout(10):
        while (written := written + capsys.readouterr().out).count("was answered with") < answers:
            await asyncio.sleep(0.05)
    for level in ("[error", "[warning", "Traceback"):
        assert level not in written, written
    assert not [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING or each.exc_info]
    return written


def assert_told(headers: Mapping[str, str], body: Mapping[str, Any], limit: float) -> None:
    """The limit, in the headers and in the body alike."""
    assert float(headers["X-RateLimit-Limit"]) == limit == body["details"]["limit"]
    assert headers["X-RateLimit-Remaining"] == "0"
    resets_at = datetime.datetime.fromisoformat(body["details"]["resetsAt"])
    assert body["details"]["resetsAt"].endswith("Z")
    assert 0 <= int(headers["X-RateLimit-Reset"]) - resets_at.timestamp() < 3
    assert abs(resets_at.timestamp() - time.time() - int(headers["Retry-After"])) < 3


async def test_a_limit_that_is_reached_is_told_whichever_it_is(server: dawg.Dawg) -> None:
    async def begin(user: str) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        headers = server.as_user(user)
        async with server.http.post(
            f"{server.url}/api/generate/beat", json={"genre": "pop", "provider": "embedded"}, headers=headers
        ) as reply:
            return reply.status, reply.headers, await reply.json()

    assert (await begin("ada"))[0] == 202
    status, headers, body = await begin("ada")
    assert (status, body["code"]) == (429, "queue_full")
    assert_told(headers, body, 1)
    for _ in range(2):
        status, headers, body = await begin("ada")
    assert (status, body["code"]) == (429, "rate_limited")
    assert_told(headers, body, 3)


async def test_a_budget_that_is_used_up_is_told_like_every_limit(database_dsn: str, tmp_path: Path) -> None:
    variables = {"REPLICATE_API_KEY": "r8_none", "REPLICATE_BASE_URL": "http://127.0.0.1:9"}
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0", **variables) as server:
        budget = {"dailyLimit": 0.000001, "pauseOnExceed": True}
        assert (await server.json("PUT", "/api/cost-monitoring/budget", json=budget))[0] == 200
        async with server.http.post(
            f"{server.url}/api/generate/beat",
            json={"genre": "pop", "provider": "replicate"},
            headers=server.as_user("ada"),
        ) as reply:
            body = await reply.json()
            assert (reply.status, body["code"]) == (429, "budget_exceeded"), body
            assert_told(reply.headers, body, 0.000001)


async def test_those_who_sign_in_too_often_are_told_when_they_may_again(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, AUTH_REQUESTS_PER_MINUTE="1", REQUESTS_PER_MINUTE="1") as server:
        wanted = {"email": "ada@example.com", "password": "difference-engine"}
        for method, path, options in (
            ("POST", "/api/auth/login", {"json": wanted}),
            ("GET", "/api/generate/genres", {}),
        ):
            for _ in range(2):
                async with server.http.request(method, server.url + path, **options) as reply:  # type: ignore[arg-type]
                    body = await reply.json()
            assert (reply.status, body["code"]) == (429, "rate_limited")
            assert_told(reply.headers, body, 1)


@pytest.mark.parametrize("word", ["lyrics-of-nobody", "feed", "beat", "x", "123", "dead-beef", "a%2Fb", "é"])
async def test_words_under_generate_that_are_no_job_are_unknown(server: dawg.Dawg, word: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        if (method, word) == ("POST", "beat"):
            continue
        status, body = await server.json(method, f"/api/v1/generate/{word}")
        known = word == "beat"
        assert (status, body["code"]) == ((405, "method_not_allowed") if known else (404, "not_found")), (method, word)
    job = "00000000-0000-0000-0000-000000000000"
    assert (await server.json("DELETE", f"/api/generate/{job}"))[1]["details"] == {"kind": "job"}


async def sent(server: dawg.Dawg, *pieces: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """(status, headers in lower case, body) of the first answer to bytes that arrive one piece after another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05 * (len(pieces) > 1))
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await asyncio.wait_for(reader.readexactly(int(headers["content-length"])), 10)
        return int(first.split()[1]), headers, json.loads(body)
    finally:
        writer.close()


HEAD = f"Host: localhost\r\nOrigin: {PAGE}\r\n".encode()
JSON = b"Content-Type: application/json\r\n"
BROKEN: dict[str, tuple[tuple[bytes, ...], int]] = {
    "no colon": ((b"GET /health HTTP/1.1\r\n" + HEAD + b"nonsense\r\n\r\n",), 400),
    "blank before the colon": ((b"GET /health HTTP/1.1\r\n" + HEAD + b"X : y\r\n\r\n",), 400),
    "a null in a header": ((b"GET /health HTTP/1.1\r\n" + HEAD + b"X: a\0b\r\n\r\n",), 400),
    "two lengths": (
        (b"POST /api/projects HTTP/1.1\r\n" + HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",),
        400,
    ),
    "a negative length": ((b"POST /api/projects HTTP/1.1\r\n" + HEAD + b"Content-Length: -1\r\n\r\n",), 400),
    "length and chunks": (
        (
            b"POST /api/projects HTTP/1.1\r\n"
            + HEAD
            + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        400,
    ),
    "unknown coding": ((b"POST /api/projects HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: secret\r\n\r\n",), 400),
    "chunks of no size": (
        (b"POST /api/projects HTTP/1.1\r\n" + HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",),
        400,
    ),
    "the origin came before": ((b"GET /health HTTP/1.1\r\n" + HEAD, b"X : y\r\n", b"\r\n"), 400),
    "header by header": ((b"GET /health HTTP/1.1\r\n", HEAD, b"A: b\r\n", b"X : y\r\n\r\n"), 400),
    "a header too long, in pieces": (
        (b"GET /health HTTP/1.1\r\n" + HEAD, *[b"X: " + b"x" * 9000, b"x" * 9000, b"\r\n\r\n"]),
        431,
    ),
    "an origin behind long headers": (
        (
            b"GET /health HTTP/1.1\r\nHost: localhost\r\n",
            *(b"X%d: " % number + b"x" * 15_000 + b"\r\n" for number in range(8)),
            b"X: " + b"x" * 30_000 + b"\r\n",
            b"Y: " + b"x" * 30_000 + b"\r\n" + HEAD[:40],
            HEAD[40:] + b"\r\n",
        ),
        431,
    ),
    "an origin behind a long target": (
        (b"GET /" + b"x" * 40_000, b"x" * 40_000, b" HTTP/1.1\r\n", HEAD, b"\r\n"),
        414,
    ),
    "an origin behind what is no header": ((b"GET /health HTTP/1.1\r\nX : y\r\n", HEAD, b"\r\n"), 400),
    "an origin that is followed by nothing": ((b"GET /health HTTP/1.1\r\nX : y\r\n", HEAD), 400),
    "a target with a blank": ((b"GET /a b HTTP/1.1\r\n" + HEAD + b"\r\n",), 400),
    "another protocol's preface": ((b"PRI * HTTP/2.0\r\n" + HEAD + b"\r\nSM\r\n\r\n",), 400),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_what_is_no_proper_request_is_answered_in_the_envelope_readable_for_the_page_that_sent_it(
    server: dawg.Dawg, kind: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    pieces, expected = BROKEN[kind]
    status, headers, body = await sent(server, *pieces)
    assert (status, body["success"]) == (expected, False), body
    assert body["requestId"] == headers["x-request-id"]
    assert headers.get("access-control-allow-origin") == PAGE
    await calm_log(capsys, caplog)


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n\r\n\0\0\0", b"\xff" * 100 + b"\r\n\r\n"]
)
async def test_what_is_no_http_at_all_is_refused_calmly(
    server: dawg.Dawg, data: bytes, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A browser that expects TLS here, or a scanner of ports."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(data)
    writer.write_eof()
    reply = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert reply == b"" or reply.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert (await server.json("GET", "/health/live"))[0] == 200
    await calm_log(capsys, caplog)


def hang_up(writer: asyncio.StreamWriter) -> None:
    """As a tab that is closed does it, or a cable that is pulled: what was not read yet is lost (RST)."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def leave_early(server: dawg.Dawg, request: bytes, *, after: bytes = b"", wait: float = 0.2) -> None:
    """Sends, waits until `after` has come back, and is gone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]), limit=1024)
    writer.write(request)
    await writer.drain()
    if after:
        await asyncio.wait_for(reader.readuntil(after), 10)
    else:
        await asyncio.sleep(wait)
    hang_up(writer)


@pytest.mark.parametrize("polite", [True, False])
async def test_an_upload_that_is_cut_is_nobodys_error(
    server: dawg.Dawg,
    polite: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    part = b'--abc\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n' + WAV
    for length in (10_000_000, None):
        framing = f"Content-Length: {length}\r\n".encode() if length else b"Transfer-Encoding: chunked\r\n"
        body = part if length else f"{len(part) + 9:x}\r\n".encode() + part
        head = b"POST /api/audio/upload HTTP/1.1\r\n" + HEAD + framing
        request = head + b"Content-Type: multipart/form-data; boundary=abc\r\n\r\n" + body
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
        writer.write(request)
        await writer.drain()
        await asyncio.sleep(0.2)
        if polite:
            writer.write_eof()
            assert b" 400 " in await asyncio.wait_for(reader.readline(), 10)
            writer.close()
        else:
            hang_up(writer)
    assert (await calm_log(capsys, caplog, answers=2)).count("was answered with 400") == 2
    assert not [path for path in (tmp_path / "work").rglob("*") if path.is_file() and not path.name.endswith(".lock")]


async def test_whoever_stops_reading_a_recording_is_nobodys_error(
    server: dawg.Dawg, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    audio = await recordings.uploaded(server, recordings.wav(60.0))
    for path in (
        f"/api/audio/{audio['id']}/content",
        "/openapi.json",
        f"/api/audio/{audio['id']}/waveform?points=8000",
    ):
        request = f"GET {path} HTTP/1.1\r\n".encode() + HEAD + b"X-User-Id: ada\r\n\r\n"
        await leave_early(server, request, after=b"\r\n\r\n")
        await leave_early(server, request, wait=0.0)
    assert "was answered with 5" not in await calm_log(capsys, caplog, answers=4)


async def test_who_waits_for_a_job_and_leaves_is_not_waited_for(
    server: dawg.Dawg, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"genre": "pop", "provider": "embedded"}'
    head = f"POST /api/generate/beat?wait=50 HTTP/1.1\r\nContent-Length: {len(body)}\r\nX-User-Id: ada\r\n"
    await leave_early(server, head.encode() + HEAD + JSON + b"\r\n" + body, wait=0.5)
    assert "was answered with 202" in await calm_log(capsys, caplog, answers=1)
    _, jobs = await server.json("GET", "/api/generate")
    assert [job["state"] for job in jobs["jobs"]] == ["waiting"]  # what was accepted stays


async def test_who_left_while_waiting_comes_back_to_the_same_job(
    server: dawg.Dawg, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Also with an upload, which is stored before there is a job."""
    part = b'--abc\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n' + WAV + b"\r\n--abc--\r\n"
    path = "/api/ai/separate-stems?wait=50"
    about = {"Content-Type": "multipart/form-data; boundary=abc", "X-User-Id": "ada", "Idempotency-Key": "once"}
    head = f"POST {path} HTTP/1.1\r\nContent-Length: {len(part)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in about.items())
    _, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(head.encode() + HEAD + b"\r\n" + part)
    await writer.drain()
    async with asyncio.timeout(10):
        while not (await server.json("GET", "/api/generate"))[1]["jobs"]:
            await asyncio.sleep(0.05)
    hang_up(writer)
    await calm_log(capsys, caplog, answers=1)
    async with asyncio.timeout(10):
        while True:
            async with server.http.post(server.url + path, headers=about, data=io.BytesIO(part)) as reply:
                body = await reply.json()
                if reply.status != 409:
                    break
            await asyncio.sleep(0.1)
    assert (reply.status, reply.headers.get("Idempotency-Replayed")) == (202, "true"), body
    _, jobs = await server.json("GET", "/api/generate")
    assert [job["jobId"] for job in jobs["jobs"]] == [body["jobId"]]


async def test_a_slash_at_the_end_leads_to_the_page_itself(server: dawg.Dawg) -> None:
    for path in ("/docs", "/docs/sockets"):
        for method in ("GET", "HEAD"):
            async with server.http.request(method, server.url + path + "/") as reply:
                assert (reply.status, reply.url.path, reply.content_type) == (200, path, "text/html")


async def test_a_refusal_is_one_line_of_plain_words(server: dawg.Dawg) -> None:
    kinds = [errors.DawgError]
    for kind in kinds:
        kinds += kind.__subclasses__()
        if kind.__init__ is errors.DawgError.__init__:
            assert kind().message == " ".join(kind().message.split()), kind
    for who in ("ada", "bob"):
        await server.services.platform.limits.hit("once", who, 1)
        with pytest.raises(errors.RateLimited, match="more than once in a minute"):
            await server.services.platform.limits.hit("once", who, 1)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/api/projects", "application/json"),
        ("/api/auth/login", "application/json"),
        ("/api/audio/upload", "multipart/form-data; boundary=x"),
        ("/api/projects/import", "multipart/form-data; boundary=x"),
    ],
)
async def test_a_body_that_says_it_is_too_large_is_not_waited_for(
    server: dawg.Dawg, path: str, content_type: str
) -> None:
    head = f"POST {path} HTTP/1.1\r\n".encode() + HEAD
    head += f"Content-Type: {content_type}\r\nContent-Length: {2**40}\r\n\r\n".encode()
    for more in (b"", b"{"):
        status, headers, body = await sent(server, head + more)
        assert (status, body["code"]) == (413, "payload_too_large")
        assert (headers["access-control-allow-origin"], headers["connection"]) == (PAGE, "close")


async def test_a_refused_head_that_does_not_end_is_not_read_for_ever(server: dawg.Dawg) -> None:
    long = b"GET /health HTTP/1.1\r\nX: " + b"x" * 1_000_000
    assert (await sent(server, long))[0] == 431
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(long[:20_000])
    writer.write_eof()
    assert b" 431 " in (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n")[0]
    writer.close()
    _, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(long[:20_000])
    await asyncio.sleep(0.1)
    hang_up(writer)
    assert (await server.json("GET", "/health/live"))[0] == 200
