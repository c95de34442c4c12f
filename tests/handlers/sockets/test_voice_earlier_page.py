"""Voice as earlier pages talk: on the namespace of their base address, in the words of their time."""

from __future__ import annotations

import json

import pytest

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


@pytest.mark.parametrize("ending", ["disconnect", "lose"])
async def test_the_session_ends_with_the_socket(talking: Dawg, service: Service, page: Browser, ending: str) -> None:
    service.script(realtime.answer(realtime.say("yes", ms=100)))
    await page.start()
    await getattr(page.client, ending)()
    assert (await service.connections[0].over()).by == "client"
    await voices.until(lambda: talking.services.assistants.voice.active == 0)


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
