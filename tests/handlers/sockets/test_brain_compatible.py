"""A service that is compatible rather than exact (`ANTHROPIC_BASE_URL`): what it leaves out or adds does no harm."""

from __future__ import annotations

import json
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
async def server(database_dsn: str, tmp_path: Path, model: Model) -> AsyncIterator[Dawg]:
    async with brains.server(database_dsn, tmp_path, model) as running:
        yield running


@pytest.fixture
async def ada(server: Dawg, javascript: JavaScript) -> Browser:
    return await Browser.open(javascript, server)


@pytest.mark.parametrize("chunk", [None, 1, 7])
async def test_a_loosely_written_stream_is_understood(
    server: Dawg, model: Model, ada: Browser, chunk: int | None
) -> None:
    project_id = await brains.project(server)
    first = turn(
        thinking("hm", "…"),
        text("On ", "it."),
        tool_use("setTempo", {"bpm": 101}, every=1),
        tool_use("createTrack", {"name": "Ünder “x”"}),
        loose=True,
        chunk=chunk,
    )
    model.says(first, turn(text("Done."), loose=True, chunk=chunk))
    done = await ada.ask(projectId=project_id)
    assert done["text"] == "On it.\n\nDone."
    assert [each["success"] for each in ada.client.received("tool-result")] == [True, True]
    assert (await server.json("GET", f"/api/projects/{project_id}"))[1]["bpm"] == 101
    thought = model.requests[1].messages[1]["content"][0]
    assert (thought["thinking"], thought["signature"]) == ("hm…", first.blocks[0].signature)
    assert ada.client.received("usage")[-1]["outputTokens"] >= 2


async def test_messages_under_one_and_the_same_id_are_each_paid_for(server: Dawg, model: Model, ada: Browser) -> None:
    used = anthropic.ReportedUsage(10_000, 100)
    model.says(
        *(turn(text("x"), tool_use("recall", {"query": "x"}), usage=used, loose=True) for _ in range(2)),
        turn(text("y"), usage=used, loose=True),
    )
    await ada.ask()
    row = await server.services.platform.database.fetch_one(
        "SELECT count(*) AS calls, sum(output_tokens) AS written FROM usage_records WHERE operation = 'chat'"
    )
    assert row is not None and (row["calls"], row["written"]) == (3, 300)


async def test_a_stop_for_tools_without_any_is_the_end(model: Model, ada: Browser) -> None:
    model.says(turn(text("Nothing to do."), stop_reason="tool_use"))
    done = await ada.ask()
    assert (done["stopReason"], done["text"]) == ("end_turn", "Nothing to do.")


async def test_a_stop_sequence_is_an_end_like_any_other(model: Model, ada: Browser) -> None:
    model.says(turn(text("Short."), stop_reason="stop_sequence", stop_sequence="###"))
    assert (await ada.ask())["stopReason"] == "end_turn"


async def test_what_remains_of_the_budget_is_told_while_the_turn_goes_on(
    server: Dawg, model: Model, ada: Browser
) -> None:
    body = {"dailyLimit": 5.0, "pauseOnExceed": True}
    assert (await server.json("PUT", "/api/cost-monitoring/budget", json=body))[0] == 200
    model.says(turn(tool_use("recall", {"query": "x"}), usage=anthropic.ReportedUsage(100_000, 10)), turn(text("ok")))
    await ada.ask()
    running, final = (each["remaining"]["dailyUsd"] for each in ada.client.received("usage"))
    assert 4 < running < 5
    assert running == pytest.approx(final, abs=0.2)


async def test_the_assistant_undoes_what_it_did_as_one_step(server: Dawg, model: Model, ada: Browser) -> None:
    project_id = await brains.project(server)
    gone = await brains.track(server, project_id, "Kept")
    model.says(
        turn(
            tool_use("deleteTrack", {"trackId": gone}),
            tool_use("setTempo", {"bpm": 99}),
            *(tool_use("createTrack", {"name": f"Layer {n}"}) for n in range(8)),
        ),
        turn(text("Ten changes.")),
        turn(tool_use("undo", {})),
        turn(text("As before.")),
    )
    done = await ada.ask("change everything", projectId=project_id)
    undone = await ada.ask("undo what you did", conversationId=done["conversationId"])
    assert undone["text"] == "As before."
    project = (await server.json("GET", f"/api/projects/{project_id}"))[1]
    assert (project["bpm"], [each["name"] for each in project["tracks"]]) == (120, ["Kept"])
    assert undone["revision"] == project["revision"]
    steps = json.loads(model.requests[3].messages[-1]["content"][0]["content"])
    assert steps["success"]
