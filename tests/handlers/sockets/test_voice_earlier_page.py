"""Voice as earlier pages talk: on the namespace of their base address, in the words of their time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handlers.rest.session_cookie import NAME
from tests import patience
from tests.handlers.sockets import voices
from tests.handlers.sockets.voices import Browser, Service
from tests.javascript.client import JavaScript
from tests.servers.dawg import Dawg
from tests.simulators import openai_realtime as realtime

# What such a page sends first; it names no project.
CONTEXT = {"project_name": "Song", "tempo": 120, "key": "C", "time_signature": "4/4", "track_count": 2, "lyrics": ""}


@pytest.fixture(params=["/", "/api"])
async def page(request: pytest.FixtureRequest, talking: Dawg, javascript: JavaScript) -> Browser:
    return Browser(await javascript.connect(talking.url, request.param, {"userId": "ada"}))


async def test_a_talk_with_the_words_of_an_earlier_page(service: Service, page: Browser) -> None:
    service.script(
        realtime.answer(realtime.call("playProject", {}, call_id="call_play")),
        realtime.answer(realtime.say("it plays", ms=100)),
        transcripts=("play it",),
    )
    await page.client.emit("start-realtime", {"voice": "shimmer", "projectContext": CONTEXT})
    connected = await page.client.wait_for("realtime-connected")
    assert connected["voice"] == "shimmer"
    await page.say()
    assert (await page.heard("user-transcript-done"))["text"] == "play it"
    assert "".join(each["text"] for each in page.client.received("user-transcript-delta")) == "play it"
    asked = await page.heard("function-call")
    assert (asked["name"], asked["function"], asked["call_id"]) == ("play", "playProject", "call_play")
    assert json.loads(asked["arguments"]) == {"fromStart": False}
    output = {"success": True, "message": "Playback started"}
    await page.client.emit("function-result", {"call_id": asked["call_id"], "output": output})
    assert (await page.heard("ai-text-done"))["text"] == "it plays"
    assert page.sound()
    items = [each["item"] for each in service.connections[0].received if each["type"] == "conversation.item.create"]
    assert json.loads(items[-1]["output"]) == output
    await page.client.emit("change-voice", {"voice": "coral"})
    await page.heard("voice-changed")
    await page.client.emit("stop-realtime")
    assert (await page.heard("realtime-stopped"))["reason"] == "client"
    assert "error" not in page.names()


@pytest.mark.parametrize("payload", [(), (None,)])
async def test_a_talk_begins_with_what_goes_without_saying(
    service: Service, page: Browser, payload: tuple[None, ...]
) -> None:
    await page.client.emit("start-realtime", *payload)
    assert (await page.client.wait_for("realtime-connected"))["voice"] == "alloy"
    assert "error" not in page.names()


@pytest.mark.parametrize("ending", ["disconnect", "lose"])
async def test_the_session_ends_with_the_socket(talking: Dawg, service: Service, page: Browser, ending: str) -> None:
    service.script(realtime.answer(realtime.say("yes", ms=100)))
    await page.start()
    await getattr(page.client, ending)()
    assert (await service.connections[0].over()).by == "client"
    await patience.until(lambda: talking.services.assistants.voice.active == 0)


async def test_limits_are_those_of_the_user_wherever_they_talk(
    talking: Dawg, service: Service, page: Browser, javascript: JavaScript
) -> None:
    first = await voices.Browser.open(javascript, talking)
    await first.start()
    await page.start()
    again = await page.client.emit_ack("start-realtime", {})
    assert again["code"] == "session_active"
    third = Browser(await javascript.connect(talking.url, "/", {"userId": "ada"}))
    refused = await third.client.emit_ack("start-realtime", {})
    assert (refused["code"], refused["details"]["limit"]) == ("session_limit", 2)
    assert third.names() == []


async def test_nobody_else_hears_a_talk(talking: Dawg, service: Service, page: Browser, javascript: JavaScript) -> None:
    other = Browser(await javascript.connect(talking.url, "/api", {"userId": "ada"}))
    service.script(realtime.answer(realtime.say("yes", ms=100)))
    await page.start()
    await page.say()
    await page.heard("audio-done")
    assert other.client.events == []


async def test_a_page_that_shows_whether_it_is_connected_is_told_when_it_is_again(
    service: Service, page: Browser
) -> None:
    await page.start()
    service.connections[0].cut()
    await page.heard("realtime-disconnected")
    await page.heard("session-recycled")
    await page.heard("realtime-connected", 2)


async def test_a_page_that_holds_its_song_runs_what_is_asked_for_itself(service: Service, page: Browser) -> None:
    calls = [
        realtime.call("setTempo", {"bpm": 97}),
        realtime.call("createTrack", {"name": "Reverb", "trackType": "AUX"}),
        realtime.call("generateMusic", {"prompt": "slow piano", "tempo": 97}),
        realtime.call("muteTrack", {"trackId": "track-1732", "mute": True}),
        realtime.call("master", {}),
    ]
    service.script(realtime.answer(*calls), realtime.answer(realtime.say("all done", ms=100)))
    await page.start(projectContext=CONTEXT)
    await page.say()
    await page.heard("function-call", 4)
    asked = page.client.received("function-call")
    assert [(each["name"], each["function"], json.loads(each["arguments"])) for each in asked] == [
        ("set_tempo", "setTempo", {"bpm": 97}),
        ("createAuxTrack", "createTrack", {"name": "Reverb", "trackType": "AUX", "channels": "stereo"}),
        ("generate_music", "generateMusic", {"prompt": "slow piano", "tempo": 97, "duration": 30}),
        ("muteTrack", "muteTrack", {"trackId": "track-1732", "mute": True}),
    ]
    refused = await page.heard("tool-result")
    assert (refused["name"], refused["success"]) == ("master", False)
    for each in asked:
        await page.client.emit("function-result", {"call_id": each["call_id"], "output": {"success": True}})
    assert (await page.heard("ai-text-done"))["text"] == "all done"
    settings = next(each for each in service.connections[0].received if each["type"] == "session.update")["session"]
    offered = {each["name"]: each["parameters"]["properties"] for each in settings["tools"]}
    assert {"playProject", "setTempo", "getTracks", "changeVoice"} < set(offered)
    assert not {"separateStems", "undo", "getJobStatus"} & set(offered)
    assert set(offered["generateMusic"]) == {"prompt", "genre", "tempo", "duration"}
    assert "No project is open" not in settings["instructions"]
    assert '"tempo":120' in settings["instructions"]


async def test_with_a_project_of_this_server_the_server_runs_them(
    talking: Dawg, service: Service, page: Browser
) -> None:
    project = await voices.project(talking, "ada", bpm=120)
    service.script(realtime.answer(realtime.call("setTempo", {"bpm": 97})), realtime.answer(realtime.say("ok", ms=50)))
    await page.start(projectId=project)
    await page.say()
    assert (await page.heard("tool-result"))["success"]
    assert (await talking.json("GET", f"/api/projects/{project}"))[1]["bpm"] == 97
    assert "function-call" not in page.names()


async def test_a_page_known_by_its_cookie_alone_talks_and_hears_of_its_beat(
    database_dsn: str, tmp_path: Path, service: Service, javascript: JavaScript
) -> None:
    service.script(realtime.answer(realtime.say("yes", ms=100)))
    secured = {"JWT_SECRET": "s" * 40}
    async with voices.server(database_dsn, tmp_path, service, **secured) as server:
        account = {"email": "ada@example.com", "password": "Correct-horse-1", "username": "ada"}
        origin = {"Origin": server.url}
        async with server.http.post(server.url + "/api/auth/register", json=account, headers=origin) as reply:
            assert reply.status == 201, await reply.text()
            sent = {"Cookie": f"{NAME}={reply.cookies[NAME].value}", **origin}
        daw = await javascript.connect(server.url, "/", {"token": None, "userId": "user-123"}, headers=sent)
        page = Browser(await javascript.connect(server.url, "/api", {}, ["websocket"], headers=sent))
        beat = {"genre": "jazz", "duration": 5}
        async with server.http.post(server.url + "/api/generate/beat", json=beat, headers=sent) as reply:
            assert reply.status == 202, await reply.text()
        for each in (daw, page.client):
            assert (await each.wait_for("daw:audio:loaded"))["clip"]["audioUrl"]
        await page.start()
        await page.say()
        await page.heard("audio-done")
