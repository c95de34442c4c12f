"""How words and calls travel between the model and browsers that are slow, gone, or two at once."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Browser, Model
from tests.javascript.client import JavaScript
from tests.servers.dawg import Dawg, DawgProcess
from tests.simulators import anthropic
from tests.simulators.anthropic import text, thinking, tool_use, turn


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, model: Model) -> AsyncIterator[Dawg]:
    async with brains.server(database_dsn, tmp_path, model) as running:
        yield running


@pytest.fixture
async def ada(server: Dawg, javascript: JavaScript) -> Browser:
    return await Browser.open(javascript, server)


async def test_a_browser_that_reads_slowly_gets_longer_pieces_and_every_word(server: Dawg, model: Model) -> None:
    pieces = [f"<{n}>" + "la " * 1400 for n in range(100)]
    model.says(turn(text(*pieces), delay=0.005))
    address = f"{server.url}/socket.io/?EIO=4&transport=polling"
    async with server.http.get(address) as reply:
        address += "&sid=" + json.loads((await reply.text())[1:])["sid"]
    polled: list[str] = []

    async def poll() -> None:
        async with server.http.get(address) as reply:
            polled.extend((await reply.text()).split("\x1e"))

    for packet in ('40/ai-brain,{"userId":"ada"}', '42/ai-brain,["message",{"message":"sing"}]'):
        async with server.http.post(address, data=packet) as reply:
            assert reply.status == 200
        await poll()
    while not model.requests:
        await asyncio.sleep(0.01)
    await model.requests[0].over()  # nobody polls meanwhile
    while not any("response-done" in packet for packet in polled):
        await poll()
    told = [json.loads(packet.partition(",")[2]) for packet in polled if packet.startswith("42/")]
    deltas = [payload["text"] for event, payload in told if event == "response-delta"]
    assert "".join(deltas) == told[-1][1]["text"] == "".join(pieces)
    assert max(map(len, deltas)) > 300_000


async def test_cancelling_hangs_up_also_before_the_provider_has_said_anything(model: Model, ada: Browser) -> None:
    async def think(request: anthropic.ReceivedRequest) -> anthropic.ScriptedMessage:
        await asyncio.sleep(60)
        raise AssertionError

    model.says(think)
    await ada.begin(requestId="r-1")
    while not model.requests:
        await asyncio.sleep(0.005)
    assert (await ada.client.emit_ack("cancel", {"requestId": "r-1"}))["cancelled"] is True
    assert (await model.requests[0].over()).hung_up
    assert (await ada.end("r-1"))["stopReason"] == "cancelled"


async def test_thoughts_are_not_words_so_an_overload_after_them_is_tried_again(model: Model, ada: Browser) -> None:
    model.says(turn(thinking("let me", " see"), anthropic.Fail()), turn(text("Now.")))
    assert (await ada.ask())["text"] == "Now."


async def test_results_of_browsers_go_to_their_own_turn_even_under_one_id(
    server: Dawg, model: Model, ada: Browser, javascript: JavaScript
) -> None:
    other = await Browser.open(javascript, server)

    def play(request: anthropic.ReceivedRequest) -> anthropic.ScriptedMessage:
        last = request.messages[-1]["content"]
        if last[0]["type"] == "tool_result":
            return turn(text(f"{request.messages[0]['content'][0]['text']} {last[0]['content']}"))
        return turn(tool_use("playProject", {}, id="toolu_1"))

    model.always = play
    asked = [await ada.begin("first"), await other.begin("second")]
    for browser in (other, ada):
        await browser.client.wait_for("function-call")
    for browser, output in ((other, "two"), (ada, "one")):
        ack = await browser.client.emit_ack("function-result", {"callId": "toolu_1", "output": output})
        assert ack["success"]
    ends = [await browser.end(ack["requestId"]) for browser, ack in zip((ada, other), asked, strict=True)]
    assert [end["text"] for end in ends] == ["first one", "second two"]


async def test_what_was_sent_before_is_sent_again_byte_for_byte(server: Dawg, model: Model, ada: Browser) -> None:
    project_id = await brains.project(server)
    model.says(
        turn(thinking("…"), tool_use("setTempo", {"bpm": 99})),
        turn(text("Done.")),
        turn(text("Yes.")),
        turn(text("Still.")),
    )
    conversation = {"conversationId": (await ada.ask("faster", projectId=project_id))["conversationId"]}
    for words in ("sure?", "really?"):
        await ada.ask(words, **conversation)
    first, _, third, fourth = (request.body for request in model.requests)
    for part in ("tools", "system"):
        assert len({json.dumps(request.body[part]) for request in model.requests}) == 1
    assert first["system"][-1]["cache_control"] == {"type": "ephemeral"}
    before = third["messages"][:-1]
    assert before[-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    assert json.dumps(_bare(fourth["messages"][: len(before)])) == json.dumps(_bare(before))
    assert len(before) == 4
    marks = [json.dumps(request.body).count('"cache_control"') for request in model.requests]
    assert max(marks) <= 4


async def test_a_server_that_is_told_to_stop_lets_an_answer_end(
    scratch_folder: Path, model: Model, javascript: JavaScript
) -> None:
    keys = {"ANTHROPIC_API_KEY": "sk-test-of-brain", "ANTHROPIC_BASE_URL": model.simulator.base_url}
    async with DawgProcess(scratch_folder, DRAIN_SECONDS="6", **keys) as process:
        await brains.warm(process)
        ada, bob = await Browser.open(javascript, process), await Browser.open(javascript, process, "bob")
        model.says(turn(text("Until", anthropic.Pause(3), " the end.")), turn(text("Endless", anthropic.HANG)))
        short = await ada.begin()
        await ada.client.wait_for("response-delta")
        endless = await bob.begin()
        await bob.client.wait_for("response-delta")
        assert await process.stop(signal.SIGTERM) == 0
        assert (await ada.end(short["requestId"]))["text"] == "Until the end."
        assert (await bob.end(endless["requestId"]))["stopReason"] == "cancelled"


def _bare(messages: list[Any]) -> list[Any]:
    return [
        {**each, "content": [{k: v for k, v in block.items() if k != "cache_control"} for block in each["content"]]}
        for each in messages
    ]
