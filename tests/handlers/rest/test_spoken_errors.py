"""What goes wrong in the chat is told where a page looks for an answer, whatever the status is."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from handlers.rest import application
from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Model
from tests.servers import dawg
from tests.servers.dawg import Dawg
from tests.simulators import anthropic

NOBODYS = "00000000-0000-4000-8000-000000000000"
PATHS = [path for route in application.routes() if route.spoken_errors for path in route.paths if "{" not in path]


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, model: Model) -> AsyncIterator[Dawg]:
    async with brains.server(database_dsn, tmp_path, model, TURNS_PER_MINUTE="2") as running:
        yield running


async def refused(server: Dawg, path: str, **options: Any) -> tuple[int, str]:
    """(status, code) of a refusal that says its sentence three times."""
    method = options.pop("method", "POST")
    status, body = await server.json(method, path, **options)
    assert body["response"] == body["error"] == body["message"], body
    assert body["response"], body
    assert body["function_call"] is None, body
    assert body["success"] is False
    return status, body["code"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_kind_of_refusal_is_a_sentence(server: Dawg, model: Model, path: str) -> None:
    question = {"message": "hi"}
    odd = {"Content-Type": "application/json"}
    assert await refused(server, path, json={}) == (400, "validation_error")
    assert await refused(server, path, data=b"{", headers=odd) == (400, "malformed_json")
    assert await refused(server, path, json=question | {"projectId": NOBODYS}) == (404, "not_found")
    assert await refused(server, path, json=question | {"conversationId": NOBODYS}) == (404, "not_found")
    assert await refused(server, path, json=question, headers={"Host": "evil.example"}) == (403, "forbidden")
    assert await refused(server, path, data=io.BytesIO(b"x" * 1_100_000), headers=odd) == (413, "payload_too_large")
    assert await refused(server, path, data=b"x=1") == (415, "unsupported_media_type")
    assert await refused(server, path, method="PUT", json=question) == (405, "method_not_allowed")
    model.says(anthropic.unauthorized(), anthropic.unauthorized())
    for _ in range(2):
        assert await refused(server, path, json=question) == (502, "provider_failed")
    assert await refused(server, path, json=question) == (429, "rate_limited")


async def test_without_a_key_or_a_login_there_is_a_sentence_too(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        for path in PATHS:
            assert await refused(server, path, json={"message": "hi"}) == (503, "provider_unconfigured")
            assert "ANTHROPIC_API_KEY" in (await server.json("POST", path, json={"message": "hi"}))[1]["response"]
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET="s" * 40) as server:
        for path in PATHS:
            assert await refused(server, path, json={"message": "hi"}) == (401, "unauthorized")


async def test_errors_of_others_stay_as_they_are(server: Dawg) -> None:
    assert "response" not in (await server.json("POST", "/api/generate/beat", json={}))[1]
    assert "response" not in (await server.json("POST", "/api/ai/daw-command", json={}))[1]
