"""What holds for every route: ids, errors, headers, CORS, identity, limits."""

from __future__ import annotations

import gc
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from dawg_server.music.genres import GENRES
from handlers import asyncapi
from handlers.rest.server import RequestParser
from handlers.sockets import tables
from tests.servers import dawg

SECRET = "s" * 64
PAGE = "https://dawg-ai.com"


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


@pytest.fixture
async def secured(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET=SECRET) as running:
        yield running


def token(subject: Any = "ada", lifetime: int = 60, secret: str = SECRET, **more: Any) -> dict[str, str]:
    claims = {"sub": subject, "exp": int(time.time()) + lifetime} | more
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, 'HS256')}"}


async def test_health_has_the_shape_of_the_contract_and_tells_the_truth(server: dawg.Dawg) -> None:
    status, body = await server.json("GET", "/health")
    assert status == 200
    assert (body["status"], body["service"], body["version"]) == ("healthy", "unified-backend", "2.0.0")
    assert body["services"] == {"main": "healthy", "ai_brain": "unconfigured", "realtime_voice": "unconfigured"}
    names = {"database", "redis", "storage", "anthropic", "openai", "replicate", "suno", "auth"}
    assert set(body["dependencies"]) == names
    assert body["dependencies"]["database"]["status"] == "ok"
    assert body["dependencies"]["auth"]["status"] == "development"
    assert (await server.json("GET", "/health/live"))[1] == {"status": "alive"}
    assert (await server.json("GET", "/health/ready"))[1] == {"status": "ready"}
    for prefix in ("/api", "/api/v1"):
        _, brain = await server.json("GET", f"{prefix}/ai-brain/health")
        assert (brain["service"], brain["anthropic_configured"]) == ("ai-brain", False)
        _, voice = await server.json("GET", f"{prefix}/voice/health")
        assert (voice["service"], voice["openai_configured"], voice["activeSessions"]) == ("realtime-voice", False, 0)


async def test_a_server_that_drains_is_not_ready_and_takes_no_work(server: dawg.Dawg) -> None:
    server.services.platform.lifecycle.leaving = server.services.platform.lifecycle.draining = True
    assert (await server.json("GET", "/health/ready"))[0] == 503
    status, body = await server.json("POST", "/api/generate/beat", json={"genre": "pop"})
    assert (status, body["code"]) == (503, "draining")


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/api/nothing", {}, 404, "not_found"),
        ("GET", "/nothing", {}, 404, "not_found"),
        ("PUT", "/api/generate/beat", {}, 405, "method_not_allowed"),
        (
            "POST",
            "/api/generate/beat",
            {"data": "{", "headers": {"Content-Type": "application/json"}},
            400,
            "malformed_json",
        ),
        ("POST", "/api/generate/beat", {"json": [1]}, 400, "malformed_json"),
        (
            "POST",
            "/api/generate/beat",
            {"data": '{"genre":"pop","bpm":NaN}', "headers": {"Content-Type": "application/json"}},
            400,
            "malformed_json",
        ),
        (
            "POST",
            "/api/generate/beat",
            {"data": "[" * 100_000, "headers": {"Content-Type": "application/json"}},
            400,
            "malformed_json",
        ),
        (
            "POST",
            "/api/generate/beat",
            {"data": "genre=pop", "headers": {"Content-Type": "text/plain"}},
            415,
            "unsupported_media_type",
        ),
        ("POST", "/api/generate/beat", {"data": io.BytesIO(b" " * 1_100_000)}, 413, "payload_too_large"),
        ("POST", "/api/generate/beat", {}, 400, "validation_error"),
        ("GET", "/api/generate?limit=101", {}, 400, "validation_error"),
        ("GET", "/api/generate?page=99999999999999999999", {}, 400, "validation_error"),
        ("GET", "/api/generate/status/not-a-uuid", {}, 404, "not_found"),
        ("GET", "/api/generate/status/00000000-0000-0000-0000-000000000000", {}, 404, "not_found"),
        ("GET", "/api/audio/00000000-0000-0000-0000-000000000000/content", {}, 404, "not_found"),
    ],
)
async def test_every_refusal_is_one_envelope(
    server: dawg.Dawg, method: str, path: str, options: dict[str, Any], status: int, code: str
) -> None:
    given, body = await server.json(method, path, **options)
    assert (given, body["code"]) == (status, code)
    assert body["success"] is False
    assert body["error"] == body["message"]
    assert body["requestId"]


async def test_the_allowed_methods_are_told(server: dawg.Dawg) -> None:
    async with server.http.put(server.url + "/api/generate/beat") as reply:
        assert "POST" in reply.headers["Allow"]


async def test_a_request_id_is_honoured_when_it_is_one(server: dawg.Dawg) -> None:
    for given, kept in (("abc-1.2_3", True), ("x" * 65, False), ("a b", False), ("<script>", False)):
        async with server.http.get(server.url + "/nothing", headers={"X-Request-Id": given}) as reply:
            assert (reply.headers["X-Request-Id"] == given) is kept
            assert (await reply.json())["requestId"] == reply.headers["X-Request-Id"]


async def test_security_headers_are_on_every_reply(database_dsn: str, tmp_path: Path) -> None:
    for trusted in (True, False):
        async with dawg.running(database_dsn, tmp_path, TRUST_PROXY=str(trusted)) as server:
            for path in ("/health", "/nothing"):
                async with server.http.get(server.url + path, headers={"X-Forwarded-Proto": "https"}) as reply:
                    assert reply.headers["X-Content-Type-Options"] == "nosniff"
                    assert reply.headers["Referrer-Policy"] == "no-referrer"
                    assert ("Strict-Transport-Security" in reply.headers) is trusted


async def test_listed_pages_may_call_and_read_and_others_may_not(server: dawg.Dawg) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-user-id",
    }
    async with server.http.options(server.url + "/api/generate/beat", headers=asked) as reply:
        assert reply.status == 200
        assert reply.headers["Access-Control-Allow-Origin"] == PAGE
        assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    async with server.http.get(server.url + "/api/generate/genres", headers={"Origin": PAGE}) as reply:
        assert reply.headers["Access-Control-Allow-Origin"] == PAGE
        assert "Retry-After" in reply.headers["Access-Control-Expose-Headers"]
        assert reply.headers["Vary"].count("Origin") == 1
    async with server.http.get(
        server.url + "/api/generate/genres", headers={"Origin": "https://evil.example"}
    ) as reply:
        assert "Access-Control-Allow-Origin" not in reply.headers
    async with server.http.get(server.url + "/api/generate/status/nope", headers={"Origin": PAGE}) as reply:
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (404, PAGE)


async def test_large_json_is_compressed_when_the_client_accepts_it(server: dawg.Dawg) -> None:
    async with server.http.get(server.url + "/api/generate/genres", headers={"Accept-Encoding": "gzip"}) as reply:
        assert reply.headers["Content-Encoding"] == "gzip"
        assert len((await reply.json())["genres"]) == len(GENRES)


async def test_rate_limits_are_told_and_enforced_per_user(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="3") as server:
        for left in (2, 1, 0):
            async with server.http.get(server.url + "/api/generate/genres", headers=server.as_user("ada")) as reply:
                assert (reply.status, reply.headers["X-RateLimit-Remaining"]) == (200, str(left))
        async with server.http.get(server.url + "/api/generate/genres", headers=server.as_user("ada")) as reply:
            body = await reply.json()
            assert (reply.status, body["code"], body["details"]["limit"]) == (429, "rate_limited", 3)
            assert 1 <= int(reply.headers["Retry-After"]) <= 60
        assert (await server.json("GET", "/api/generate/genres", user="eve"))[0] == 200
        assert (await server.json("GET", "/health"))[0] == 200


async def test_limits_are_shared_by_replicas_with_redis_and_kept_without(
    postgres: str, database_dsn: str, tmp_path: Path, valkey: Any
) -> None:
    options = {"REDIS_URL": valkey.url, "REQUESTS_PER_MINUTE": "4"}
    async with (
        dawg.running(database_dsn, tmp_path / "a", **options) as a,
        dawg.running(database_dsn, tmp_path / "b", **options) as b,
    ):
        answers = [(await each.json("GET", "/api/generate/genres"))[0] for each in (a, b, a, b, a, b)]
        assert answers == [200] * 4 + [429] * 2
        valkey.stop()
        assert (await a.json("GET", "/api/generate/genres"))[0] == 200


async def test_in_secured_mode_only_a_valid_token_says_who_calls(secured: dawg.Dawg) -> None:
    path = "/api/generate/genres"
    refused = [
        ({}, "unauthorized"),
        (token(secret="x" * 40), "unauthorized"),
        (token(lifetime=-60), "token_expired"),
        (token(subject=7), "unauthorized"),
        (token(subject="a\0b"), "unauthorized"),
        ({"Authorization": "Bearer nonsense"}, "unauthorized"),
        ({"Authorization": "Basic YWRhOmFkYQ=="}, "unauthorized"),
    ]
    now = time.time()
    for claims, secret, algorithm in (
        ({"sub": "ada", "exp": now + 60}, None, "none"),
        ({"sub": "ada", "exp": now + 60}, SECRET, "HS512"),
        ({"sub": "ada"}, SECRET, "HS256"),
        ({"exp": now + 60}, SECRET, "HS256"),
        ({"sub": "ada", "exp": "soon"}, SECRET, "HS256"),
        ({"sub": "ada", "exp": float("inf")}, SECRET, "HS256"),
        ({"sub": "ada", "exp": now + 60, "nbf": now + 60}, SECRET, "HS256"),
    ):
        refused.append(({"Authorization": f"Bearer {jwt.encode(claims, secret, algorithm)}"}, "unauthorized"))
    for headers, code in refused:
        status, body = await secured.json("GET", path, headers=headers)
        assert (status, body["code"]) == (401, code), headers
    assert (await secured.json("GET", path, headers=token()))[0] == 200
    assert (await secured.json("GET", path, headers=token(lifetime=-20)))[0] == 200  # within the clock tolerance
    for path in (
        "/health",
        "/health/live",
        "/metrics",
        "/openapi.json",
        "/asyncapi.json",
        "/docs",
        "/api/voice/health",
    ):
        async with secured.http.get(secured.url + path) as reply:
            assert reply.status == 200, path


async def test_in_secured_mode_a_header_cannot_change_who_calls(secured: dawg.Dawg) -> None:
    _, accepted = await secured.json("POST", "/api/generate/beat", json={"genre": "pop"}, headers=token("ada"))
    status, _ = await secured.json("GET", f"/api/generate/status/{accepted['jobId']}", user="ada", headers=token("eve"))
    assert status == 404


async def test_in_development_mode_a_made_up_token_is_ignored(server: dawg.Dawg) -> None:
    status, _ = await server.json("GET", "/api/generate/genres", headers={"Authorization": "Bearer placeholder"})
    assert status == 200
    status, body = await server.json("GET", "/api/generate/genres", user="no spaces allowed")
    assert (status, body["code"]) == (401, "unauthorized")


async def test_metrics_count_by_route_and_never_name_a_user(server: dawg.Dawg) -> None:
    await server.json("GET", "/api/generate/status/some-id", user="ada-lovelace")
    async with server.http.get(server.url + "/metrics") as reply:
        text = await reply.text()
    assert 'dawg_http_requests_total{method="GET",route="/api/generate/status/{job_id}",status="404"} 1.0' in text
    assert "dawg_queue_age_seconds" in text
    assert "ada-lovelace" not in text


def test_no_two_payloads_or_acks_of_sockets_share_a_name() -> None:
    kinds = {
        type(each) for table in tables.every() for event in table.all for each in (event.payload, event.ack) if each
    }
    assert len({kind.__name__ for kind in kinds}) == len(kinds)
    schemas = asyncapi.document()["components"]["schemas"]
    assert {"method", "cost", "warnings"} <= set(schemas["AnalyzedLyrics"]["properties"])


async def test_the_documents_describe_every_route_and_event(server: dawg.Dawg) -> None:
    _, openapi = await server.json("GET", "/openapi.json")
    assert openapi["openapi"].startswith("3.1")
    beat = openapi["paths"]["/api/generate/beat"]["post"]
    assert {"202", "400", "401", "409", "429", "503"} <= set(beat["responses"])
    schema = openapi["components"]["schemas"]["BeatRequest"]
    assert schema["properties"]["bpm"]["maximum"] == 200
    assert schema["required"] == ["genre"]
    _, described = await server.json("GET", "/asyncapi.json")
    assert described["asyncapi"].startswith("3.")
    assert {"generation:cancel", "generation:completed"} <= set(described["channels"]["/"]["messages"])


async def test_of_the_frames_of_a_websocket_nothing_is_kept(server: dawg.Dawg) -> None:
    """Only the beginning of a request is, for the answer to one that cannot be read."""
    async with server.http.ws_connect(f"{server.url}/socket.io/?EIO=4&transport=websocket") as websocket:
        await websocket.receive()
        for _ in range(3):
            await websocket.send_str("40/nowhere," + "x" * 5000)
            await websocket.receive()
        kept = [each for each in gc.get_objects() if isinstance(each, RequestParser)]
        assert kept
        assert max(len(each.last) for each in kept) < 5000
