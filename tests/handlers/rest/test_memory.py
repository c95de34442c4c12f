"""What the assistants remember: the caller's own, ranked, expiring, forgotten on request."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import dawg
from tests.servers.dawg import Dawg


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


async def keep(server: Dawg, content: str, user: str = "ada", **fields: Any) -> dict[str, Any]:
    body = {"type": "fact", "content": content, **fields}
    status, made = await server.json("POST", "/api/v1/ai/memory", user, json=body)
    assert status == 201, made
    assert made["memory"]["id"] == made["id"]
    return dict(made)


def soon(seconds: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)).isoformat()


async def test_a_fresh_user_keeps_reads_corrects_and_forgets(server: Dawg) -> None:
    made = await keep(server, "sings alto", importance=7, category="voice", metadata={"from": "call"}, userId="ada")
    assert (made["importance"], made["accessCount"], made["lastAccessed"]) == (7, 0, None)
    status, read = await server.json("GET", "/api/v1/ai/memory/ada")
    assert (status, read["total"], read["sessionCount"]) == (200, 1, 1)
    assert (read["memories"][0]["accessCount"], read["memories"][0]["metadata"]) == (1, {"from": "call"})
    for method in ("PUT", "PATCH"):
        status, changed = await server.json(
            method, f"/api/v1/ai/memory/{made['id']}", json={"content": f"by {method}", "category": None}
        )
        assert (status, changed["content"], changed["category"], changed["importance"]) == (
            200,
            f"by {method}",
            None,
            7,
        )
    status, gone = await server.json("DELETE", f"/api/v1/ai/memory/{made['id']}")
    assert (status, gone["deleted"]) == (200, True)
    assert (await server.json("DELETE", f"/api/v1/ai/memory/{made['id']}"))[0] == 404


async def test_the_important_comes_first_and_words_are_found(server: Dawg) -> None:
    await keep(server, "likes tape hiss", importance=3)
    await keep(server, "hates autotune", importance=9, type="preference")
    await keep(server, "owns a tape machine", importance=5)
    shown = (await server.json("GET", "/api/v1/ai/memory/me"))[1]["memories"]
    assert [each["importance"] for each in shown] == [9, 5, 3]
    found = (await server.json("GET", "/api/v1/ai/memory/me?search=TAPE%20machine"))[1]
    assert [each["content"] for each in found["memories"]] == ["owns a tape machine"]
    assert (await server.json("GET", "/api/v1/ai/memory/me?minImportance=4&limit=1"))[1]["total"] == 2
    assert (await server.json("GET", "/api/v1/ai/memory/me?type=preference"))[1]["total"] == 1
    best = await server.services.assistants.memory.recall("ada", "what tape do I have & (more)?", 2)
    assert {each["content"] for each in best} == {"likes tape hiss", "owns a tape machine"}


async def test_what_has_expired_is_gone(server: Dawg) -> None:
    made = await keep(server, "deadline today", expiresAt=soon(3600))
    assert (await server.json("GET", "/api/v1/ai/memory/me"))[1]["total"] == 1
    await server.services.platform.database.execute("UPDATE memories SET expires_at = now() - interval '1 second'")
    assert (await server.json("GET", "/api/v1/ai/memory/me"))[1]["memories"] == []
    assert (await server.json("PUT", f"/api/v1/ai/memory/{made['id']}", json={"content": "x"}))[0] == 404
    assert await server.services.assistants.memory.recall("ada", "deadline") == []


async def test_nobody_else_can_read_change_or_delete(server: Dawg) -> None:
    made = await keep(server, "secret")
    assert (await server.json("GET", "/api/v1/ai/memory/ada", "bob"))[0] == 404
    for method in ("PUT", "DELETE"):
        assert (await server.json(method, f"/api/v1/ai/memory/{made['id']}", "bob", json={"content": "x"}))[0] == 404
    status, _ = await server.json(
        "POST", "/api/v1/ai/memory", "bob", json={"type": "fact", "content": "x", "userId": "ada"}
    )
    assert status == 404
    assert await server.services.assistants.memory.recall("bob", "secret") == []
    assert (await server.json("GET", "/api/v1/ai/memory/me"))[1]["memories"][0]["content"] == "secret"


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "rumour"},
        {"content": ""},
        {"content": "x" * 4001},
        {"importance": 11},
        {"expiresAt": "2020-01-01"},
        {"expiresAt": 5},
        {"metadata": []},
        {"metadata": {"a": "x" * 8100}},
        {"metadata": {"a": "\x00"}},
    ],
)
async def test_wrong_values_are_refused(server: Dawg, wrong: dict[str, Any]) -> None:
    body = {"type": "fact", "content": "fine", **wrong}
    status, refused = await server.json("POST", "/api/v1/ai/memory", json=body)
    assert (status, refused["code"]) == (400, "validation_error")
    assert set(refused["details"]) == set(wrong)
