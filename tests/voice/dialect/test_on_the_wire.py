"""The dialect and the simulated service understand each other over the real SDK's websocket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import openai as sdk
import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from dawg_server.voice.dialect import conversation, events, ga, wire
from dawg_server.voice.dialect.events import Fault, FaultKind
from dawg_server.voice.dialect.wire import SessionSettings, TurnDetection
from tests import patience
from tests.simulators import openai_realtime as realtime
from tests.voice.dialect.playbook import SETTINGS

E = TypeVar("E")
Service = realtime.RealtimeSimulator


class Relay:
    """The smallest session: one pump from the wire through the dialect and back."""

    def __init__(self, connection: AsyncRealtimeConnection, dialect: ga.GaDialect) -> None:
        self.dialect = dialect
        self.news: list[events.Event] = []
        self.fast_frames = 0
        self._connection = connection
        self._told = asyncio.Condition()
        self._task = asyncio.create_task(self._pump(), name="relay")

    async def act(self, answers: list[events.Event]) -> None:
        for answer in answers:
            if isinstance(answer, events.SendUpstream):
                await self._connection.send_raw(json.dumps(answer.message))
        async with self._told:
            self.news += answers
            self._told.notify_all()

    async def speak(self, audio: bytes) -> None:
        message = self.dialect.send_audio(base64.b64encode(audio).decode())
        await self._connection.send_raw(json.dumps(message))

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.news if isinstance(event, kind)]

    async def until(self, kind: type[E], count: int = 1) -> E:
        async with asyncio.timeout(patience.SECONDS), self._told:
            await self._told.wait_for(lambda: len(self.all(kind)) >= count)
        return self.all(kind)[count - 1]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _pump(self) -> None:
        while True:
            raw = await self._connection.recv_bytes()
            audio = wire.audio_delta(raw)
            self.fast_frames += audio is not None
            await self.act(self.dialect.receive(audio or json.loads(raw)))


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with realtime.RealtimeSimulator() as simulator:
        yield simulator


@contextlib.asynccontextmanager
async def relaying(
    service: Service, settings: SessionSettings = SETTINGS, earlier: conversation.CarriedTalk | None = None
) -> AsyncIterator[Relay]:
    client = sdk.AsyncOpenAI(api_key="sk-test", base_url=service.base_url, max_retries=0)
    async with client, client.realtime.connect(model="gpt-realtime-2.1") as connection:
        relay = Relay(connection, ga.GaDialect(settings, earlier))
        try:
            await relay.until(events.Ready)
            yield relay
        finally:
            await relay.stop()


def sent(service: Service, kind: str, connection: int = 0) -> list[dict[str, Any]]:
    return [event for event in service.connections[connection].received if event["type"] == kind]


def faults(relay: Relay) -> list[Fault]:
    return relay.all(Fault)


async def test_speech_is_answered_with_words_sound_and_two_bills(service: Service) -> None:
    service.script(realtime.answer(realtime.say("gladly done", ms=300)), transcripts=("make it faster",))
    async with relaying(service) as relay:
        await relay.speak(realtime.speech(500) + realtime.silence(500))
        ended = await relay.until(events.ResponseDone)
        await relay.until(events.UsageReported, 2)
        sounds = relay.all(events.AudioDelta)
    assert ended.status == "completed"
    assert len(b"".join(base64.b64decode(delta.audio) for delta in sounds)) == 300 * 48
    assert relay.fast_frames == len(sounds) == 3
    assert relay.all(events.TextDone)[0].text == "gladly done"
    assert [(line.role, line.text) for line in relay.dialect.conversation.lines] == [
        ("user", "make it faster"),
        ("assistant", "gladly done"),
    ]
    bills = {bill.of: bill.usage for bill in relay.all(events.UsageReported)}
    assert bills["response"].output_audio_tokens == 6
    assert bills["transcription"].input_audio_tokens > 0
    assert not faults(relay)
    assert not relay.dialect.unknown


async def test_barge_in_by_real_sound_cuts_the_item_where_it_was_heard(service: Service) -> None:
    words = "one two three four five six seven eight nine ten"
    service.script(realtime.answer(realtime.say(words, ms=60_000), pace=50, late_ms=40))
    async with relaying(service) as relay:
        await relay.act(relay.dialect.function_result("nobody asked", ""))
        await relay.speak(realtime.speech(200) + realtime.silence(500))
        item_id = (await relay.until(events.AudioDelta, 5)).item_id
        relay.dialect.played(item_id, 250)
        await relay.speak(realtime.speech(200))
        cut = await relay.until(events.Interrupted)
        ended = await relay.until(events.ResponseDone)
        await service.connections[0].said("conversation.item.truncated")
        after = relay.news[relay.news.index(cut) :]
    assert (ended.status, ended.reason) == ("cancelled", "turn_detected")
    assert (cut.item_id, cut.played_ms) == (item_id, 250)
    assert not [event for event in after if isinstance(event, events.AudioDelta | events.TextDelta)]
    assert sent(service, "conversation.item.truncate")[0]["audio_end_ms"] == 250
    assert service.connections[0].conversation.items[item_id].audio_ms == 250
    assert not sent(service, "response.cancel")
    assert not faults(relay)


async def test_what_nobody_heard_is_gone_upstream_too(service: Service) -> None:
    service.script(realtime.answer(realtime.say("one two three", ms=60_000), pace=50))
    async with relaying(service) as relay:
        await relay.speak(realtime.speech(200) + realtime.silence(500))
        item_id = (await relay.until(events.AudioDelta)).item_id
        relay.dialect.played(item_id, 0)
        await relay.act(relay.dialect.interrupt())
        await service.connections[0].said("conversation.item.deleted")
        ended = await relay.until(events.ResponseDone)
    assert (ended.status, ended.reason) == ("cancelled", "client_cancelled")
    assert item_id not in service.connections[0].conversation.items
    assert not faults(relay)


async def test_functions_are_run_and_answered_in_one_go(service: Service) -> None:
    calls = realtime.answer(realtime.call("setTempo", {"bpm": 1}), realtime.call("setTempo", {"bpm": 2}))
    service.script(calls, realtime.answer(realtime.say("both done", ms=100)))
    async with relaying(service) as relay:
        await relay.speak(realtime.speech(200) + realtime.silence(500))
        await relay.until(events.FunctionRequested, 2)
        for call in relay.all(events.FunctionRequested):
            await relay.act(relay.dialect.function_result(call.call_id, call.arguments))
        await relay.until(events.ResponseDone, 2)
    outputs = [event["item"] for event in sent(service, "conversation.item.create")]
    assert [item["output"] for item in outputs] == ['{"bpm": 1}', '{"bpm": 2}']
    assert len(sent(service, "response.create")) == 1
    assert relay.all(events.TextDone)[0].text == "both done"
    assert not faults(relay)


async def test_a_successor_is_told_the_talk_as_text(service: Service) -> None:
    service.script(realtime.answer(realtime.say("gladly", ms=100)), transcripts=("hello",))
    async with relaying(service) as first:
        await first.speak(realtime.speech(200) + realtime.silence(500))
        await first.until(events.ResponseDone)
        await first.until(events.UserTranscriptDone)
    async with relaying(service, earlier=first.dialect.carry()) as second:
        await service.connections[1].said("conversation.item.done", 2)
    told = [item.wire for item in service.connections[1].conversation.items.values()]
    assert [(wire["role"], wire["content"][0]["text"]) for wire in told] == [("user", "hello"), ("assistant", "gladly")]
    assert not faults(second)


async def test_the_voice_changes_before_the_first_word_and_asks_for_a_new_session_after_it(service: Service) -> None:
    async with relaying(service) as relay:
        await relay.act(relay.dialect.change_voice("cedar"))
        assert (await relay.until(events.Reconfigured)).voice == "cedar"
        await relay.speak(realtime.speech(200) + realtime.silence(500))
        await relay.until(events.ResponseDone)
        assert not relay.dialect.voice_can_change
        await relay.act(relay.dialect.change_voice("ash"))
        fault = await relay.until(Fault)
    assert (fault.kind, fault.during) == (FaultKind.RECYCLE, "session.update")


@pytest.mark.parametrize("detection", ["semantic", "server", "none"])
async def test_every_turn_detection_is_accepted(service: Service, detection: TurnDetection) -> None:
    settings = SessionSettings("", "alloy", "gpt-transcribe", detection, language="en")
    async with relaying(service, settings) as relay:
        await relay.speak(realtime.speech(300))
        await relay.act(relay.dialect.commit_audio())
        if detection != "none":
            await relay.speak(realtime.silence(600))
        await relay.until(events.ResponseDone)
    assert not faults(relay)
