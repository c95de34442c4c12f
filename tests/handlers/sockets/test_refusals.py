"""What a refused client is told besides the reason: how the log calls it, and when it may try again."""

from __future__ import annotations

import datetime
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.handlers.sockets.voices import Browser, Service
from tests.javascript.client import ConnectError, JavaScript
from tests.servers import dawg
from tests.servers.dawg import Dawg

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[Dawg]:
    async with dawg.running(database_dsn, tmp_path, SOCKET_CHANGES_PER_SECOND="1") as running:
        yield running


def named(refusal: dict[str, Any]) -> str:
    assert refusal["success"] is False
    assert ID.fullmatch(refusal["requestId"])
    return str(refusal["requestId"])


async def test_a_refused_connection_is_named_as_in_the_log(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    async with dawg.running(database_dsn, tmp_path, JWT_SECRET="s" * 40) as server:
        with structlog.testing.capture_logs() as lines:
            for namespace in ("/", "/api", "/voice", "/ai-brain"):
                with pytest.raises(ConnectError) as refusal:
                    await javascript.connect(server.url, namespace)
                name = named(refusal.value.data)
                assert [line["code"] for line in lines if line.get("request_id") == name] == ["unauthorized"]


@pytest.mark.parametrize("namespace", ["/", "/api", "/voice", "/ai-brain"])
async def test_every_refused_event_has_a_name(server: Dawg, javascript: JavaScript, namespace: str) -> None:
    client = await javascript.connect(server.url, namespace, {"userId": "ada"})
    found = [
        named(await client.emit_ack(event, {}))
        for event in ("no-such-event", "join:project", "change-voice", "message")
    ]
    await client.emit("no-such-event", {})
    found.append(named(await client.wait_for("error")))
    assert len(set(found)) == len(found)
    if namespace != "/ai-brain":
        assert named(await client.emit_ack("send-audio", {"audio": "AAAA"}))
        assert named(await client.emit_ack("send-audio", {"audio": "AAAA"}))


async def test_an_event_keeps_the_name_that_its_client_gives_it(server: Dawg, javascript: JavaScript) -> None:
    client = await javascript.connect(server.url, "/ai-brain", {"userId": "ada"})
    assert named(await client.emit_ack("message", {"message": "hello", "requestId": "mine-1"})) == "mine-1"
    assert named(await client.emit_ack("message", {"message": "hello", "requestId": "not a name"})) != "not a name"


async def test_what_broke_is_found_by_its_name(
    server: Dawg, javascript: JavaScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(sid: str, data: Any = None) -> None:
        raise RuntimeError("a bug")

    server.sockets.on("broken", broken, "/")
    client = await javascript.connect(server.url, "/", {"userId": "ada"})
    with structlog.testing.capture_logs() as lines:
        ack = await client.emit_ack("broken", {})
    assert ack["code"] == "internal_error"
    actions = [line["action"] for line in lines if line.get("request_id") == named(ack)]
    assert "socket_handler_failed" in actions


async def test_a_limit_says_when_it_ends(server: Dawg, javascript: JavaScript) -> None:
    client = await javascript.connect(server.url, "/api", {"userId": "ada"})
    _, made = await server.json("POST", "/api/projects", json={"name": "Song"})
    await client.emit_ack("join:project", {"projectId": made["id"]})
    for _ in range(2):
        await client.emit("project:update", {"projectId": made["id"], "update": {"bpm": 90}})
    error = await client.wait_for("error")
    assert (error["code"], error["details"]["limit"], error["event"]) == ("rate_limited", 1, "project:update")
    named(error)
    assert ISO.fullmatch(error["details"]["resetsAt"])
    left = datetime.datetime.fromisoformat(error["details"]["resetsAt"]) - datetime.datetime.fromisoformat(
        error["timestamp"]
    )
    assert abs(left.total_seconds() - error["retryAfter"]) < 0.5


async def test_errors_of_a_talk_are_named_and_say_when_too(
    talking: Dawg, service: Service, javascript: JavaScript
) -> None:
    browsers = [await Browser.open(javascript, talking) for _ in range(3)]
    for each in browsers[:2]:
        await each.start()
    refused = await browsers[2].client.emit_ack("start-realtime", {})
    assert refused["code"] == "session_limit"
    named(refused)
    assert ISO.fullmatch(refused["details"]["resetsAt"])
    await service.connections[0].error("rate_limit_exceeded")
    named(await browsers[0].heard("error"))
