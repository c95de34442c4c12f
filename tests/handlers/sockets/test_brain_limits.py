"""What ends or delays a turn of the assistant: tokens of the minute, its time, a browser that does not answer."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Browser, Model
from tests.javascript.client import JavaScript
from tests.simulators import anthropic
from tests.simulators.anthropic import text, tool_use, turn

LOOKING = {"query": "bass"}


async def test_a_minute_holds_exactly_the_tokens_that_are_allowed(
    database_dsn: str, tmp_path: Path, model: Model, javascript: JavaScript
) -> None:
    model.always = lambda request: turn(text("ok"), usage=anthropic.ReportedUsage(900, 100))
    async with brains.server(database_dsn, tmp_path, model, TOKENS_PER_MINUTE="5000") as server:
        ada = await Browser.open(javascript, server)
        for _ in range(5):
            await ada.ask()
        refused = await ada.client.emit_ack("message", {"message": "more"})
        assert (refused["code"], refused["details"]["limit"]) == ("rate_limited", 5000)
        row = await server.services.platform.database.fetch_one(
            """SELECT extract(epoch FROM min(created_at) - now())::float8 + 60 AS wait
               FROM usage_records WHERE operation = 'chat'"""
        )
        assert row is not None
        assert refused["retryAfter"] == pytest.approx(row["wait"], abs=1)


async def test_tokens_are_counted_inside_of_a_turn_too(
    database_dsn: str, tmp_path: Path, model: Model, javascript: JavaScript
) -> None:
    model.says(
        *(turn(text(f"{n}."), tool_use("recall", LOOKING), usage=anthropic.ReportedUsage(3000, 10)) for n in range(4))
    )
    async with brains.server(database_dsn, tmp_path, model, TOKENS_PER_MINUTE="7000") as server:
        ada = await Browser.open(javascript, server)
        began = time.monotonic()
        done = await ada.ask()
        took = time.monotonic() - began
        assert (done["stopReason"], done["text"]) == ("token_limit", "0.\n\n1.\n\n2.")
        assert 59 - took < done["retryAfter"] <= 60
        assert "minute" in done["notice"]
        assert len(model.requests) == 3


async def test_a_turn_that_has_begun_waits_a_little_for_the_next_minute(
    database_dsn: str, tmp_path: Path, model: Model, javascript: JavaScript
) -> None:
    async with brains.server(database_dsn, tmp_path, model, TOKENS_PER_MINUTE="7000") as server:
        ada = await Browser.open(javascript, server)
        began = time.monotonic()
        await server.services.platform.database.execute(
            """INSERT INTO usage_records (owner_id, service, operation, total_cost, input_tokens, created_at)
               VALUES ('ada', 'anthropic', 'chat', 0, 6000, now() - interval '57 s')"""
        )
        model.says(turn(tool_use("recall", LOOKING), usage=anthropic.ReportedUsage(2000, 10)), turn(text("Late.")))
        assert (await ada.ask())["text"] == "Late."
        assert time.monotonic() - began > 2.9  # the minute is over then


async def test_what_one_turn_may_still_use_is_not_there_for_another(
    database_dsn: str, tmp_path: Path, model: Model, javascript: JavaScript
) -> None:
    async with brains.server(database_dsn, tmp_path, model, TOKENS_PER_MINUTE="12000") as server:
        ada = await Browser.open(javascript, server)
        model.says(turn(text("One", anthropic.HANG)))
        first = await ada.begin()
        await ada.client.wait_for("response-delta")
        refused = await ada.client.emit_ack("message", {"message": "two"})
        assert (refused["code"], refused["details"]["unit"]) == ("rate_limited", "tokens per minute")
        assert refused["retryAfter"] == 5
        await ada.client.emit_ack("cancel", {"requestId": first["requestId"]})
        await ada.end(first["requestId"])
        model.says(turn(text("Two.")))
        assert (await ada.ask())["text"] == "Two."


async def test_a_browser_that_does_not_answer_is_told_to_the_model(
    database_dsn: str, tmp_path: Path, model: Model, javascript: JavaScript
) -> None:
    model.says(turn(tool_use("playProject", {}, id="toolu_play")), turn(text("It did not start.")))
    async with brains.server(database_dsn, tmp_path, model, TURN_FUNCTION_SECONDS="0.5") as server:
        ada = await Browser.open(javascript, server)
        began = time.monotonic()
        done = await ada.ask("play")
        assert time.monotonic() - began >= 0.5
        assert done["text"] == "It did not start."
        result = model.requests[1].messages[-1]["content"][0]
        assert result["is_error"]
        assert "did not answer within 0.5 seconds" in result["content"]
        late = await ada.client.emit_ack("function-result", {"callId": "toolu_play", "output": 1})
        assert late["code"] == "not_found"


@pytest.mark.parametrize("slow", [text("So far", anthropic.HANG), tool_use("playProject", {})])
async def test_a_turn_that_takes_too_long_ends_with_what_was_said(
    database_dsn: str, tmp_path: Path, model: Model, javascript: JavaScript, slow: anthropic.Block
) -> None:
    model.says(turn(text("Yes."), slow))
    async with brains.server(database_dsn, tmp_path, model, TURN_SECONDS="3") as server:
        ada = await Browser.open(javascript, server)
        began = time.monotonic()
        done = await ada.ask()
        assert time.monotonic() - began >= 3
        assert (done["stopReason"], done["text"][:4]) == ("time_limit", "Yes.")
        assert done["notice"]
        assert (await model.requests[0].over()).ended
        model.says(turn(text("Go on.")))
        assert (await ada.ask(conversationId=done["conversationId"]))["text"] == "Go on."


async def test_one_turn_runs_a_bounded_number_of_functions(
    database_dsn: str, tmp_path: Path, model: Model, javascript: JavaScript
) -> None:
    model.says(turn(*(tool_use("recall", LOOKING) for _ in range(103))), turn(text("Enough.")))
    async with brains.server(database_dsn, tmp_path, model) as server:
        ada = await Browser.open(javascript, server)
        await ada.ask()
        results = model.requests[1].messages[-1]["content"]
        assert [bool(each.get("is_error")) for each in results] == [False] * 100 + [True] * 3
        assert "100" in json.dumps(results[-1])
