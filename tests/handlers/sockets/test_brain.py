"""Asking the assistant through the running server, as a browser does it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Browser, Model
from tests.javascript.client import JavaScript
from tests.servers.dawg import Dawg
from tests.simulators import anthropic
from tests.simulators.anthropic import text, thinking, tool_use, turn


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    async with anthropic.AnthropicSimulator(key="sk-test-of-brain") as simulator:
        yield Model(simulator)


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, model: Model) -> AsyncIterator[Dawg]:
    async with brains.server(database_dsn, tmp_path, model) as running:
        yield running


@pytest.fixture
async def ada(server: Dawg, javascript: JavaScript) -> Browser:
    return await Browser.open(javascript, server)


async def test_a_question_is_answered_in_pieces_and_kept(server: Dawg, model: Model, ada: Browser) -> None:
    model.says(turn(text("Glad", "ly ", "done."), delay=0.02))
    ack = await ada.begin("Make it faster", requestId="r-1")
    done = await ada.end("r-1")
    assert ada.names("r-1") == ["response-delta", "usage", "response-done"]
    assert ada.words("r-1") == done["text"] == done["message"]["content"] == "Gladly done."
    assert done["stopReason"] == "end_turn"
    assert done["conversationId"] == ack["conversationId"]
    usage = ada.client.received("usage")[-1]
    assert usage["inputTokens"] > 1000
    assert usage["costUsd"] > 0
    assert usage["remaining"] == {"dailyUsd": None, "monthlyUsd": None}
    status, kept = await server.json("GET", f"/api/ai-brain/conversations/{ack['conversationId']}")
    assert status == 200
    assert [(each["role"], each["content"]) for each in kept["messages"]] == [
        ("user", "Make it faster"), ("assistant", "Gladly done."),
    ]  # fmt: skip
    assert kept["messages"][1]["id"] == done["message"]["id"]


async def test_tools_change_the_project_and_the_turn_is_one_undo_step(
    server: Dawg, model: Model, ada: Browser
) -> None:
    project_id = await brains.project(server)
    model.says(
        turn(
            thinking("tempo first"), text("On it."), tool_use("setTempo", {"bpm": 141}),
            *(tool_use("createTrack", {"name": f"Layer “{n}” \\ é"}) for n in range(9)),
        ),
        turn(text("Ten changes.")),
    )  # fmt: skip
    done = await ada.ask("ten things", projectId=project_id)
    assert done["text"] == "On it.\n\nTen changes."
    assert ada.names() == ["response-delta", "usage", *["tool-start", "tool-result"] * 10,
                           "response-delta", "usage", "response-done"]  # fmt: skip
    assert all(each["success"] for each in ada.client.received("tool-result"))
    before = (await server.json("GET", f"/api/projects/{project_id}"))[1]
    assert before["bpm"] == 141
    assert len(before["tracks"]) == 9
    assert done["revision"] == before["revision"]
    status, undone = await server.json("POST", f"/api/projects/{project_id}/undo", json={})
    assert status == 200, undone
    after = (await server.json("GET", f"/api/projects/{project_id}"))[1]
    assert after["bpm"] == 120
    assert after["tracks"] == []
