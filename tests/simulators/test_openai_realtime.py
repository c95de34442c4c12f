"""The simulator is believed only because the real SDK believes it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import openai as sdk
import pytest
import websockets
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from tests import patience
from tests.simulators import openai_realtime as realtime
from tests.simulators.openai_realtime import sound

MODEL = "gpt-realtime-2.1"
MANUAL: dict[str, Any] = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
HEARING: dict[str, Any] = {
    "type": "realtime",
    "audio": {
        "input": {
            "transcription": {"model": "gpt-transcribe"},
            "turn_detection": {"type": "semantic_vad", "eagerness": "high"},
        }
    },
}
Json = dict[str, Any]
Service = realtime.RealtimeSimulator


class Caller:
    """A client on the real SDK that keeps everything it is told."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[Json] = []
        self.closed: int | None = None
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._listen(), name="caller")

    async def send(self, kind: str, **fields: Any) -> None:
        await self.connection.send({"type": kind, **fields})  # type: ignore[arg-type]

    async def update(self, session: Json) -> Json:
        await self.send("session.update", session=session)
        return await self.until("session.updated", self.count("session.updated") + 1)

    async def hear(self, audio: bytes) -> None:
        await self.connection.input_audio_buffer.append(audio=base64.b64encode(audio).decode())

    async def refused(self, kind: str, **fields: Any) -> Json:
        """Sends something that has to come back as an error, and returns that error."""
        before = self.count("error")
        await self.send(kind, event_id=f"mine_{before}", **fields)
        error: Json = (await self.until("error", before + 1))["error"]
        assert error["event_id"] == f"mine_{before}"
        return error

    def count(self, kind: str) -> int:
        return len(self.all(kind))

    def all(self, kind: str) -> list[Json]:
        return [event for event in self.events if event["type"] == kind]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    async def until(self, kind: str, count: int = 1) -> Json:
        async with asyncio.timeout(patience.SECONDS), self._news:
            await self._news.wait_for(lambda: self.count(kind) >= count)
        return self.all(kind)[count - 1]

    async def over(self) -> int | None:
        await asyncio.wait_for(asyncio.shield(self._task), patience.SECONDS)
        return self.closed

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            while True:
                event = await self.connection.recv()
                self.events.append(event.to_dict())
                async with self._news:
                    self._news.notify_all()
        except websockets.ConnectionClosed as closed:
            self.closed = closed.rcvd.code if closed.rcvd else 1006


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with realtime.RealtimeSimulator() as simulator:
        yield simulator


@contextlib.asynccontextmanager
async def calling(
    service: Service, session: Json | None = None, *, key: str = "sk-test", **options: Any
) -> AsyncIterator[Caller]:
    client = sdk.AsyncOpenAI(api_key=key, base_url=service.base_url, max_retries=0)
    async with client, client.realtime.connect(model=MODEL, **options) as connection:
        caller = Caller(connection)
        try:
            if session is not None:
                await caller.update(session)
            yield caller
        finally:
            await caller.stop()


async def test_a_session_is_created_then_updated(service: Service) -> None:
    async with calling(service) as caller:
        created = await caller.until("session.created")
        assert created["session"]["model"] == MODEL
        assert created["session"]["id"].startswith("sess_")
        assert created["session"]["expires_at"] > time.time() + 3500
        voice = {"audio": {"output": {"voice": "coral"}}}
        updated = await caller.update({"type": "realtime", "instructions": "Sing.", **voice})
    assert updated["session"]["instructions"] == "Sing."
    assert updated["session"]["audio"]["output"]["voice"] == "coral"
    assert updated["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    (connection,) = service.connections
    assert connection.headers["authorization"] == "Bearer sk-test"
    assert connection.types() == ["session.update"]


async def test_an_answer_streams_sound_and_words_in_the_order_of_the_service(service: Service) -> None:
    service.script(realtime.answer(realtime.say("one two three four", ms=350), pace=1000))
    async with calling(service, MANUAL) as caller:
        await caller.send("response.create", response={"metadata": {"a": "b"}})
        done = await caller.until("response.done")
    kinds = [kind for kind in caller.types() if kind.startswith(("response", "rate", "conversation.item"))]
    middle = [kind for kind in kinds if kind.endswith(".delta")]
    assert [kind for kind in kinds if not kind.endswith(".delta")] == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert middle == ["response.output_audio_transcript.delta", "response.output_audio.delta"] * 4
    words = "".join(event["delta"] for event in caller.all("response.output_audio_transcript.delta"))
    assert words == "one two three four" == caller.all("response.output_audio_transcript.done")[0]["transcript"]
    pcm = b"".join(base64.b64decode(event["delta"]) for event in caller.all("response.output_audio.delta"))
    assert len(pcm) == 350 * 48
    assert pcm == sound.tone(0, 350, 300)
    response = done["response"]
    assert (response["status"], response["metadata"]) == ("completed", {"a": "b"})
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "one two three four"}]
    assert response["usage"]["output_token_details"]["audio_tokens"] == 7


async def test_sound_comes_faster_than_it_plays_but_not_all_at_once(service: Service) -> None:
    service.script(realtime.answer(realtime.say("a b c", ms=30_000), pace=150))
    async with calling(service, MANUAL) as caller:
        began = time.monotonic()
        await caller.send("response.create")
        await caller.until("response.done")
    assert 0.2 <= time.monotonic() - began < 25


async def test_a_session_without_sound_gets_written_text(service: Service) -> None:
    service.script(realtime.answer(realtime.say("in words", ms=100)))
    async with calling(service, MANUAL | {"output_modalities": ["text"]}) as caller:
        await caller.send("response.create")
        await caller.until("response.done")
    assert "".join(event["delta"] for event in caller.all("response.output_text.delta")) == "in words"
    assert caller.all("response.output_text.done")[0]["text"] == "in words"
    assert not caller.all("response.output_audio.delta")


async def test_speech_is_heard_by_its_energy_committed_transcribed_and_answered(service: Service) -> None:
    service.script(realtime.answer(realtime.say("Yes", ms=100)), transcripts=("make it faster",))
    async with calling(service, HEARING) as caller:
        await caller.hear(realtime.silence(400))
        await caller.hear(realtime.speech(600))
        await caller.hear(realtime.silence(150))
        await caller.until("input_audio_buffer.speech_started")
        assert not caller.all("input_audio_buffer.speech_stopped")
        await caller.hear(realtime.silence(100))
        await caller.until("response.done")
        completed = await caller.until("conversation.item.input_audio_transcription.completed")
    started, stopped = (caller.all(f"input_audio_buffer.speech_{what}")[0] for what in ("started", "stopped"))
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (100, 1200)
    committed = caller.all("input_audio_buffer.committed")[0]
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == completed["item_id"]
    assert completed["transcript"] == "make it faster"
    assert completed["usage"]["input_token_details"]["audio_tokens"] == 11
    deltas = caller.all("conversation.item.input_audio_transcription.delta")
    assert "".join(event["delta"] for event in deltas) == "make it faster"
    assert service.connections[0].audio_bytes == 1250 * 48


async def test_silence_is_never_taken_for_speech(service: Service) -> None:
    async with calling(service, HEARING) as caller:
        await caller.hear(realtime.silence(2000))
        await caller.hear(sound.tone(0, 2000, 200, amplitude=200))
        await caller.update({"type": "realtime"})
    assert not caller.all("input_audio_buffer.speech_started")


async def test_speech_interrupts_an_answer_and_the_next_one_follows(service: Service) -> None:
    long = realtime.answer(realtime.say("a b c d e f g h i j", ms=60_000), realtime.call("setTempo", {}), pace=20)
    service.script(long, realtime.answer(realtime.say("ok", ms=100)))
    async with calling(service, HEARING) as caller:
        await caller.send("response.create")
        await caller.until("response.output_audio.delta", 2)
        await caller.hear(realtime.speech(200))
        first = await caller.until("response.done")
        await caller.hear(realtime.silence(300))
        second = await caller.until("response.done", 2)
    assert first["response"]["status"] == "cancelled"
    assert first["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert first["response"]["output"][0]["status"] == "incomplete"
    assert second["response"]["status"] == "completed"
    kinds = caller.types()
    assert kinds.index("input_audio_buffer.speech_started") < kinds.index("response.output_audio.done")
    assert caller.all("response.output_audio.done")[0]["response_id"] == first["response"]["id"]


async def test_speech_does_not_interrupt_where_that_is_switched_off(service: Service) -> None:
    detection = {"type": "server_vad", "interrupt_response": False, "silence_duration_ms": 200}
    service.script(realtime.answer(realtime.say("a b", ms=1000), pace=5), realtime.answer(realtime.say("c", ms=100)))
    async with calling(service, {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}) as caller:
        await caller.send("response.create")
        await caller.until("response.output_audio.delta")
        await caller.hear(realtime.speech(200) + realtime.silence(300))
        await caller.until("response.done", 2)
    statuses = [event["response"]["status"] for event in caller.all("response.done")]
    assert statuses == ["completed", "completed"]


async def test_late_sound_can_follow_an_interruption(service: Service) -> None:
    service.script(realtime.answer(realtime.say("a b", ms=20_000), pace=5, late_ms=40))
    async with calling(service, MANUAL) as caller:
        await caller.send("response.create")
        await caller.until("response.output_audio.delta")
        await caller.send("response.cancel")
        done = await caller.until("response.done")
    assert done["response"]["status_details"]["reason"] == "client_cancelled"
    assert len(base64.b64decode(caller.all("response.output_audio.delta")[-1]["delta"])) == 40 * 48


async def test_functions_come_in_pieces_and_their_results_lead_to_the_next_answer(service: Service) -> None:
    asked = realtime.answer(realtime.call("setTempo", {"bpm": 128}, call_id="call_a"), realtime.call("undo", {}))
    service.script(asked, realtime.answer(realtime.say("done", ms=100)))
    async with calling(service, MANUAL) as caller:
        await caller.send("response.create")
        done = (await caller.until("response.done"))["response"]
        deltas = caller.all("response.function_call_arguments.delta")
        deltas = [event for event in deltas if event["call_id"] == "call_a"]
        complete = caller.all("response.function_call_arguments.done")[0]
        assert "".join(event["delta"] for event in deltas) == complete["arguments"] == '{"bpm": 128}'
        assert (complete["name"], complete["call_id"]) == ("setTempo", "call_a")
        assert [item["name"] for item in done["output"]] == ["setTempo", "undo"]
        result = {"type": "function_call_output", "call_id": "call_a", "output": "ok"}
        await caller.send("conversation.item.create", item=result)
        await caller.send("response.create")
        await caller.until("response.done", 2)
        error = await caller.refused("conversation.item.create", item=result | {"call_id": "call_x"})
    assert error["code"] == "invalid_tool_call_id"


async def test_a_cancelled_answer_still_says_that_its_arguments_are_done(service: Service) -> None:
    service.script(realtime.answer(realtime.call("setTempo", {"bpm": 128}), hang=True))
    async with calling(service, MANUAL) as caller:
        await caller.send("response.create")
        await caller.until("response.function_call_arguments.done")
        await caller.send("response.cancel")
        done = await caller.until("response.done")
    assert done["response"]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"status": "incomplete"}, "max_output_tokens"),
        ({"status": "incomplete", "reason": "content_filter"}, "content_filter"),
        ({"status": "failed", "error_code": "server_error"}, None),
    ],
)
async def test_answers_can_end_badly(service: Service, options: Json, reason: str | None) -> None:
    service.script(realtime.answer(realtime.say("half", ms=100), **options))
    async with calling(service, MANUAL) as caller:
        await caller.send("response.create")
        response = (await caller.until("response.done"))["response"]
    assert response["status"] == options["status"]
    assert response["status_details"].get("reason") == reason
    assert response["status_details"].get("error", {}).get("code") == options.get("error_code")


async def test_every_answer_is_billed_for_the_whole_talk_so_far(service: Service) -> None:
    async with calling(service, MANUAL) as caller:
        for turn in range(3):
            await caller.hear(realtime.speech(1000))
            await caller.send("input_audio_buffer.commit")
            await caller.send("response.create")
            await caller.until("response.done", turn + 1)
    used = [event["response"]["usage"] for event in caller.all("response.done")]
    read = [usage["input_token_details"] for usage in used]
    assert [details["audio_tokens"] for details in read] == [10, 26, 42]
    assert [details["cached_tokens_details"]["audio_tokens"] for details in read] == [0, 10, 26]
    assert all(usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] for usage in used)


async def test_items_are_cut_deleted_and_retrieved_by_the_rules(service: Service) -> None:
    service.script(realtime.answer(realtime.say("one two", ms=500), pace=1000))
    async with calling(service, MANUAL) as caller:
        await caller.send("response.create")
        item_id = (await caller.until("response.done"))["response"]["output"][0]["id"]
        cut = {"item_id": item_id, "content_index": 0}
        error = await caller.refused("conversation.item.truncate", **cut, audio_end_ms=501)
        assert error["message"] == "Audio content of 500ms is already shorter than 501ms"
        assert error["code"] is None
        await caller.send("conversation.item.truncate", **cut, audio_end_ms=200)
        assert (await caller.until("conversation.item.truncated"))["audio_end_ms"] == 200
        await caller.send("conversation.item.retrieve", item_id=item_id)
        kept = (await caller.until("conversation.item.retrieved"))["item"]
        assert kept["content"] == [{"type": "output_audio"}]
        error = await caller.refused("conversation.item.truncate", **cut, audio_end_ms=300)
        assert error["message"].startswith("Audio content of 200ms")
        await caller.send("conversation.item.delete", item_id=item_id)
        await caller.until("conversation.item.deleted")
        for what in ("delete", "retrieve", "truncate"):
            more = {"content_index": 0, "audio_end_ms": 1} if what == "truncate" else {}
            error = await caller.refused(f"conversation.item.{what}", item_id=item_id, **more)
            assert error["code"] == f"item_{what}_invalid_item_id"


async def test_talk_is_seeded_as_text_but_never_as_the_models_sound(service: Service) -> None:
    def message(role: str, kind: str, **fields: Any) -> Json:
        return {"type": "message", "role": role, "content": [{"type": kind, "text": "hi"}], **fields}

    async with calling(service, MANUAL) as caller:
        await caller.send("conversation.item.create", item=message("user", "input_text", id="first"))
        await caller.send("conversation.item.create", item=message("assistant", "output_text"))
        early = message("system", "input_text", id="early")
        await caller.send("conversation.item.create", item=early, previous_item_id="root")
        await caller.until("conversation.item.done", 3)
        assert list(service.connections[0].conversation.items)[:2] == ["early", "first"]
        for item, code in [
            (message("assistant", "output_audio"), "invalid_value"),
            (message("assistant", "text"), "invalid_value"),
            (message("user", "input_text", id="first"), "item_create_duplicate_item_id"),
            (message("user", "input_text", id="x" * 33), "string_above_max_length"),
        ]:
            assert (await caller.refused("conversation.item.create", item=item))["code"] == code


REFUSED_UPDATES = [
    ({"instructions": "no type"}, "missing_required_parameter", "session.type"),
    ({"type": "transcription"}, "invalid_value", "session.type"),
    ({"type": "realtime", "foo": 1}, "unknown_parameter", "session.foo"),
    ({"type": "realtime", "audio": {"input": {"foo": 1}}}, "unknown_parameter", "session.audio.input.foo"),
    ({"type": "realtime", "model": "gpt-realtime-1.5"}, "invalid_value", "session.model"),
    ({"type": "realtime", "output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
    ({"type": "realtime", "max_output_tokens": 5000}, "invalid_value", "session.max_output_tokens"),
    ({"type": "realtime", "audio": {"output": {"voice": "robot"}}}, "invalid_value", "session.audio.output.voice"),
    ({"type": "realtime", "audio": {"output": {"speed": 3}}}, "invalid_value", "session.audio.output.speed"),
    ({"type": "realtime", "tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
]


@pytest.mark.parametrize(("session", "code", "param"), REFUSED_UPDATES)
async def test_a_wrong_configuration_is_refused_and_changes_nothing(
    service: Service, session: Json, code: str, param: str
) -> None:
    async with calling(service, MANUAL) as caller:
        before = json.dumps(service.connections[0].session)
        error = await caller.refused("session.update", session=session)
        assert (error["code"], error["param"]) == (code, param)
        assert json.dumps(service.connections[0].session) == before
        await caller.update({"type": "realtime"})


async def test_the_voice_is_frozen_by_the_first_spoken_answer(service: Service) -> None:
    async with calling(service, MANUAL) as caller:
        await caller.update({"type": "realtime", "audio": {"output": {"voice": "ash"}}})
        await caller.send("response.create")
        await caller.until("response.done")
        await caller.update({"type": "realtime", "audio": {"output": {"voice": "ash"}}})
        other = {"type": "realtime", "audio": {"output": {"voice": "sage"}}}
        error = await caller.refused("session.update", session=other)
    assert error["code"] == "cannot_update_voice"


@pytest.mark.parametrize("flat", [{"voice": "alloy"}, {"modalities": ["text"]}, {"turn_detection": None}])
async def test_a_flat_session_of_the_beta_is_thrown_out(service: Service, flat: Json) -> None:
    async with calling(service) as caller:
        await caller.connection.send_raw(json.dumps({"type": "session.update", "session": flat}))
        assert await caller.over() == 4000
    assert caller.all("error")[0]["error"]["code"] == "beta_api_shape_disabled"
    ending = await service.connections[0].over()
    assert (ending.by, ending.code) == ("server", 4000)


async def test_the_beta_header_is_thrown_out(service: Service) -> None:
    async with calling(service, extra_headers={"OpenAI-Beta": "realtime=v1"}) as caller:
        assert await caller.over() == 4000
    assert caller.types() == ["error"]


async def test_mistakes_are_answered_by_errors_that_name_the_event(service: Service) -> None:
    service.script(realtime.answer(realtime.say("a", ms=100), hang=True))
    async with calling(service, MANUAL) as caller:
        assert (await caller.refused("response.cancel"))["code"] == "response_cancel_not_active"
        assert (await caller.refused("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
        assert (await caller.refused("input_audio_buffer.append", audio="***"))["code"] == "invalid_value"
        assert (await caller.refused("response.text.delta"))["code"] == "invalid_value"
        assert (await caller.refused("response.create", response={"modalities": []}))["code"] == "unknown_parameter"
        await caller.send("response.create")
        await caller.until("response.created")
        code = (await caller.refused("response.create"))["code"]
        assert code == "conversation_already_has_active_response"
        assert (await caller.refused("response.cancel", response_id="other"))["code"] == "response_cancel_not_active"
        await caller.connection.send_raw("{no json")
        await caller.until("error", 8)


async def test_the_buffer_counts_what_it_gets_and_can_be_cleared(service: Service) -> None:
    async with calling(service, MANUAL) as caller:
        await caller.hear(realtime.speech(150))
        await caller.send("input_audio_buffer.clear")
        await caller.until("input_audio_buffer.cleared")
        assert (await caller.refused("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
        await caller.hear(realtime.speech(150))
        await caller.send("input_audio_buffer.commit")
        await caller.until("input_audio_buffer.committed")
    connection = service.connections[0]
    assert connection.audio_bytes == 300 * 48
    assert not caller.all("response.created")


async def test_the_end_after_sixty_minutes_is_an_error_and_a_close(service: Service) -> None:
    service.script(expires_after=0.05)
    async with calling(service) as caller:
        assert await caller.over() == 1001
    assert caller.all("error")[0]["error"]["code"] == "session_expired"
    assert (await service.connections[0].over()).by == "server"


@pytest.mark.parametrize("code", [1000, 1011, 1012, 4000])
async def test_the_server_can_close_with_any_code(service: Service, code: int) -> None:
    async with calling(service) as caller:
        await caller.until("session.created")
        await service.connections[0].close(code)
        assert await caller.over() == code
    assert (await service.connections[0].over()).code == code


async def test_the_server_can_break_the_connection_without_a_word(service: Service) -> None:
    async with calling(service) as caller:
        await caller.until("session.created")
        service.connections[0].cut()
        assert await caller.over() == 1006
    assert (await service.connections[0].over()).by == "cut"


async def test_a_client_that_goes_leaves_nothing_open(service: Service) -> None:
    service.script(realtime.answer(realtime.say("a", ms=100), hang=True))
    async with calling(service, MANUAL) as caller:
        await caller.send("response.create")
        await caller.until("response.created")
        assert len(service.open) == 1
    ending = await service.connections[0].over()
    assert (ending.by, service.open) == ("client", [])
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("realtime simulator")]


async def test_a_client_that_vanishes_is_noticed(service: Service) -> None:
    async with calling(service) as caller:
        await caller.until("session.created")
        caller.connection._connection.transport.abort()
        ending = await service.connections[0].over()
        await caller.over()
    assert (ending.by, ending.code) == ("client", 1006)


async def test_connections_are_independent_and_sound_different(service: Service) -> None:
    service.script(realtime.answer(realtime.say("first", ms=200)))
    service.script(realtime.answer(realtime.say("second", ms=200)))
    async with calling(service, MANUAL) as one, calling(service, MANUAL) as two:
        await asyncio.gather(one.send("response.create"), two.send("response.create"))
        await asyncio.gather(one.until("response.done"), two.until("response.done"))
    words = [caller.all("response.output_audio_transcript.done")[0]["transcript"] for caller in (one, two)]
    sounds = [caller.all("response.output_audio.delta")[0]["delta"] for caller in (one, two)]
    assert words == ["first", "second"]
    assert sounds[0] != sounds[1]


async def test_slow_beginnings_take_their_time(service: Service) -> None:
    service.script(open_delay=0.2)
    began = time.monotonic()
    async with calling(service, MANUAL):
        assert time.monotonic() - began >= 0.2


async def test_wrong_keys_and_refusals_end_the_handshake(service: Service) -> None:
    service.script(refuse=(429, "insufficient_quota"))
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with calling(service):
            pass
    assert caught.value.response.status_code == 429
    async with realtime.RealtimeSimulator(key="right") as strict:
        with pytest.raises(websockets.InvalidStatus) as caught:
            async with calling(strict, key="wrong"):
                pass
        assert caught.value.response.status_code == 401
        assert strict.refused == [(401, "invalid_api_key")]
        assert not strict.connections


async def test_an_error_can_come_instead_of_a_session(service: Service) -> None:
    service.script(opening_error=("insufficient_quota", 4000))
    async with calling(service) as caller:
        assert await caller.over() == 4000
    assert caller.all("error")[0]["error"]["code"] == "insufficient_quota"


async def test_a_secret_opens_a_session_with_its_configuration_until_it_expires(service: Service) -> None:
    async with sdk.AsyncOpenAI(api_key="sk-test", base_url=service.base_url, max_retries=0) as client:
        secret = await client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 10},
            session={"type": "realtime", "model": MODEL, "audio": {"output": {"voice": "cedar"}}},
        )
        assert secret.value.startswith("ek_")
        assert 5 < secret.expires_at - time.time() <= 11
        assert secret.session.audio.output.voice == "cedar"
        for seconds in (9, 7201):
            with pytest.raises(sdk.BadRequestError):
                await client.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": seconds})
        with pytest.raises(sdk.BadRequestError, match="foo"):
            wrong = {"session": {"type": "realtime", "foo": 1}}
            await client.realtime.client_secrets.create(extra_body=wrong)
    async with calling(service, key=secret.value) as caller:
        created = await caller.until("session.created")
    assert created["session"]["audio"]["output"]["voice"] == "cedar"
    with pytest.raises(websockets.InvalidStatus):
        async with calling(service, key="ek_unknown"):
            pass
    bad = sdk.AsyncOpenAI(api_key="ek_no", base_url=service.base_url, max_retries=0)
    with pytest.raises(sdk.AuthenticationError):
        await bad.realtime.client_secrets.create()
    await bad.close()
