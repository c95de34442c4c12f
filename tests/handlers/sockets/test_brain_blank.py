"""Text without a visible character: the provider refuses to read it back, so nothing of it is stored, sent or told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server.database import conversations, messages
from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Browser, Model
from tests.javascript.client import JavaScript
from tests.servers.dawg import Dawg
from tests.simulators import anthropic
from tests.simulators.anthropic import text, thinking, tool_use, turn

BLANK = ("\n\n", " ", "\t\n", "\u3000\u2003", "\u200b\ufeff")
LOOKING = {"query": "bass"}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, model: Model) -> AsyncIterator[Dawg]:
    async with brains.server(database_dsn, tmp_path, model) as running:
        yield running


@pytest.fixture
async def ada(server: Dawg, javascript: JavaScript) -> Browser:
    return await Browser.open(javascript, server)


async def stored(server: Dawg, conversation_id: str) -> list[tuple[str, list[str]]]:
    """(role, the types of its blocks, with their words) of every message."""
    rows = await messages.of_conversation(server.services.platform.database, conversation_id)
    return [(row["role"], [block.get("text", block["type"]) for block in row["content"]]) for row in rows]


def asked_back(model: Model) -> str:
    """What the model was told last."""
    return json.dumps(model.requests[-1].body["messages"], ensure_ascii=False)


@pytest.mark.parametrize("blank", BLANK)
async def test_blank_text_before_a_call_is_dropped(server: Dawg, model: Model, ada: Browser, blank: str) -> None:
    model.says(turn(text(blank), tool_use("recall", LOOKING)), turn(text("There.")), turn(text("Yes.")))
    done = await ada.ask()
    assert done["text"] == "There." == ada.words(done["requestId"])
    assert await stored(server, done["conversationId"]) == [
        ("user", ["faster"]),
        ("assistant", ["tool_use"]),
        ("tool", ["tool_result"]),
        ("assistant", ["There."]),
    ]
    assert (await ada.ask(conversationId=done["conversationId"]))["text"] == "Yes."


@pytest.mark.parametrize("blank", BLANK)
async def test_a_blank_answer_is_asked_for_once_more(server: Dawg, model: Model, ada: Browser, blank: str) -> None:
    model.says(turn(text(blank, blank)), turn(text("Now.")), turn(text("Yes.")))
    done = await ada.ask()
    assert (done["text"], done["notice"]) == ("Now.", None)
    assert await stored(server, done["conversationId"]) == [("user", ["faster"]), ("assistant", ["Now."])]
    assert ada.client.received("usage")[-1]["outputTokens"] >= 2  # both answers are paid for
    assert (await ada.ask(conversationId=done["conversationId"]))["text"] == "Yes."


@pytest.mark.parametrize("blocks", [(text("\n\n"),), (thinking("hm"), text("\n")), (thinking("hm"),), ()])
async def test_a_model_that_stays_silent_is_said_so_and_the_talk_goes_on(
    server: Dawg, model: Model, ada: Browser, blocks: tuple[anthropic.Block, ...]
) -> None:
    model.says(turn(*blocks), turn(*blocks), turn(text("Yes.")))
    done = await ada.ask()
    assert (done["text"], done["stopReason"]) == ("", "end_turn")
    assert "again" in done["notice"]
    assert ada.client.received("response-delta") == []
    assert await stored(server, done["conversationId"]) == [("user", ["faster"]), ("assistant", [])]
    assert (await ada.ask(conversationId=done["conversationId"]))["text"] == "Yes."
    shown = (await server.json("GET", f"/api/ai-brain/conversations/{done['conversationId']}"))[1]
    assert [each["content"] for each in shown["messages"]] == ["faster", "", "faster", "Yes."]


async def test_a_model_that_only_works_is_asked_what_came_of_it(model: Model, ada: Browser) -> None:
    model.says(turn(tool_use("recall", LOOKING)), turn(text("\n")), turn(text("Nothing was known.")))
    assert (await ada.ask())["text"] == "Nothing was known."
    model.says(turn(text("Looking."), tool_use("recall", LOOKING)), turn(text("\n")))
    assert (await ada.ask())["text"] == "Looking."  # something was said, so nothing more is paid for


async def test_white_space_between_words_stays_and_around_them_is_not_told(model: Model, ada: Browser) -> None:
    model.says(
        turn(text("\n\n", "One", " ", "two", "\n"), tool_use("recall", LOOKING)), turn(text(" ", "\n", "three", " "))
    )
    done = await ada.ask()
    assert done["text"] == "One two\n\nthree" == ada.words(done["requestId"])


async def test_a_paused_message_goes_back_without_blank_text_and_white_space_at_its_end(
    model: Model, ada: Browser
) -> None:
    model.says(
        turn(text("\n"), text("Let me see. \n"), stop_reason="pause_turn"),
        turn(text("\n"), stop_reason="pause_turn"),
        turn(text("Done.")),
    )
    assert (await ada.ask())["text"].split() == ["Let", "me", "see.", "Done."]


async def test_a_turn_that_is_cancelled_in_white_space_leaves_nothing_blank(
    server: Dawg, model: Model, ada: Browser
) -> None:
    model.says(turn(text("\n\n", anthropic.HANG)), turn(text("Yes.")))
    ack = await ada.begin()
    await model.reached(1)
    await ada.client.emit_ack("cancel", {"requestId": ack["requestId"]})
    done = await ada.end(ack["requestId"])
    assert (done["text"], done["stopReason"]) == ("", "cancelled")
    assert await stored(server, ack["conversationId"]) == [("user", ["faster"]), ("assistant", [])]
    assert (await ada.ask(conversationId=ack["conversationId"]))["text"] == "Yes."


@pytest.mark.parametrize("output", ["", "\n\n", " "])
async def test_a_function_of_the_browser_may_answer_with_nothing(model: Model, ada: Browser, output: str) -> None:
    model.says(turn(tool_use("playProject", {}, id="toolu_play")), turn(text("It plays.")))
    ack = await ada.begin("play")
    await ada.client.wait_for("function-call")
    answer = {"callId": "toolu_play", "output": output, "isError": True}
    assert (await ada.client.emit_ack("function-result", answer))["success"]
    assert (await ada.end(ack["requestId"]))["text"] == "It plays."


def words(blank: str) -> dict[str, Any]:
    return {"type": "text", "text": blank}


CALL = {"type": "tool_use", "id": "toolu_old", "name": "recall", "input": LOOKING}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_old", "content": ""}
WEDGED: dict[str, list[tuple[messages.Role, list[dict[str, Any]]]]] = {
    "an answer": [("user", [words("hi")]), ("assistant", [words("\n\n")])],
    "before a call": [
        ("user", [words("hi")]),
        ("assistant", [words("\n\n"), CALL]),
        ("tool", [RESULT | {"content": "found"}]),
        ("assistant", [words("Found.")]),
    ],
    "a result": [
        ("user", [words("hi")]),
        ("assistant", [CALL]),
        ("tool", [RESULT | {"is_error": True}]),
        ("assistant", [words("Found.")]),
    ],
    "blocks of a result": [
        ("user", [words("hi")]),
        ("assistant", [CALL]),
        ("tool", [RESULT | {"content": [words("\n"), words("found")]}]),
        ("assistant", [words("Found.")]),
    ],
    "thoughts alone": [("user", [words("hi")]), ("assistant", [{"type": "thinking", "thinking": "", "signature": ""}])],
    "a question": [("user", [words(" \n")]), ("assistant", [words("Hello.")])],
    "everything": [("user", [words("")]), ("assistant", [words("\t")]), ("assistant", [])],
    "no results": [("user", [words("hi")]), ("assistant", [words(" "), CALL]), ("tool", [])],
}


@pytest.mark.parametrize("kind", WEDGED)
async def test_a_conversation_that_holds_blank_text_goes_on(
    server: Dawg, model: Model, ada: Browser, kind: str
) -> None:
    database = server.services.platform.database
    row = await conversations.insert(database, "ada")
    conversation_id = str(row["id"])
    for role, content in WEDGED[kind]:
        await messages.append(database, conversation_id, role, content, stop_reason="end_turn")
    model.says(turn(text("Yes.")), turn(text("Still.")))
    assert (await ada.ask(conversationId=conversation_id))["text"] == "Yes."
    assert (await ada.ask(conversationId=conversation_id))["text"] == "Still."
    status, shown = await server.json("GET", f"/api/ai-brain/conversations/{conversation_id}")
    assert (status, shown["messages"][-1]["content"]) == (200, "Still.")


async def test_a_blank_summary_counts_as_none(server: Dawg, model: Model, ada: Browser) -> None:
    database = server.services.platform.database
    conversation_id = str((await conversations.insert(database, "ada"))["id"])
    await messages.append(database, conversation_id, "user", [words("old")])
    await messages.append(database, conversation_id, "assistant", [words("older")])
    await conversations.summarize(database, conversation_id, " \n", 0)
    model.says(turn(text("Yes.")))
    assert (await ada.ask(conversationId=conversation_id))["text"] == "Yes."
    assert "<summary>" not in asked_back(model)


@pytest.mark.parametrize("blank", (*BLANK, ""))
async def test_a_client_that_kept_a_blank_answer_can_go_on(
    server: Dawg, model: Model, ada: Browser, blank: str
) -> None:
    kept = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": blank},
        {"role": "user", "content": blank},
    ]
    for history in (kept, kept[1:]):
        model.says(*(turn(text("Yes.")) for _ in range(3)))
        asked = {"message": "faster", "conversationHistory": history}
        assert (await ada.ask(conversationHistory=history))["text"] == "Yes."
        for path in ("/api/chat", "/api/ai-brain/chat"):
            status, reply = await server.json("POST", path, json=asked)
            assert (status, reply["response"]) == (200, "Yes.")
            assert ("hello" in asked_back(model)) is (history is kept)


@pytest.mark.parametrize("blank", BLANK)
async def test_nobody_asks_with_nothing(server: Dawg, ada: Browser, blank: str) -> None:
    assert (await ada.client.emit_ack("message", {"message": blank}))["code"] == "validation_error"
    for path in ("/api/chat", "/api/ai-brain/chat"):
        assert (await server.json("POST", path, json={"message": blank}))[0] == 400
    conversation_id = (await server.json("POST", "/api/ai-brain/conversations", json={}))[1]["id"]
    path = f"/api/ai-brain/conversations/{conversation_id}"
    assert (await server.json("PATCH", path, json={"title": blank}))[0] == 400
    assert (await server.json("POST", "/api/ai-brain/conversations", json={"title": blank}))[0] == 400


@pytest.mark.parametrize("blank", BLANK)
async def test_a_blank_title_gives_way_to_the_question(server: Dawg, model: Model, ada: Browser, blank: str) -> None:
    model.title = blank
    model.says(turn(text("Yes.")))
    done = await ada.ask("warm bass please")
    title = await brains.title(server, done["conversationId"])
    assert title == "warm bass please"
