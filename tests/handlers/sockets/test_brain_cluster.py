"""The assistant on two replicas with one Postgres and one Redis, as processes that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis.asyncio

from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Browser, Model
from tests.javascript.client import JavaScript
from tests.servers.dawg import DawgProcess
from tests.servers.valkey import Valkey
from tests.simulators import anthropic
from tests.simulators.anthropic import text, tool_use, turn

Replicas = tuple[DawgProcess, DawgProcess]
LEASE = 8.0  # seconds after which the places of a killed replica are free


@pytest.fixture
async def replicas(scratch_folder: Path, database_dsn: str, valkey: Valkey, model: Model) -> AsyncIterator[Replicas]:
    shared = {
        "DATABASE_URL": database_dsn,
        "REDIS_URL": valkey.url,
        "WEBSOCKET_REDIS_ADAPTER": "true",
        "ANTHROPIC_API_KEY": "sk-test-of-brain",
        "ANTHROPIC_BASE_URL": model.simulator.base_url,
        "TURNS_PER_MINUTE": "14",
        "JOB_CONCURRENCY": "0",
        "CPU_WORKERS": "1",
    }
    made = []
    for name in ("a", "b"):
        (scratch_folder / name).mkdir()
        made.append(DawgProcess(scratch_folder / name, **shared))
    first, second = made
    async with contextlib.AsyncExitStack() as stack:
        for each in await asyncio.gather(*(each.__aenter__() for each in made), return_exceptions=True):
            assert isinstance(each, DawgProcess), each
            stack.push_async_exit(each)
        yield first, second


async def test_an_answer_for_all_sockets_of_a_user_is_heard_on_every_replica(
    replicas: Replicas, model: Model, javascript: JavaScript
) -> None:
    here, there = replicas
    window = await javascript.connect(there.url, auth={"userId": "ada"})
    model.says(turn(text("Warm", " bass."), delay=0.15))
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{here.url}/api/chat/message", json={"message": "hi"}, headers={"X-User-Id": "ada"}) as reply,
    ):
        assert (await reply.json())["content"] == "Warm bass."
    await window.wait_for("chat:complete")
    assert "".join(each["chunk"] for each in window.received("chat:stream")) == "Warm bass."


async def test_conversations_and_limits_are_the_same_on_every_replica(
    replicas: Replicas, model: Model, javascript: JavaScript, valkey: Valkey
) -> None:
    here, there = replicas
    await asyncio.gather(*(brains.warm(each) for each in replicas))
    at_a, at_b = await Browser.open(javascript, here), await Browser.open(javascript, there)
    window = await javascript.connect(there.url, auth={"userId": "ada"})
    model.says(turn(text("Begun on A.")))
    conversation = {"conversationId": (await at_a.ask("first words"))["conversationId"]}  # 1
    assert (await window.emit_ack("join:conversation", conversation))["success"]
    async with _monitored(valkey.url) as heard:
        model.says(turn(text(*(f"piece{n} " for n in range(30))), delay=0.02))
        done = await at_b.ask("and now?", **conversation)  # 2
        assert done["text"].count("piece") == 30
        assert "first words" in json.dumps(model.requests[-1].messages)
        model.says(turn(text("Back on A.")))
        await at_a.ask("so?", **conversation)  # 3
        await window.wait_for("chat:complete", lambda told: told["content"] == "Back on A.")
    assert [line for line in heard if "Back on A." in line]
    assert not [line for line in heard if "piece3" in line and "chat:completed" not in line]

    model.says(*(turn(text("…", anthropic.HANG)) for _ in range(2)))
    first = await at_a.begin(requestId="one", **conversation)  # 4
    same = await at_b.client.emit_ack("message", {"message": "x", **conversation})  # 5
    assert (same["code"], same["retryAfter"]) == ("turn_in_progress", 5)
    double = await at_b.client.emit_ack("message", {"message": "x", "requestId": "one"})  # 6
    assert double["code"] == "duplicate_request"
    await at_b.begin(requestId="two")  # 7
    for browser in (at_a, at_b):  # 8, 9
        third = await browser.client.emit_ack("message", {"message": "x"})
        assert (third["code"], third["details"]["limit"]) == ("rate_limited", 2)
    for browser, request_id in ((at_a, first["requestId"]), (at_b, "two")):
        await browser.client.emit_ack("cancel", {"requestId": request_id})
        await browser.end(request_id)

    model.always = lambda request: turn(text("ok"))
    acks = await asyncio.gather(
        *(browser.client.emit_ack("message", {"message": "x"}) for browser in (at_a, at_b) * 6)
    )  # 10 to 21
    refused = Counter(ack.get("details", {}).get("limit") for ack in acks if not ack["success"])
    assert refused[14] == 7, acks
    assert all(0 < ack["retryAfter"] <= 60 for ack in acks if not ack["success"])


@pytest.mark.long
async def test_a_replica_that_is_killed_in_the_middle_of_a_turn_leaves_it_to_the_other(
    replicas: Replicas, model: Model, javascript: JavaScript
) -> None:
    here, there = replicas
    await asyncio.gather(*(brains.warm(each) for each in replicas))
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{here.url}/api/projects", json={"name": "Song"}, headers={"X-User-Id": "ada"}) as reply:
            project_id = (await reply.json())["id"]
        at_a, at_b = await Browser.open(javascript, here), await Browser.open(javascript, there)
        model.says(
            turn(
                text("Right away."),
                tool_use("createTrack", {"name": "Once"}, id="toolu_done"),
                tool_use("playProject", {}, id="toolu_open"),
            )
        )
        conversation = {
            "conversationId": (await at_a.begin("a track, and play", projectId=project_id))["conversationId"]
        }
        await at_a.client.wait_for("function-call")
        await here.stop(signal.SIGKILL)
        refused = await at_b.client.emit_ack("message", {"message": "go on", **conversation})
        assert (refused["code"], refused["retryAfter"]) == ("turn_in_progress", 5)
        model.says(turn(text("There it is.")))
        ack = await _accepted(at_b, {"message": "go on", **conversation})
        done = await at_b.end(ack["requestId"])
        assert done["text"] == "There it is."
        told = next(each for each in reversed(model.requests) if "tools" in each.body).messages  # not that of the title
        answered = [block for message in told for block in message["content"] if block["type"] == "tool_result"]
        assert {each["tool_use_id"] for each in answered} == {"toolu_done", "toolu_open"}
        assert all(each["is_error"] and "before you repeat it" in each["content"] for each in answered)
        assert "Once" in told[-1]["content"][-1]["text"]
        async with http.get(f"{there.url}/api/projects/{project_id}", headers={"X-User-Id": "ada"}) as reply:
            tracks = (await reply.json())["tracks"]
        assert [each["name"] for each in tracks] == ["Once"]
        assert at_b.client.received("tool-start") == []


async def _accepted(browser: Browser, message: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(LEASE + 4):
        while not (ack := await browser.client.emit_ack("message", message))["success"]:
            await asyncio.sleep(1.5)  # tries count as questions
    return dict(ack)


@contextlib.asynccontextmanager
async def _monitored(url: str) -> AsyncIterator[list[str]]:
    """Every command that Redis gets meanwhile."""
    heard: list[str] = []
    async with redis.asyncio.Redis.from_url(url) as client, client.monitor() as monitor:

        async def listen() -> None:
            async for command in monitor.listen():
                heard.append(command["command"])

        task = asyncio.create_task(listen(), name="redis monitor")
        await asyncio.sleep(0.1)
        yield heard
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
