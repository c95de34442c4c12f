"""`/chat`, as the published clients call it: the assistant's conversations, and answers that all sockets hear."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Model
from tests.javascript.client import JavaScript
from tests.servers.dawg import Dawg
from tests.simulators import anthropic
from tests.simulators.anthropic import text, tool_use, turn

CHAT = "/api/v1/chat"
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, model: Model) -> AsyncIterator[Dawg]:
    async with brains.server(database_dsn, tmp_path, model) as running:
        yield running


async def conversation(server: Dawg, user: str = "ada") -> str:
    status, made = await server.json("POST", f"{CHAT}/conversations", user, json={"title": "Mine"})
    assert status == 201, made
    return str(made["id"])


async def say(server: Dawg, words: str, conversation_id: str | None = None, **fields: Any) -> dict[str, Any]:
    body = {"message": words, **({"conversationId": conversation_id} if conversation_id else {}), **fields}
    status, said = await server.json("POST", f"{CHAT}/message", json=body)
    assert status == 200, said
    return dict(said)


async def spoken(server: Dawg, conversation_id: str) -> list[tuple[str, str]]:
    _, read = await server.json("GET", f"{CHAT}/conversations/{conversation_id}")
    return [(each["role"], each["content"]) for each in read["messages"]]


async def test_conversations_are_the_same_under_both_addresses(server: Dawg, model: Model) -> None:
    first = await conversation(server)
    for path in (f"{CHAT}/conversations", "/api/chat/conversations", "/api/ai-brain/conversations"):
        _, listed = await server.json("GET", f"{path}?limit=1")
        assert [each["id"] for each in listed["conversations"]] == [first]
        assert listed["pagination"] == {"total": 1, "limit": 1, "offset": 0}
        _, read = await server.json("GET", f"{path}/{first}")
        assert (read["id"], read["title"], read["messages"]) == (first, "Mine", [])
    for method, name in (("PUT", "One"), ("PATCH", "Two")):
        _, renamed = await server.json(method, f"{CHAT}/conversations/{first}", json={"title": name})
        assert renamed["title"] == name
    for method, options in (("GET", {}), ("PATCH", {"json": {"title": "Hers"}}), ("DELETE", {})):
        assert (await server.json(method, f"{CHAT}/conversations/{first}", "bob", **options))[0] == 404
    assert (await server.json("DELETE", f"{CHAT}/conversations/{first}"))[1]["deleted"] is True
    assert (await server.json("DELETE", f"{CHAT}/conversations/{first}"))[0] == 404


@pytest.mark.parametrize("namespace", ["/", "/api"])
async def test_all_sockets_of_the_caller_hear_the_answer_come(
    server: Dawg, model: Model, javascript: JavaScript, namespace: str
) -> None:
    window, other = [
        await javascript.connect(server.url, namespace=namespace, auth={"userId": user}) for user in ("ada", "bob")
    ]
    id = await conversation(server)
    model.says(turn(text("Warm", " bass", " it is."), delay=0.15))
    said = await say(server, "which bass?", id)
    assert said["content"] == said["response"] == "Warm bass it is."
    assert said["conversationId"] == id
    complete = await window.wait_for("chat:complete")
    assert (complete["content"], complete["messageId"], complete["conversationId"]) == (
        said["content"],
        said["messageId"],
        id,
    )
    pieces = window.received("chat:stream")
    assert pieces
    assert "".join(each["chunk"] for each in pieces) == "Warm bass it is."
    assert {each["messageId"] for each in pieces} == {said["messageId"]}
    assert other.received("chat:stream") == other.received("chat:complete") == []
    assert await spoken(server, id) == [("user", "which bass?"), ("assistant", "Warm bass it is.")]


async def test_a_socket_that_joined_the_conversation_hears_each_word_once(
    server: Dawg, model: Model, javascript: JavaScript
) -> None:
    window = await javascript.connect(server.url, auth={"userId": "ada"})
    id = await conversation(server)
    assert (await window.emit_ack("join:conversation", {"conversationId": id}))["success"]
    model.says(turn(text("Once.")), turn(text("Alone.")))
    await say(server, "hi", id)
    await window.wait_for("chat:complete")
    assert [each["chunk"] for each in window.received("chat:stream")] == ["Once."]
    quiet = await javascript.connect(server.url, auth={"userId": "ada"})
    await server.json("POST", "/api/chat", json={"message": "hi", "conversationId": id})
    await window.wait_for("chat:complete", lambda told: told["content"] == "Alone.")
    assert quiet.received("chat:stream") == []


async def test_what_is_wrong_with_a_message_is_told(server: Dawg, model: Model) -> None:
    hers = await conversation(server, "bob")
    for body, code in (({}, "validation_error"), ({"message": "hi", "conversationId": hers}, "not_found")):
        _, refused = await server.json("POST", f"{CHAT}/message", json=body)
        assert (refused["code"], refused["function_call"]) == (code, None)


async def test_the_newest_answer_is_made_anew(server: Dawg, model: Model) -> None:
    id = await conversation(server)
    model.says(turn(text("One.")), turn(text("Look."), tool_use("recall", {"query": "x"})), turn(text("Two.")))
    first = await say(server, "first", id)
    old = await say(server, "second", id)
    model.says(turn(text("Better.")))
    path = f"{CHAT}/conversations/{id}/regenerate"
    status, new = await server.json("POST", path, json={"messageId": old["messageId"]})
    assert (status, new["content"], new["conversationId"]) == (200, "Better.", id), new
    assert new["messageId"] != old["messageId"]
    asked = json.dumps(model.requests[-1].body["messages"])
    assert "Two." not in asked
    assert asked.count('"second"') == 1
    assert await spoken(server, id) == [
        *(("user", "first"), ("assistant", "One.")),
        *(("user", "second"), ("assistant", "Better.")),
    ]
    assert (await server.json("POST", path, json={"messageId": first["messageId"]}))[1]["code"] == "conflict"
    assert (await server.json("POST", path, "bob", json={}))[0] == 404
    status, refused = await server.json("POST", f"{CHAT}/conversations/{NOBODYS}/regenerate", json={})
    assert (status, refused["response"], refused["function_call"]) == (404, refused["error"], None)
    nothing_asked = await conversation(server)
    path = f"{CHAT}/conversations/{nothing_asked}/regenerate"
    assert (await server.json("POST", path, json={}))[1]["code"] == "conflict"


@pytest.mark.parametrize(
    "reply",
    [
        anthropic.unauthorized(),
        turn(text("Half a"), anthropic.Fail()),
        turn(text("  ")),
        (turn(text("Look."), tool_use("recall", {"query": "x"})), anthropic.unauthorized()),
    ],
)
async def test_the_old_answer_stays_until_there_is_a_new_one(server: Dawg, model: Model, reply: Any) -> None:
    id = await conversation(server)
    model.says(turn(text("One.")), turn(text("Look."), tool_use("recall", {"query": "x"})), turn(text("Two.")))
    await say(server, "first", id)
    await say(server, "second", id)
    before = await spoken(server, id)
    replies = reply if isinstance(reply, tuple) else (reply,)
    model.says(*replies, *replies)  # what is empty is asked for twice
    path = f"{CHAT}/conversations/{id}/regenerate"
    status, failed = await server.json("POST", path, json={})
    assert (status, failed["success"]) in ((502, False), (200, True)), failed
    assert await spoken(server, id) == before
    model.waiting.clear()
    model.says(turn(text("Best.")))
    assert (await server.json("POST", path, json={}))[1]["content"] == "Best."
    assert await spoken(server, id) == [*before[:2], ("user", "second"), ("assistant", "Best.")]


async def test_hanging_up_on_a_new_answer_keeps_the_old_one(server: Dawg, model: Model) -> None:
    id = await conversation(server)
    model.says(turn(text("One.")), turn(text("Half a", anthropic.HANG)))
    await say(server, "first", id)
    before = await spoken(server, id)
    path = f"{CHAT}/conversations/{id}/regenerate"
    asking = asyncio.create_task(server.json("POST", path, json={}))
    await model.reached(2)
    assert await spoken(server, id) == before
    asking.cancel()
    assert (await model.requests[1].over()).hung_up
    model.says(turn(text("Best.")))
    async with asyncio.timeout(10):
        while (reply := await server.json("POST", path, json={}))[0] != 200:
            assert reply[1]["code"] == "turn_in_progress", reply
            await asyncio.sleep(0.05)
    assert await spoken(server, id) == [("user", "first"), ("assistant", "Best.")]


async def test_a_refusal_to_make_an_answer_anew_keeps_the_old_one(server: Dawg, model: Model) -> None:
    id = await conversation(server)
    model.says(turn(text("One.")))
    await say(server, "first", id)
    budget = {"dailyLimit": 0.0001, "pauseOnExceed": True}
    assert (await server.json("PUT", "/api/cost-monitoring/budget", json=budget))[0] == 200
    status, refused = await server.json("POST", f"{CHAT}/conversations/{id}/regenerate", json={})
    assert (status, refused["code"]) == (429, "budget_exceeded")
    assert await spoken(server, id) == [("user", "first"), ("assistant", "One.")]
