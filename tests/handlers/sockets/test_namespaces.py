"""The namespaces, as a browser meets them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.javascript.client import ConnectError, JavaScript
from tests.servers import dawg

SECRET = "s" * 40
ODD_PAYLOADS: list[Any] = [
    None,
    0,
    -1.5,
    True,
    "text",
    [],
    [1, 2],
    {},
    {"jobId": None},
    {"jobId": {"a": []}},
    "x" * 100_000,
]


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("namespace", "event", "payload", "variable"),
    [
        ("/ai-brain", "message", {"message": "hello"}, "ANTHROPIC_API_KEY"),
        ("/voice", "start-realtime", {"voice": "alloy", "projectContext": {"tempo": 120}}, "OPENAI_API_KEY"),
        ("/", "start-realtime", {"voice": "alloy", "projectContext": {"tempo": 120}}, "OPENAI_API_KEY"),
        ("/api", "start-realtime", {}, "OPENAI_API_KEY"),
    ],
)
async def test_without_a_key_a_namespace_connects_and_says_what_is_missing(
    server: dawg.Dawg, javascript: JavaScript, namespace: str, event: str, payload: dict[str, Any], variable: str
) -> None:
    client = await javascript.connect(server.url, namespace=namespace, auth={"userId": "ada"})
    ack = await client.emit_ack(event, payload)
    assert (ack["success"], ack["code"], ack["details"]) == (False, "provider_unconfigured", {"env": [variable]})
    assert [name for name, _ in client.events if name == "error"] == []
    await client.emit(event, payload)
    error = await client.wait_for("error")
    assert (error["code"], error["event"]) == ("provider_unconfigured", event)


async def test_odd_payloads_get_an_answer_and_leave_the_connection_alive(
    server: dawg.Dawg, javascript: JavaScript
) -> None:
    for namespace, events in (
        ("/", ["generation:cancel", "no-such-event", "send-audio"]),
        ("/api", ["generation:cancel", "no-such-event", "send-audio"]),
        ("/ai-brain", ["message", "cancel"]),
        ("/voice", ["start-realtime", "send-audio"]),
    ):
        client = await javascript.connect(server.url, namespace=namespace, auth={"userId": "ada"})
        for event in events:
            assert (await client.emit_ack(event))["success"] is False
            for payload in ODD_PAYLOADS:
                ack = await client.emit_ack(event, payload)
                assert ack["success"] is False
                assert ack["code"] != "internal_error"
        assert client.disconnected is None
    assert (await server.json("GET", "/health"))[0] == 200


async def test_in_secured_mode_a_socket_needs_a_token_and_the_refusal_says_why(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    def token(lifetime: int = 60) -> str:
        return jwt.encode({"sub": "ada", "exp": int(time.time()) + lifetime}, SECRET, "HS256")

    async with dawg.running(database_dsn, tmp_path, JWT_SECRET=SECRET) as server:
        for namespace in ("/", "/api", "/ai-brain", "/voice"):
            for auth, code in (
                ({"userId": "ada"}, "unauthorized"),
                ({"token": token(-60)}, "token_expired"),
                ({}, "unauthorized"),
            ):
                with pytest.raises(ConnectError) as refusal:
                    await javascript.connect(server.url, namespace=namespace, auth=auth)
                assert refusal.value.data["code"] == code
                assert refusal.value.data["success"] is False
            client = await javascript.connect(server.url, namespace=namespace, auth={"token": token(), "userId": "eve"})
            assert client.sid
        by_header = {"Authorization": f"Bearer {token()}"}
        assert (await javascript.connect(server.url, headers=by_header)).sid


async def test_job_news_reach_every_tab_of_the_owner_and_nobody_else(server: dawg.Dawg, javascript: JavaScript) -> None:
    tabs = [await javascript.connect(server.url, auth={"userId": "ada"}) for _ in range(2)]
    other = await javascript.connect(server.url, auth={"userId": "eve"})
    await server.json("POST", "/api/generate/beat", json={"genre": "jazz", "duration": 5})
    for tab in tabs:
        await tab.wait_for("generation:completed")
    assert other.events == []
