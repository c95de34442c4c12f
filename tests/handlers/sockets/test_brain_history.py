"""What the model reads of a long talk, what it costs, and that no question waits for it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server.brain import summarizer
from dawg_server.database import conversations, messages
from tests import patience
from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Browser, Model
from tests.javascript.client import JavaScript
from tests.servers.dawg import Dawg
from tests.simulators import anthropic
from tests.simulators.anthropic import text, tool_use, turn

LONG = "x" * 20_000


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, model: Model) -> AsyncIterator[Dawg]:
    async with brains.server(database_dsn, tmp_path, model) as running:
        yield running


@pytest.fixture
async def ada(server: Dawg, javascript: JavaScript) -> Browser:
    return await Browser.open(javascript, server)


def told(model: Model) -> str:
    return json.dumps(model.requests[-1].body["messages"])


async def answer_plays(ada: Browser, ack: dict[str, Any], *outputs: str) -> dict[str, Any]:
    """Answers the functions of the browser that the model calls, in order."""
    for number, output in enumerate(outputs):
        asked = await ada.client.wait_for("function-call", lambda call, n=number: call["callId"] == f"toolu_{n}")
        await ada.client.emit_ack("function-result", {"callId": asked["callId"], "output": output})
    return await ada.end(ack["requestId"])


async def talk(server: Dawg, *exchanges: tuple[str, str]) -> str:
    """A stored conversation of such questions and answers."""
    database = server.services.platform.database
    conversation_id = str((await conversations.insert(database, "ada"))["id"])
    for question, answer in exchanges:
        for role, words in (("user", question), ("assistant", answer)):
            content = [{"type": "text", "text": words}]
            await messages.append(database, conversation_id, role, content, stop_reason="end_turn")  # type: ignore[arg-type]
    return conversation_id


@pytest.fixture
async def known(server: Dawg, ada: Browser, model: Model) -> Browser:
    """Ada, whose name the server has heard before."""
    await brains.project(server)
    return ada


async def test_long_results_of_the_last_exchange_are_read_word_for_word_and_older_ones_left_out(
    model: Model, ada: Browser
) -> None:
    model.says(turn(tool_use("playProject", {}, id="toolu_0")), turn(text("One.")))
    done = await answer_plays(ada, await ada.begin("first"), f"{LONG}first result")
    conversation = {"conversationId": done["conversationId"]}
    model.says(turn(text("Two.")))
    await ada.ask("second", **conversation)
    assert "first result" in told(model)
    model.says(turn(text("Three.")))
    await ada.ask("third", **conversation)
    assert "first result" not in told(model)
    assert "Call the function again" in told(model)
    assert "One." in told(model) and "Two." in told(model)


async def test_the_last_exchange_stays_however_long_it_is(server: Dawg, model: Model, known: Browser) -> None:
    old = [(f"old question {n}", "tape " * 2000) for n in range(10)]
    conversation_id = await talk(server, *old, ("the newest question", "bass " * 30_000))
    model.says(turn(text("Yes.")))
    assert (await known.ask("and now?", conversationId=conversation_id))["text"] == "Yes."
    assert "the newest question" in told(model)
    assert "old question" not in told(model)
    assert "beginning of this conversation is not shown" in told(model)


@pytest.mark.parametrize("exchanges", [9, 30])
async def test_no_question_waits_for_a_summary(
    server: Dawg, model: Model, known: Browser, exchanges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation_id = await talk(server, *((f"question {n} ", "tape " * 1200) for n in range(exchanges)))
    model.hold_summaries = asyncio.Event()
    model.says(*(turn(text(f"Answer {n}.")) for n in range(3)))
    # None is given up meanwhile.
    monkeypatch.setattr(summarizer, "SUMMARY", dataclasses.replace(summarizer.SUMMARY, seconds=600.0))
    async with asyncio.timeout(patience.SECONDS):
        for _ in range(2):
            await known.ask("and?", conversationId=conversation_id)
        while not model.summaries:
            await asyncio.sleep(0.01)
    assert model.summaries == 1
    assert f"question {exchanges - 1} " in told(model)
    model.hold_summaries.set()
    row: dict[str, Any] | None = None
    async with asyncio.timeout(patience.SECONDS):
        while row is None or row["summary"] is None:
            await asyncio.sleep(0.02)
            row = await conversations.get(server.services.platform.database, conversation_id, "ada")
    await known.ask("and then?", conversationId=conversation_id)
    assert "They like warm bass." in told(model)
    assert "question 0 " not in told(model)


async def test_one_turn_reads_a_bounded_amount(model: Model, ada: Browser) -> None:
    model.says(
        turn(*(tool_use("playProject", {}, id=f"toolu_{n}") for n in range(9))),
        turn(text("Enough.")),
    )
    done = await answer_plays(ada, await ada.begin(), *[f"{LONG}{n}" for n in range(9)])
    assert done["text"] == "Enough."
    results = model.requests[-1].messages[-1]["content"]
    assert sum(len(each["content"]) for each in results) < 130_000
    assert "Cut off" in results[-1]["content"]


async def test_a_prompt_that_is_too_long_is_tried_without_the_talk(server: Dawg, model: Model, known: Browser) -> None:
    conversation_id = await talk(server, ("first words", "tape " * 8000))
    model.simulator.context_window = 12_000
    model.says(turn(text("Short.")))
    done = await known.ask("second words", conversationId=conversation_id)
    assert (done["stopReason"], done["text"], done["notice"]) == ("end_turn", "Short.", None)
    assert [request.status for request in model.requests] == [400, 200]
    assert "first words" not in told(model)


async def test_a_question_that_is_too_long_by_itself_is_said_so(model: Model, ada: Browser) -> None:
    model.simulator.context_window = 18_000
    model.says(turn(*(tool_use("playProject", {}, id=f"toolu_{n}") for n in range(3))))
    done = await answer_plays(ada, await ada.begin(), LONG, LONG, LONG)
    assert (done["stopReason"], done["text"]) == ("max_tokens", "")
    assert "about less" in done["notice"]
    model.simulator.context_window = 200_000
    model.says(turn(text("Yes.")))
    assert (await ada.ask("less", conversationId=done["conversationId"]))["text"] == "Yes."


async def test_a_long_exchange_is_found_in_the_cache(model: Model, ada: Browser) -> None:
    calls = [tool_use("recall", {"query": f"bass {n}"}) for n in range(14)]
    model.says(turn(text("A " + "talk " * 400)))
    first = await ada.ask("first")
    conversation = {"conversationId": first["conversationId"]}
    model.says(*(turn(call) for call in calls[:7]), turn(*calls[7:]), turn(text("Done.")))
    await ada.ask("second", **conversation)
    model.says(turn(text("Yes.")))
    await ada.ask("third", **conversation)
    # the rules and tools, and the first exchange too
    rules = model.requests[0].body
    size = sum(len(json.dumps(part)) for part in (rules["tools"], rules["system"])) // 4
    assert ada.client.received("usage")[-1]["cachedTokens"] > size + 300


@pytest.mark.parametrize("left", [0.10, 0.08])
async def test_a_small_budget_can_ask_something(server: Dawg, model: Model, ada: Browser, left: float) -> None:
    body = {"dailyLimit": left, "pauseOnExceed": True}
    assert (await server.json("PUT", "/api/cost-monitoring/budget", json=body))[0] == 200
    model.says(turn(text("Yes."), usage=anthropic.ReportedUsage(100, 10)))
    assert (await ada.ask())["text"] == "Yes."
    assert 512 <= model.requests[0].body["max_tokens"] <= 8192
    model.says(turn(text("It goes on and"), stop_reason="max_tokens", usage=anthropic.ReportedUsage(100, 10)))
    cut = await ada.ask()
    assert cut["stopReason"] == ("budget" if model.requests[1].body["max_tokens"] < 8192 else "max_tokens")
    assert (await server.services.platform.costs.status("ada")).daily.reserved < 0.001  # but for the title
