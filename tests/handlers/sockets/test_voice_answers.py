"""What happens in an answer: interruptions, functions, another voice, and news of the project."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests import patience
from tests.handlers.sockets import voices
from tests.handlers.sockets.voices import Browser, Service
from tests.javascript.client import JavaScript
from tests.servers.dawg import Dawg
from tests.servers.valkey import Valkey
from tests.simulators import openai_realtime as realtime

LONG = realtime.say("one two three four five six seven eight nine ten", ms=60_000)


def outputs(connection: realtime.Connection) -> list[Any]:
    """The results of functions that the service was given."""
    items = [each["item"] for each in connection.received if each["type"] == "conversation.item.create"]
    return [json.loads(item["output"]) for item in items if item["type"] == "function_call_output"]


def after(browser: Browser, event: str) -> list[tuple[str, dict[str, Any]]]:
    """Everything that came after the first such event."""
    position = browser.names().index(event)
    return [(name, arguments[0]) for name, arguments in browser.client.events[position + 1 :]]


async def test_speaking_over_an_answer_cuts_it_where_it_was_heard(service: Service, ada: Browser) -> None:
    service.script(realtime.answer(LONG, pace=50, late_ms=40), transcripts=("go", "stop"))
    await ada.start()
    await ada.say()
    sound = await ada.heard("audio-delta", 5)
    await ada.client.emit("playback-position", {"itemId": sound["itemId"], "playedMs": 250})
    await ada.send(realtime.speech(200))
    cut = await ada.heard("ai-interrupted")
    done = await ada.heard("response-done")
    assert (cut["itemId"], cut["playedMs"]) == (sound["itemId"], 250)
    assert (done["status"], done["reason"]) == ("cancelled", "turn_detected")
    late = [payload for name, payload in after(ada, "ai-interrupted") if name in ("audio-delta", "ai-text-delta")]
    assert not late
    truncated = await service.connections[0].saw("conversation.item.truncate")
    assert (truncated["item_id"], truncated["audio_end_ms"]) == (sound["itemId"], 250)
    assert not service.connections[0].types(prefix="response.cancel")


async def test_what_nobody_heard_is_removed(service: Service, ada: Browser) -> None:
    service.script(realtime.answer(LONG, pace=50))
    await ada.start()
    await ada.say()
    sound = await ada.heard("audio-delta")
    await ada.client.emit("playback-position", {"itemId": sound["itemId"], "playedMs": 0})
    await ada.client.emit_ack("interrupt")
    await ada.heard("response-done")
    assert (await service.connections[0].saw("conversation.item.delete"))["item_id"] == sound["itemId"]
    assert ada.client.received("ai-interrupted")[0]["playedMs"] == 0


async def test_an_answer_that_was_heard_to_its_end_is_not_cut(service: Service, ada: Browser) -> None:
    service.script(realtime.answer(realtime.say("short", ms=200)))
    await ada.start()
    await ada.say()
    done = await ada.heard("audio-done")
    await ada.client.emit("playback-position", {"itemId": done["itemId"], "playedMs": 200})
    await ada.client.emit_ack("interrupt")
    await ada.say()
    await ada.heard("audio-done", 2)
    assert "ai-interrupted" not in ada.names()
    assert not service.connections[0].types(prefix="conversation.item.truncate")


async def test_interrupting_before_the_first_sound_stops_the_answer(service: Service, ada: Browser) -> None:
    service.script(realtime.answer(LONG, stall=0.5))
    await ada.start()
    await ada.say()
    await ada.heard("response-started")
    await ada.client.emit_ack("interrupt")
    done = await ada.heard("response-done")
    assert (done["status"], done["reason"]) == ("cancelled", "client_cancelled")
    assert "audio-delta" not in ada.names()


async def test_only_what_was_heard_is_written_down(talking: Dawg, service: Service, ada: Browser) -> None:
    service.script(
        realtime.answer(realtime.say("one two three four five six seven eight nine ten", ms=10_000), pace=50)
    )
    await ada.start()
    await ada.say()
    sound = await ada.heard("audio-done")
    await ada.client.emit("playback-position", {"itemId": sound["itemId"], "playedMs": 5000})
    await ada.client.emit_ack("interrupt")
    await ada.stop()
    said = await talking.services.platform.database.fetch_value("SELECT content FROM messages WHERE role = 'assistant'")
    assert said[0]["text"].split() == ["one", "two", "three", "four", "five"][: len(said[0]["text"].split())]
    assert 3 <= len(said[0]["text"].split()) <= 5


async def test_functions_change_the_project_as_one_step_of_the_caller(
    talking: Dawg, service: Service, ada: Browser
) -> None:
    project = await voices.project(talking, "ada", bpm=120)
    calls = [realtime.call("set_tempo", {"bpm": 97}), realtime.call("createTrack", {"name": "Bass"})]
    service.script(realtime.answer(*calls), realtime.answer(realtime.say("done", ms=100)), transcripts=("do it",))
    await ada.start(projectId=project)
    await ada.say()
    await ada.heard("audio-done")
    assert [each["name"] for each in ada.client.received("tool-start")] == ["setTempo", "createTrack"]
    results = ada.client.received("tool-result")
    assert [each["success"] for each in results] == [True, True]
    assert results[0]["result"]["data"]["project"]["bpm"] == 97
    assert [each["revision"] for each in results] == [1, 2]
    assert [each["message"] for each in outputs(service.connections[0])] == [
        each["result"]["message"] for each in results
    ]
    steps = await talking.services.platform.database.fetch_all(
        "SELECT actor_id, source, group_id FROM operations WHERE project_id = %s", (project,)
    )
    assert {(step["actor_id"], step["source"]) for step in steps} == {("ada", "voice")}
    assert len({step["group_id"] for step in steps}) == 1
    await ada.stop()
    _, undone = await talking.json("GET", f"/api/projects/{project}")
    assert undone["bpm"] == 97
    stored = await talking.services.platform.database.fetch_value(
        "SELECT group_id FROM messages WHERE role = 'assistant'"
    )
    assert stored == steps[0]["group_id"]


async def test_functions_of_the_browser_are_asked_of_it_alone(service: Service, ada: Browser) -> None:
    calls = [realtime.call("applyEffect", {"effect": "reverb"}), realtime.call("playProject", {}, call_id="call_play")]
    service.script(realtime.answer(*calls), realtime.answer(realtime.say("it plays", ms=100)))
    await ada.start()
    await ada.say()
    await ada.heard("function-call", 2)
    effect, play = ada.client.received("function-call")
    assert (effect["legacyName"], play["legacyName"]) == ("add_reverb", "play")
    assert json.loads(effect["arguments"])["amount"] == 50
    assert play["call_id"] == play["callId"] == "call_play"
    await ada.client.emit_ack("function-result", {"call_id": "call_play", "output": {"playing": True}})
    assert not service.connections[0].types(prefix="response.create")
    await ada.client.emit_ack("function-result", {"callId": effect["callId"], "output": "done"})
    await ada.heard("audio-done")
    items = [each["item"] for each in service.connections[0].received if each["type"] == "conversation.item.create"]
    assert [item["output"] for item in items] == ['{"playing":true}', "done"]
    late = await ada.client.emit_ack("function-result", {"call_id": "call_play", "output": 1})
    assert late["code"] == "not_found"
    assert "tool-start" not in ada.names()


@pytest.mark.parametrize("status", ["incomplete", "failed"])
async def test_functions_of_an_answer_that_did_not_end_well_never_run(
    talking: Dawg, service: Service, ada: Browser, status: Any
) -> None:
    project = await voices.project(talking, "ada")
    service.script(realtime.answer(realtime.call("setTempo", {"bpm": 97}), status=status))
    await ada.start(projectId=project)
    await ada.say()
    assert (await ada.heard("response-done"))["status"] == status
    await ada.heard("usage")
    assert not {"tool-start", "tool-result", "function-call"} & set(ada.names())
    assert (await talking.json("GET", f"/api/projects/{project}"))[1]["revision"] == 0


async def test_the_model_is_told_what_was_wrong_with_a_call(talking: Dawg, service: Service, ada: Browser) -> None:
    project = await voices.project(talking, "ada")
    track = await voices.track(talking, "ada", project, "Bass")
    calls = [
        realtime.call("setTempoo", {}),
        realtime.call("setTempo", "{broken"),
        realtime.call("setTempo", {"bpm": 9000}),
        realtime.call("setTempo", {"bpm": 90, "loud": True}),
        realtime.call("deleteTrack", {"trackId": "00000000-0000-4000-8000-000000000000"}),
        realtime.call("setTrackVolume", {"trackId": "00000000-0000-4000-8000-000000000000", "volume": 1}),
        realtime.call("changeVoice", {"voice": "robot"}),
    ]
    service.script(realtime.answer(*calls))
    await ada.start(projectId=project)
    await ada.say()
    await ada.heard("tool-result", 7)
    await service.connections[0].saw("response.create")
    told = {each["error"] for each in outputs(service.connections[0]) if "error" in each}
    assert any("setTempo" in each for each in told)
    assert any("20 and 300" in each for each in told)
    assert any("loud" in each for each in told)
    assert any(track in each for each in told)
    assert any("cedar" in each for each in told)
    assert len(outputs(service.connections[0])) == 7


async def test_viewers_are_offered_and_allowed_to_look_only(
    talking: Dawg, service: Service, javascript: JavaScript
) -> None:
    project = await voices.project(talking, "ada")
    await voices.share(talking, project, "eve", "viewer")
    eve = await Browser.open(javascript, talking, "eve")
    service.script(realtime.answer(realtime.call("setTempo", {"bpm": 97})), realtime.answer(realtime.say("no", ms=100)))
    await eve.start(projectId=project)
    offered = [tool["name"] for tool in service.connections[0].session["tools"]]
    assert offered == [
        *("getProject", "getTracks", "analyzeAudio", "analyzeLyrics", "getJobStatus"),
        *("playProject", "stopPlayback", "changeVoice"),
    ]
    await eve.say()
    assert (await eve.heard("tool-result"))["success"] is False
    assert (await talking.json("GET", f"/api/projects/{project}"))[1]["revision"] == 0


async def test_the_voice_changes_at_once_before_the_first_word_and_with_a_new_upstream_after_it(
    service: Service, ada: Browser
) -> None:
    service.script(realtime.answer(realtime.say("hello there", ms=100)), transcripts=("good morning",))
    started = await ada.start()
    await ada.client.emit_ack("change-voice", {"voice": "ash"})
    changed = await ada.heard("voice-changed")
    assert (changed["voice"], changed["applied"]) == ("ash", "immediate")
    await ada.say()
    await ada.heard("user-transcript-done")
    await ada.heard("audio-done")
    await ada.client.emit_ack("change-voice", {"voice": "cedar"})
    changed = await ada.heard("voice-changed", 2)
    assert (changed["voice"], changed["applied"]) == ("cedar", "recycled")
    recycled = ada.client.received("session-recycled")[0]
    assert (recycled["reason"], recycled["previousSessionId"]) == ("voice", started["sessionId"])
    assert recycled["sessionId"] != started["sessionId"]
    second = service.connections[1]
    await second.said("conversation.item.done", 2)
    told = [item.wire for item in second.conversation.items.values()]
    assert [(wire["role"], wire["content"][0]["text"]) for wire in told] == [
        ("user", "good morning"),
        ("assistant", "hello there"),
    ]
    assert second.session["audio"]["output"]["voice"] == "cedar"
    assert [connection.open for connection in service.connections] == [False, True]
    assert len(ada.client.received("realtime-started")) == 1


async def test_the_model_can_change_its_voice(service: Service, ada: Browser) -> None:
    change = realtime.call("change_my_voice", {"voice": "Sage"})
    service.script(realtime.answer(realtime.say("wait", ms=100), change), realtime.answer(realtime.say("so", ms=100)))
    await ada.start()
    await ada.say()
    changed = await ada.heard("voice-changed")
    assert (changed["voice"], changed["applied"]) == ("sage", "recycled")
    assert len(ada.client.received("audio-done")) == 2


async def test_changes_by_others_reach_the_model_between_answers_and_its_own_do_not(
    talking: Dawg, service: Service, ada: Browser
) -> None:
    project = await voices.project(talking, "ada")
    service.script(realtime.answer(realtime.call("setTempo", {"bpm": 97})), realtime.answer(realtime.say("ok", ms=100)))
    await ada.start(projectId=project)
    await ada.say()
    await ada.heard("audio-done")
    with voices.gathering():
        for name in ("Strings", "Choir"):
            await voices.track(talking, "ada", project, name)
    note = await service.connections[0].saw("conversation.item.create", 2)
    assert note["item"]["role"] == "user"
    text = note["item"]["content"][0]["text"]
    assert "Strings" in text
    assert "Choir" in text
    assert "bpm" not in text
    await asyncio.sleep(0.6)
    assert len(service.connections[0].types(prefix="conversation.item.create")) == 2


async def test_who_is_removed_from_a_project_hears_no_more_of_it(
    talking: Dawg, service: Service, javascript: JavaScript
) -> None:
    project = await voices.project(talking, "ada")
    await voices.share(talking, project, "eve", "editor")
    _, listed = await talking.json("GET", f"/api/projects/{project}/collaborators")
    (member,) = [each["id"] for each in listed["collaborators"] if each["userId"] == "eve"]
    eve = await Browser.open(javascript, talking, "eve")
    service.script(realtime.answer(realtime.call("getProject", {})), realtime.answer(realtime.say("no", ms=100)))
    await eve.start(projectId=project)
    status, _ = await talking.json("DELETE", f"/api/projects/{project}/collaborators/{member}")
    assert status == 200
    await voices.track(talking, "ada", project, "Secret Strings")
    note = await service.connections[0].saw("conversation.item.create")
    assert "not open" in note["item"]["content"][0]["text"]
    await eve.say()
    assert (await eve.heard("tool-result"))["success"] is False
    await eve.heard("audio-done")
    assert "Secret" not in json.dumps(service.connections[0].received)


def is_told_to_be_closed_out(connection: realtime.Connection) -> bool:
    return "not open to this user" in json.dumps(connection.received)


async def test_strangers_hear_no_more_of_a_project_that_is_made_private_and_members_do(
    talking: Dawg, service: Service, javascript: JavaScript
) -> None:
    project = await voices.project(talking, "ada", isPublic=True)
    await voices.share(talking, project, "bob", "viewer")
    for user in ("bob", "eve"):
        browser = await Browser.open(javascript, talking, user)
        await browser.start(projectId=project)
    members, strangers = service.connections
    assert (await talking.json("PUT", f"/api/projects/{project}", json={"isPublic": False}))[0] == 200
    await patience.until(lambda: is_told_to_be_closed_out(strangers))
    await voices.track(talking, "ada", project, "Secret Strings")
    await patience.until(lambda: "Secret Strings" in json.dumps(members.received))
    assert not is_told_to_be_closed_out(members)
    assert "Secret" not in json.dumps(strangers.received)


async def test_access_that_is_lost_while_a_session_is_prepared_is_lost(
    talking: Dawg, service: Service, javascript: JavaScript
) -> None:
    project = await voices.project(talking, "ada", isPublic=True)
    eve = await Browser.open(javascript, talking, "eve")
    conversation = (await eve.client.emit_ack("start-realtime", {}))["conversationId"]
    await eve.stop()
    async with voices.held_in_preparation(talking, eve, projectId=project, conversationId=conversation):
        assert (await talking.json("PUT", f"/api/projects/{project}", json={"isPublic": False}))[0] == 200
    await patience.until(lambda: service.connections and is_told_to_be_closed_out(service.connections[-1]))


async def test_access_that_was_lost_while_no_events_were_heard_is_lost(
    database_dsn: str, tmp_path: Path, valkey: Valkey, service: Service, javascript: JavaScript
) -> None:
    async with voices.server(
        database_dsn, tmp_path, service, REDIS_URL=valkey.url, WEBSOCKET_REDIS_ADAPTER="true"
    ) as talking:
        project = await voices.project(talking, "ada", isPublic=True)
        eve = await Browser.open(javascript, talking, "eve")
        await eve.start(projectId=project)
        bus = talking.services.platform.bus
        valkey.stop()
        await patience.until(lambda: not bus.connected)
        await talking.services.platform.database.execute(
            "UPDATE projects SET is_public = false WHERE id = %s", (project,)
        )
        valkey.start()
        await patience.until(lambda: is_told_to_be_closed_out(service.connections[0]))
