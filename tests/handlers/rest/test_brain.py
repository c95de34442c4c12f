"""The assistant over HTTP: as JSON, as a stream, and after the end of the process that answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dawg_server.daw.functions.catalogue import Catalogue
from tests.handlers.sockets import brains
from tests.handlers.sockets.brains import Model
from tests.servers import dawg
from tests.servers.dawg import Dawg, DawgProcess
from tests.simulators import anthropic
from tests.simulators.anthropic import text, tool_use, turn

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, model: Model) -> AsyncIterator[Dawg]:
    async with brains.server(database_dsn, tmp_path, model) as running:
        yield running


async def events(reply: aiohttp.ClientResponse) -> list[tuple[int, str, dict[str, Any]]]:
    told = []
    for part in (await reply.text()).split("\n\n"):
        fields = dict(line.split(": ", 1) for line in part.splitlines() if not line.startswith(":"))
        if fields:
            told.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return told


@pytest.mark.parametrize("path", ["/api/ai-brain/chat", "/api/chat", "/api/v1/ai-brain/chat"])
async def test_a_turn_as_json(server: Dawg, model: Model, path: str) -> None:
    project_id = await brains.project(server)
    model.says(turn(tool_use("setTempo", {"bpm": 90}), tool_use("playProject", {})), turn(text("Done.")))
    status, done = await server.json("POST", path, json={"message": "slow, then play", "projectId": project_id})
    assert status == 200, done
    assert done["response"] == done["text"] == done["message"]["content"] == "Done."
    assert [(each["name"], each["executed"]) for each in done["functionCalls"]] == [
        ("setTempo", True),
        ("playProject", False),
    ]
    assert done["function_call"]["name"] == "playProject"
    assert done["usage"]["costUsd"] > 0
    assert done["stopReason"] == "end_turn"
    project = (await server.json("GET", f"/api/projects/{project_id}"))[1]
    assert (project["bpm"], project["revision"]) == (90, done["revision"])


async def test_a_turn_as_a_stream_of_the_same_events(server: Dawg, model: Model) -> None:
    model.says(turn(text("a", "b"), tool_use("recall", {"query": "x"}), delay=0.02), turn(text("c")))
    headers = server.as_user("ada") | STREAM
    async with server.http.post(f"{server.url}/api/chat", json={"message": "x"}, headers=headers) as reply:
        assert reply.content_type == "text/event-stream"
        told = await events(reply)
    assert [number for number, _, _ in told] == list(range(1, len(told) + 1))
    names = [name for _, name, _ in told]
    assert names[-2:] == ["usage", "response-done"]
    assert names.index("tool-start") < names.index("tool-result")
    words = "".join(payload["text"] for _, name, payload in told if name == "response-delta")
    assert words == told[-1][2]["text"] == "ab\n\nc"
    assert len({payload["requestId"] for _, _, payload in told}) == 1


@pytest.mark.parametrize("headers", [STREAM, {}])
async def test_hanging_up_cancels_the_turn(server: Dawg, model: Model, headers: dict[str, str]) -> None:
    model.says(turn(text("Endless", anthropic.HANG)))
    asking = asyncio.create_task(
        server.http.post(f"{server.url}/api/chat", json={"message": "x"}, headers=server.as_user("ada") | headers)
    )
    async with asyncio.timeout(5):
        while not model.requests:
            await asyncio.sleep(0.01)
    if headers:
        (await asking).close()
    else:
        asking.cancel()
    assert (await model.requests[0].over()).hung_up


async def test_a_reader_who_takes_nothing_is_hung_up_on(
    server: Dawg, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.rest.brain.MAX_BEHIND", 20)
    calls = [tool_use("recall", {"query": "x"}) for _ in range(20)]
    model.says(turn(text(*["x" * 1_000_000] * 12), *calls), turn(text("Done.")))
    body = b'{"message": "x"}'
    head = f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nX-User-Id: ada\r\nContent-Length: {len(body)}\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        connection.sendall(f"{head}Content-Type: application/json\r\nAccept: text/event-stream\r\n\r\n".encode() + body)
        async with asyncio.timeout(30):
            while not model.requests or server.services.assistants.brain.active:
                await asyncio.sleep(0.05)
        connection.settimeout(10)
        taken = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := await asyncio.to_thread(connection.recv, 1_000_000):
                taken += piece
    assert b"event: response-delta" in taken
    assert b"event: usage" not in taken


async def test_an_error_after_the_first_byte_is_an_event_and_before_it_a_status(server: Dawg, model: Model) -> None:
    model.says(turn(text("So"), anthropic.Fail()), anthropic.unauthorized())
    headers = server.as_user("ada") | STREAM
    async with server.http.post(f"{server.url}/api/chat", json={"message": "x"}, headers=headers) as reply:
        told = await events(reply)
    assert (told[-1][1], told[-1][2]["code"]) == ("error", "provider_failed")
    status, refused = await server.json("POST", "/api/chat", json={"message": "x"})
    assert (status, refused["code"]) == (502, "provider_failed")
    status, refused = await server.json("POST", "/api/chat", json={"message": ""})
    assert (status, refused["code"]) == (400, "validation_error")


REFUSES = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW WHEN (NEW.role = 'assistant') EXECUTE FUNCTION refuse()
"""


async def test_a_turn_whose_answer_cannot_be_written_ends_and_is_settled(server: Dawg, model: Model) -> None:
    database = server.services.platform.database
    await database.execute(REFUSES)
    model.says(*(turn(text("Lost.")) for _ in range(3)))
    status, told = await server.json("POST", "/api/chat", json={"message": "x"})
    assert (status, told["code"]) == (500, "internal_error")
    headers = server.as_user("ada") | STREAM
    async with server.http.post(f"{server.url}/api/chat", json={"message": "x"}, headers=headers) as reply:
        last = (await asyncio.wait_for(events(reply), 10))[-1]
    assert (last[1], last[2]["code"]) == ("error", "internal_error")
    assert await database.fetch_value("SELECT count(*) FROM brain_turns") == 0
    assert server.services.assistants.brain.active == 0
    assert await database.fetch_value("SELECT count(*) FROM usage_records WHERE operation = 'chat'") == 2
    assert (await server.json("GET", "/api/cost-monitoring/budget"))[1]["status"]["dailyReserved"] == 0
    await database.execute("DROP FUNCTION refuse CASCADE")
    assert (await server.json("POST", "/api/chat", json={"message": "x"}))[0] == 200


async def test_conversations_are_listed_named_renamed_and_deleted(server: Dawg, model: Model) -> None:
    model.says(turn(tool_use("recall", {"query": "x"})), turn(text("Hello.")))
    first = (await server.json("POST", "/api/chat", json={"message": "hi"}))[1]["conversationId"]
    path = f"/api/ai-brain/conversations/{first}"
    async with asyncio.timeout(5):
        while (await server.json("GET", path))[1]["title"] is None:
            await asyncio.sleep(0.02)
    read = (await server.json("GET", path))[1]
    assert (read["title"], read["conversation"]["id"]) == ("Faster drums", first)
    assert [each["role"] for each in read["messages"]] == ["user", "assistant", "assistant"]
    assert read["messages"][1]["functionCalls"][0]["name"] == "recall"
    assert read["messages"][1]["functionCalls"][0]["result"]["success"] is True
    status, second = await server.json("POST", "/api/ai-brain/conversations", json={"title": "Mine"})
    assert status == 201
    listed = (await server.json("GET", "/api/ai-brain/conversations?limit=1"))[1]
    assert [each["id"] for each in listed["conversations"]] == [second["id"]]
    assert listed["pagination"] == {"total": 2, "limit": 1, "offset": 0}
    assert (await server.json("PATCH", path, json={"title": "New"}))[1]["title"] == "New"
    assert (await server.json("DELETE", path))[0] == 200
    assert (await server.json("GET", path))[0] == 404
    assert (await server.json("GET", "/api/ai-brain/conversations/nothing"))[0] == 404


async def test_a_conversation_without_messages_is_read_and_renamed(server: Dawg) -> None:
    made = (await server.json("POST", "/api/ai-brain/conversations", json={}))[1]["id"]
    path = f"/api/ai-brain/conversations/{made}"
    status, read = await server.json("GET", path)
    assert (status, read["messages"], read["messageCount"]) == (200, [], 0), read
    status, renamed = await server.json("PATCH", path, json={"title": "New"})
    assert (status, renamed["title"], renamed["conversation"]["messages"]) == (200, "New", []), renamed


async def test_a_long_conversation_is_read_in_pages(server: Dawg, model: Model) -> None:
    conversation_id = ""
    for number in range(4):
        model.says(turn(tool_use("recall", {"query": "x"})), turn(text(f"answer {number}")))
        question = {"message": f"question {number}"} | ({"conversationId": conversation_id} if conversation_id else {})
        conversation_id = (await server.json("POST", "/api/chat", json=question))[1]["conversationId"]
    path = f"/api/ai-brain/conversations/{conversation_id}"
    whole = (await server.json("GET", path))[1]
    assert whole["pagination"] == {"limit": 100, "before": None}
    assert len(whole["messages"]) == 12
    pages: list[list[Any]] = []
    query = "?limit=5"
    while query:
        status, read = await server.json("GET", path + query)
        assert status == 200, read
        pages.insert(0, read["messages"])
        before = read["pagination"]["before"]
        query = f"?limit=5&before={before}" if before is not None else ""
    assert [len(page) for page in pages] == [2, 5, 5]
    assert [each for page in pages for each in page] == whole["messages"]
    assert whole["messages"][1]["functionCalls"][0]["executed"]
    for wrong in ("limit=0", "limit=201", "before=-1", "before=x"):
        assert (await server.json("GET", f"{path}?{wrong}"))[0] == 400


@pytest.mark.parametrize("why", ["budget", "tokens", "other project"])
async def test_a_question_that_is_refused_leaves_no_conversation(server: Dawg, why: str) -> None:
    question = {"message": "hi"}
    match why:
        case "budget":
            body = {"dailyLimit": 0.01, "pauseOnExceed": True}
            assert (await server.json("PUT", "/api/cost-monitoring/budget", json=body))[0] == 200
            code = "budget_exceeded"
        case "tokens":
            await brains.project(server)
            await server.services.platform.database.execute(
                """INSERT INTO usage_records (owner_id, service, operation, total_cost, input_tokens)
                   VALUES ('ada', 'anthropic', 'chat', 0, 10000000)"""
            )
            code = "rate_limited"
        case _:
            question["projectId"] = await brains.project(server, "bob")
            code = "not_found"
    refused = (await server.json("POST", "/api/chat", json=question))[1]
    assert refused["code"] == code, refused
    assert (await server.json("GET", "/api/ai-brain/conversations"))[1]["pagination"]["total"] == 0
    assert await server.services.platform.database.fetch_value("SELECT count(*) FROM brain_turns") == 0
    status = await server.services.platform.costs.status("ada")
    assert status.daily.reserved == 0


async def test_what_the_provider_refuses_is_logged_in_its_own_words(scratch_folder: Path, model: Model) -> None:
    keys = {"ANTHROPIC_API_KEY": "sk-test-of-brain", "ANTHROPIC_BASE_URL": model.simulator.base_url}
    refusals = [
        anthropic.unauthorized("this key was turned off"),
        anthropic.ErrorReply(400, "invalid_request_error", "messages: something is wrong"),
        anthropic.rate_limited(60, "the organization's limit is reached"),
    ]
    async with DawgProcess(scratch_folder, **keys) as process, aiohttp.ClientSession() as http:
        for refusal in (*refusals, turn(text("So"), anthropic.Fail(message="we are overloaded"))):
            model.says(refusal)
            async with http.post(f"{process.url}/api/chat", json={"message": "x"}) as reply:
                assert reply.status in (429, 502)
        logged = [line for line in process.log() if line.get("action") == "provider_refused"]
    sentences = [*(refusal.message for refusal in refusals), "we are overloaded"]
    assert [line["provider_message"] for line in logged] == sentences
    assert all(line["provider_request_id"].startswith("req_01") for line in logged)
    assert [line["level"] for line in logged] == ["error", "error", "warning", "warning"]


async def test_one_sentence_is_done_outside_of_every_conversation(server: Dawg, model: Model) -> None:
    project_id = await brains.project(server)
    model.says(turn(tool_use("setTempo", {"bpm": 77}), tool_use("playProject", {})), turn(text("Slower.")))
    body = {"command": "slower, and play", "projectId": project_id, "currentState": {"playing": False}}
    status, done = await server.json("POST", "/api/v1/ai/daw-command", json=body)
    assert status == 200, done
    assert (done["action"], done["message"], done["result"]["success"]) == ("setTempo", "Slower.", True)
    assert [each["name"] for each in done["functionCalls"]] == ["playProject"]
    assert done["revision"] == (await server.json("GET", f"/api/projects/{project_id}"))[1]["revision"]
    assert (await server.json("GET", "/api/ai-brain/conversations"))[1]["pagination"]["total"] == 0
    assert (await server.json("POST", "/api/v1/ai/daw-command", "bob", json=body))[0] == 404


async def test_the_catalogue_in_tool_form(server: Dawg, model: Model) -> None:
    status, shown = await server.json("GET", "/api/ai-brain/functions")
    count = len(shown["functions"])
    assert (status, count) == (200, len(Catalogue().functions()))
    assert all(set(each) == {"name", "description", "input_schema"} for each in shown["functions"])
    model.says(turn(text("ok")))
    await server.json("POST", "/api/chat", json={"message": "x"})
    tools = model.requests[0].body["tools"]
    assert tools[:count] == shown["functions"]
    assert [each["name"] for each in tools[count:]] == ["remember", "recall", "forget"]


async def test_the_turn_waits_for_a_real_beat(server: Dawg, model: Model) -> None:
    project_id = await brains.project(server)

    def look(request: anthropic.ReceivedRequest) -> anthropic.ScriptedMessage:
        job = json.loads(request.messages[-1]["content"][0]["content"])
        return turn(tool_use("getJobStatus", {"jobId": job["jobId"]}))

    model.says(turn(tool_use("generateBeat", {"genre": "house", "bars": 4, "bpm": 150})), look, turn(text("Listen.")))
    status, done = await server.json("POST", "/api/chat", json={"message": "a beat", "projectId": project_id})
    assert status == 200, done
    job = done["functionCalls"][1]["result"]
    assert done["functionCalls"][1]["executed"], job
    assert "completed" in json.dumps(job)
    # Four bars that loop: exactly as long, with no ending, and so is the clip that plays them.
    made = (await server.finished(done["functionCalls"][0]["result"]["jobId"]))["result"]
    assert made["duration"] == 6.4
    assert [(each["start"], each["duration"]) for each in made["sections"]] == [(0.0, 6.4)]
    document = (await server.json("GET", f"/api/projects/{project_id}"))[1]["project"]
    assert {clip["duration"] for track in document["tracks"] for clip in track["clips"]} == {6.4}


async def test_bars_are_counted_in_the_metre_of_the_project_and_more_than_five_minutes_are_refused(
    server: Dawg, model: Model
) -> None:
    project_id = await brains.project(server)
    status, _ = await server.json("PATCH", f"/api/projects/{project_id}", json={"timeSignature": "3/4"})
    assert status == 200
    model.says(
        turn(
            tool_use("generateBeat", {"genre": "folk", "bars": 2, "bpm": 120}),
            tool_use("generateBeat", {"genre": "folk", "bars": 128, "bpm": 60}),
        ),
        turn(text("Made.")),
    )
    done = (await server.json("POST", "/api/chat", json={"message": "waltz", "projectId": project_id}))[1]
    waltz, longest = done["functionCalls"]
    assert (waltz["executed"], longest["executed"]) == (True, False), done
    assert "up to 100 bars" in json.dumps(longest)
    assert (await server.finished(waltz["result"]["jobId"]))["result"]["duration"] == 3.0


async def test_the_functions_that_look_and_keep(server: Dawg, model: Model) -> None:
    project_id = await brains.project(server)
    model.says(
        turn(
            tool_use("analyzeLyrics", {"lyrics": "[Verse]\nwalking home\nall alone\n\n[Chorus]\nlight the way"}),
            tool_use("saveVersion", {"name": "before"}),
            tool_use("generateMusic", {"prompt": "calm", "duration": 5}),
            tool_use("analyzeAudio", {"audioFileId": "00000000-0000-4000-8000-000000000000"}),
            tool_use("analyzeLyrics", {}),
        ),
        turn(text("Looked.")),
    )
    body = {"message": "look", "projectId": project_id}
    done = (await server.json("POST", "/api/chat", json=body))[1]
    assert [each["executed"] for each in done["functionCalls"]] == [True, True, True, False, False], done
    job = await server.finished(done["functionCalls"][2]["result"]["jobId"])
    assert job["state"] == "completed"
    assert (await server.json("GET", f"/api/projects/{project_id}/versions"))[1]["total"] == 1


async def test_without_a_key_the_rest_works_and_the_brain_names_it(
    database_dsn: str, tmp_path: Path, javascript: Any
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        for path, body in (
            ("/api/chat", {"message": "x"}),
            ("/api/v1/ai/daw-command", {"command": "x", "projectId": "00000000-0000-4000-8000-000000000000"}),
        ):
            status, refused = await server.json("POST", path, json=body)
            assert (status, refused["code"]) == (503, "provider_unconfigured")
            assert refused["details"] == {"env": ["ANTHROPIC_API_KEY"]}
        browser = await brains.Browser.open(javascript, server)
        ack = await browser.client.emit_ack("message", {"message": "x"})
        assert (ack["code"], ack["details"]) == ("provider_unconfigured", {"env": ["ANTHROPIC_API_KEY"]})
        assert (await server.json("GET", "/api/ai-brain/conversations"))[0] == 200


async def test_a_conversation_goes_on_after_the_process_was_killed_in_the_middle_of_it(
    scratch_folder: Path, model: Model
) -> None:
    keys = {"ANTHROPIC_API_KEY": "sk-test-of-brain", "ANTHROPIC_BASE_URL": model.simulator.base_url}
    secret = "my secret chord"
    model.says(
        turn(text("I'll remember."), tool_use("remember", {"content": "warm bass"}, id="toolu_kept")),
        turn(text("It is", anthropic.HANG)),
        turn(text("Where were we?")),
    )
    async with DawgProcess(scratch_folder, **keys) as process, aiohttp.ClientSession() as http:
        conversations = f"{process.url}/api/ai-brain/conversations"
        async with http.post(conversations, json={"title": "Song"}) as reply:
            conversation_id = (await reply.json())["id"]
        question = {"message": secret, "conversationId": conversation_id}
        asking = asyncio.create_task(http.post(f"{process.url}/api/chat", json=question))
        async with asyncio.timeout(15):
            while len(model.requests) < 2:
                await asyncio.sleep(0.02)
        await process.stop(signal.SIGKILL)
        await asyncio.gather(asking, return_exceptions=True)
        await process.start()
        async with asyncio.timeout(20):
            while True:
                async with http.post(f"{process.url}/api/chat", json=question | {"message": "go on"}) as reply:
                    done = await reply.json()
                if done.get("code") != "turn_in_progress":
                    break
                await asyncio.sleep(0.5)
        assert done["text"] == "Where were we?", done
        async with http.get(f"{conversations}/{conversation_id}") as reply:
            kept = await reply.json()
        assert [(each["role"], each["content"]) for each in kept["messages"]] == [
            ("user", secret),
            ("assistant", "I'll remember."),
            ("user", "go on"),
            ("assistant", "Where were we?"),
        ]
        log = "".join(json.dumps(line) for line in process.log())
        assert secret not in log
        assert "sk-test-of-brain" not in log + process.errors()
    told = json.dumps(model.requests[-1].body["messages"])
    assert secret in told
    assert "toolu_kept" in told
