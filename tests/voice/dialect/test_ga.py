"""Every rule of the relay (providers, section 2.5) as a conversation."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import pytest

from dawg_server.voice.dialect import Dialect, events, ga, responses
from dawg_server.voice.dialect.events import Fault, FaultKind
from tests.voice.dialect import upstream
from tests.voice.dialect.playbook import MANUAL, SETTINGS, Playbook, Sent

NOISE, FINAL, RECYCLE, OTHER = FaultKind.NOISE, FaultKind.FINAL, FaultKind.RECYCLE, FaultKind.OTHER


@pytest.fixture
def playbook() -> Playbook:
    return Playbook().ready()


def speaking(playbook: Playbook, ms: int = 1000, text: str = "one two three four five") -> Playbook:
    """An answer whose sound has arrived so far without its end."""
    playbook >> upstream.created() << events.ResponseStarted("resp_1")
    playbook >> upstream.words(text) << events.TextDelta("item_1", "resp_1", text)
    playbook >> upstream.audio(ms) << events.AudioDelta("item_1", "resp_1", upstream.sound(ms))
    return playbook


def truncate(ms: int, item: str = "item_1") -> Sent:
    return Sent("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=ms)


def delete(item: str = "item_1") -> Sent:
    return Sent("conversation.item.delete", item_id=item)


def cancel(response: str = "resp_1") -> Sent:
    return Sent("response.cancel", response_id=response)


def output(call_id: str, text: str) -> Sent:
    return Sent("conversation.item.create", item={"type": "function_call_output", "call_id": call_id, "output": text})


def test_the_ga_dialect_is_a_dialect() -> None:
    dialect: Dialect = ga.GaDialect(SETTINGS)
    assert not dialect.ready


def test_microphone_audio_has_to_wait_until_the_configuration_is_accepted() -> None:
    playbook = Playbook()
    playbook >> {"type": "session.created", "session": {"id": "sess_1"}}
    (update,) = playbook.answers
    assert isinstance(update, events.SendUpstream)
    sent = update.message["session"]
    assert not playbook.dialect.ready
    assert sent["type"] == "realtime"
    assert sent["output_modalities"] == ["audio"]
    assert sent["instructions"] == "You mix records."
    assert sent["tools"][0]["type"] == "function"
    assert sent["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert sent["audio"]["input"]["noise_reduction"] == {"type": "near_field"}
    assert sent["audio"]["input"]["transcription"] == {"model": "gpt-transcribe"}
    assert sent["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
    assert sent["audio"]["input"]["turn_detection"]["interrupt_response"] is True
    assert sent["audio"]["output"]["voice"] == "alloy"
    assert sent["max_output_tokens"] == 2048
    assert sent["truncation"]["retention_ratio"] == 0.8
    playbook.answers = []
    accepted = {"id": "sess_1", "model": "m", "expires_at": 1234, "audio": {"output": {"voice": "coral"}}}
    playbook >> {"type": "session.updated", "session": accepted} << events.Ready("sess_1", "m", "coral", 1234.0)
    assert playbook.dialect.ready


def test_a_refused_configuration_ends_the_wait() -> None:
    playbook = Playbook()
    playbook >> {"type": "session.created", "session": {}}
    event_id = playbook.sent_id("session.update")
    playbook.answers = []
    expected = Fault(FINAL, "unknown_parameter", "no", "session.update", event_id="event_9")
    playbook >> upstream.error("unknown_parameter", event_id) << expected
    assert not playbook.dialect.ready


def test_an_answer_is_relayed_in_the_order_in_which_it_comes(playbook: Playbook) -> None:
    speaking(playbook)
    playbook >> upstream.audio_done() << events.AudioDone("item_1", "resp_1")
    playbook >> upstream.words_done("one two") << events.TextDone("item_1", "resp_1", "one two")
    playbook >> upstream.done() << events.ResponseDone("resp_1", "completed", None)


def test_written_answers_are_text_too(playbook: Playbook) -> None:
    ids = {"response_id": "resp_1", "item_id": "item_1"}
    delta, done = {"type": "response.output_text.delta", **ids}, {"type": "response.output_text.done", **ids}
    playbook >> {**delta, "delta": "hi"} << events.TextDelta("item_1", "resp_1", "hi")
    playbook >> {**done, "text": "hi!"} << events.TextDone("item_1", "resp_1", "hi!")


def test_barge_in_flushes_first_and_cuts_at_what_was_heard(playbook: Playbook) -> None:
    speaking(playbook, 1000)
    playbook.dialect.played("item_1", 400)
    flush = events.Interrupted("item_1", "resp_1", 400, "one two")
    playbook >> upstream.speech() << [flush, events.SpeechStarted("item_u"), truncate(400)]


def test_the_cut_never_exceeds_what_was_received(playbook: Playbook) -> None:
    speaking(playbook, 300)
    playbook.dialect.played("item_1", 5000)
    flush = events.Interrupted("item_1", "resp_1", 300, "one two three four five")
    playbook >> upstream.speech() << [flush, events.SpeechStarted("item_u"), truncate(300)]


@pytest.mark.parametrize("reported", [True, False])
def test_what_nobody_heard_is_deleted(playbook: Playbook, reported: bool) -> None:
    speaking(playbook, 1000)
    if reported:
        playbook.dialect.played("item_1", 0)
    flush = events.Interrupted("item_1", "resp_1", 0, "")
    playbook >> upstream.speech() << [flush, events.SpeechStarted("item_u"), delete()]
    assert playbook.dialect.conversation.lines == ()


def test_nothing_is_cut_when_playback_has_finished(playbook: Playbook) -> None:
    speaking(playbook, 1000)
    playbook >> upstream.audio_done() << events.AudioDone("item_1", "resp_1")
    playbook >> upstream.done() << events.ResponseDone("resp_1", "completed", None)
    playbook.dialect.played("item_1", 1000)
    playbook >> upstream.speech() << events.SpeechStarted("item_u")


def test_the_last_moment_between_two_playback_reports_counts_as_heard(playbook: Playbook) -> None:
    speaking(playbook, 1000)
    playbook >> upstream.audio_done() << events.AudioDone("item_1", "resp_1")
    playbook.dialect.played("item_1", 800)
    playbook.now += 0.25
    playbook >> upstream.speech() << events.SpeechStarted("item_u")


def test_an_answer_that_is_done_upstream_but_still_playing_is_cut_too(playbook: Playbook) -> None:
    speaking(playbook, 1000)
    playbook >> upstream.audio_done() << events.AudioDone("item_1", "resp_1")
    playbook >> upstream.done() << events.ResponseDone("resp_1", "completed", None)
    playbook.dialect.played("item_1", 700)
    flush = events.Interrupted("item_1", "resp_1", 700, "one two three")
    playbook >> upstream.speech() << [flush, events.SpeechStarted("item_u"), truncate(700)]


def test_without_reports_the_clock_stands_in_for_the_browser(playbook: Playbook) -> None:
    speaking(playbook, 1000)
    playbook.now += 0.375
    flush = events.Interrupted("item_1", "resp_1", 375, "one two")
    playbook >> upstream.speech() << [flush, events.SpeechStarted("item_u"), truncate(375)]


def test_without_reports_the_second_item_begins_when_the_first_has_ended(playbook: Playbook) -> None:
    speaking(playbook, 1000)
    playbook >> upstream.audio_done() << events.AudioDone("item_1", "resp_1")
    playbook >> upstream.audio(500, "item_2") << events.AudioDelta("item_2", "resp_1", upstream.sound(500))
    playbook.now += 1.25
    flush = events.Interrupted("item_2", "resp_1", 250, "")
    playbook >> upstream.speech() << [flush, events.SpeechStarted("item_u"), truncate(250, "item_2")]


def test_a_browser_that_stopped_reporting_is_replaced_by_the_clock(playbook: Playbook) -> None:
    speaking(playbook, 3000)
    playbook.dialect.played("some other item", 10)
    playbook.now += 1.5
    flush = events.Interrupted("item_1", "resp_1", 1500, "one two")
    playbook >> upstream.speech() << [flush, events.SpeechStarted("item_u"), truncate(1500)]


def test_late_sound_and_words_of_an_interrupted_answer_are_dropped(playbook: Playbook) -> None:
    speaking(playbook, 1000)
    playbook.dialect.played("item_1", 400)
    playbook >> upstream.speech()
    playbook.answers = []
    playbook >> upstream.audio(200) << []
    playbook >> upstream.words(" six") << []
    playbook >> upstream.audio_done() << []
    playbook >> upstream.words_done("one two three four five six") << events.TextDone("item_1", "resp_1", "one two")
    playbook >> upstream.audio(200, "item_2") << []
    ended = events.ResponseDone("resp_1", "cancelled", "turn_detected")
    playbook >> upstream.done(status="cancelled", reason="turn_detected") << ended
    playbook >> upstream.audio(200) << []


def test_an_answer_without_sound_yet_is_dropped_as_well(playbook: Playbook) -> None:
    playbook >> upstream.created() << events.ResponseStarted("resp_1")
    playbook >> upstream.speech() << events.SpeechStarted("item_u")
    playbook >> upstream.audio(200) << []
    playbook >> upstream.created("resp_2") << events.ResponseStarted("resp_2")
    heard = events.AudioDelta("item_2", "resp_2", upstream.sound(20))
    playbook >> upstream.audio(20, "item_2", "resp_2") << heard


def test_a_manual_interrupt_flushes_cancels_and_cuts(playbook: Playbook) -> None:
    speaking(playbook, 1000)
    playbook.dialect.played("item_1", 400)
    flush = events.Interrupted("item_1", "resp_1", 400, "one two")
    playbook >> playbook.dialect.interrupt() << [flush, cancel(), truncate(400)]
    playbook >> upstream.audio(200) << []
    playbook >> playbook.dialect.interrupt() << [cancel()]


def test_an_answer_interrupted_before_it_began_is_cancelled_when_it_begins() -> None:
    playbook = Playbook(MANUAL).ready()
    playbook >> playbook.dialect.commit_audio() << Sent("input_audio_buffer.commit")
    playbook >> upstream.committed() << [events.UtteranceCommitted("item_u"), Sent("response.create")]
    playbook >> playbook.dialect.interrupt() << []
    playbook >> upstream.created() << [events.ResponseStarted("resp_1"), cancel()]
    playbook >> upstream.audio(100) << []
    playbook >> upstream.done(status="cancelled") << events.ResponseDone("resp_1", "cancelled", None)
    playbook >> upstream.created("resp_2") << events.ResponseStarted("resp_2")


def test_committing_by_hand_is_for_sessions_without_turn_detection(playbook: Playbook) -> None:
    playbook >> playbook.dialect.commit_audio() << []


def test_a_function_runs_only_after_its_answer_is_completed(playbook: Playbook) -> None:
    playbook >> upstream.created() << events.ResponseStarted("resp_1")
    playbook >> upstream.call() << []
    run = events.FunctionRequested("call_1", "setTempo", '{"bpm": 128}', "resp_1")
    completed = upstream.done(output=[upstream.call_item()])
    playbook >> completed << [events.ResponseDone("resp_1", "completed", None), run]


@pytest.mark.parametrize("status", ["cancelled", "incomplete", "failed"])
def test_a_function_of_an_answer_that_was_not_completed_never_runs(
    playbook: Playbook, status: events.ResponseStatus
) -> None:
    playbook >> upstream.created() << events.ResponseStarted("resp_1")
    playbook >> upstream.call() << []
    ended: list[events.Event] = [events.ResponseDone("resp_1", status, None)]
    if status == "failed":
        ended += [Fault(OTHER, "unknown", "", retry_after=1.0), events.RetryLater(1.0)]
    playbook >> upstream.done(status=status, output=[upstream.call_item()]) << ended
    playbook >> playbook.dialect.function_result("call_1", "too late") << []


def test_a_function_named_twice_runs_once(playbook: Playbook) -> None:
    ended = events.ResponseDone("resp_1", "completed", None)
    run = events.FunctionRequested("call_1", "setTempo", '{"bpm": 128}', "resp_1")
    twice = upstream.done(output=[upstream.call_item(), upstream.call_item()])
    playbook >> upstream.call() << []
    playbook >> upstream.call() << []
    playbook >> twice << [ended, run]
    playbook >> twice << [ended]
    again = upstream.done("resp_2", output=[upstream.call_item()])
    playbook >> again << [events.ResponseDone("resp_2", "completed", None)]


def two_calls(playbook: Playbook) -> Playbook:
    playbook >> upstream.done(output=[upstream.call_item("call_1"), upstream.call_item("call_2")])
    assert [type(answer).__name__ for answer in playbook.answers] == [
        "ResponseDone",
        "FunctionRequested",
        "FunctionRequested",
    ]
    playbook.answers = []
    return playbook


def test_the_model_goes_on_once_every_call_has_its_result(playbook: Playbook) -> None:
    two_calls(playbook)
    assert not playbook.dialect.idle
    playbook >> playbook.dialect.function_result("call_2", "ok") << [output("call_2", "ok")]
    playbook >> playbook.dialect.function_result("call_2", "again") << []
    answer = [output("call_1", "128 bpm"), Sent("response.create")]
    playbook >> playbook.dialect.function_result("call_1", "128 bpm") << answer


def test_a_result_during_another_answer_asks_for_its_own_afterwards(playbook: Playbook) -> None:
    two_calls(playbook)
    playbook >> upstream.created("resp_2") << events.ResponseStarted("resp_2")
    playbook >> playbook.dialect.function_result("call_1", "a") << [output("call_1", "a")]
    playbook >> playbook.dialect.function_result("call_2", "b") << [output("call_2", "b")]
    playbook >> upstream.done("resp_2") << [events.ResponseDone("resp_2", "completed", None), Sent("response.create")]
    playbook >> upstream.created("resp_3") << events.ResponseStarted("resp_3")
    playbook >> upstream.done("resp_3") << [events.ResponseDone("resp_3", "completed", None)]


def test_a_result_while_the_user_speaks_asks_for_nothing_because_the_service_will_answer(playbook: Playbook) -> None:
    two_calls(playbook)
    playbook >> playbook.dialect.function_result("call_1", "a") << [output("call_1", "a")]
    playbook >> upstream.speech() << events.SpeechStarted("item_u")
    playbook >> playbook.dialect.function_result("call_2", "b") << [output("call_2", "b")]
    playbook >> upstream.silence() << events.SpeechStopped("item_u")


def test_an_answer_asked_for_before_the_user_spoke_does_not_talk_over_the_user(playbook: Playbook) -> None:
    two_calls(playbook)
    playbook >> playbook.dialect.function_result("call_1", "a") << [output("call_1", "a")]
    asked = [output("call_2", "b"), Sent("response.create")]
    playbook >> playbook.dialect.function_result("call_2", "b") << asked
    playbook >> upstream.speech() << events.SpeechStarted("item_u")
    playbook >> upstream.created("resp_2") << [events.ResponseStarted("resp_2"), cancel("resp_2")]
    playbook >> upstream.audio(50, "item_2", "resp_2") << []


def test_a_request_that_came_too_late_is_repeated_after_the_answer_that_was_faster(playbook: Playbook) -> None:
    two_calls(playbook)
    playbook >> playbook.dialect.function_result("call_1", "a") << [output("call_1", "a")]
    playbook >> playbook.dialect.function_result("call_2", "b")
    refused = playbook.sent_id("response.create")
    playbook << [output("call_2", "b"), Sent("response.create")]
    playbook >> upstream.created("resp_2") << events.ResponseStarted("resp_2")
    code = "conversation_already_has_active_response"
    playbook >> upstream.error(code, refused) << Fault(NOISE, code, "no", "response.create", event_id="event_9")
    playbook >> upstream.done("resp_2") << [events.ResponseDone("resp_2", "completed", None), Sent("response.create")]


def test_a_failed_request_for_an_answer_is_reported_as_such(playbook: Playbook) -> None:
    playbook.dialect.receive(upstream.done(output=[upstream.call_item()]))
    playbook >> playbook.dialect.function_result("call_1", "a")
    refused = playbook.sent_id("response.create")
    playbook.answers = []
    fault = Fault(OTHER, "server_error", "no", "response.create", event_id="event_9")
    error = upstream.error("server_error", refused)
    again = [dataclasses.replace(fault, retry_after=1.0), events.RetryLater(1.0)]
    playbook >> error << again
    assert not playbook.dialect.idle
    playbook >> playbook.dialect.retry()
    refused = playbook.sent_id("response.create")
    playbook << Sent("response.create")
    playbook >> upstream.error("server_error", refused) << fault
    playbook >> playbook.dialect.retry() << []
    assert playbook.dialect.idle


@pytest.mark.parametrize(
    ("message", "seconds"),
    [("Try again in 250ms.", 0.25), ("please try again in 1.5s", 1.5), ("try again in 9m", 30.0), ("no", 1.0)],
)
def test_a_refused_request_is_repeated_when_the_service_says(playbook: Playbook, message: str, seconds: float) -> None:
    playbook.dialect.receive(upstream.done(output=[upstream.call_item()]))
    playbook >> playbook.dialect.function_result("call_1", "a")
    refused = playbook.sent_id("response.create")
    playbook.answers = []
    playbook >> upstream.error("rate_limit_exceeded", refused, message.replace("Try", "try"))
    assert playbook.answers[-1] == events.RetryLater(seconds)
    playbook.answers = []


def test_a_new_question_takes_the_place_of_a_second_try(playbook: Playbook) -> None:
    playbook >> upstream.created() << events.ResponseStarted("resp_1")
    playbook >> upstream.done(status="failed")
    assert playbook.answers[-1] == events.RetryLater(1.0)
    playbook.answers = []
    playbook.dialect.receive(upstream.speech("item_v"))
    playbook >> playbook.dialect.retry() << []


def test_a_question_is_owed_an_answer_until_it_begins_or_nothing_has_come_for_long(playbook: Playbook) -> None:
    playbook.dialect.receive(upstream.speech())
    assert not playbook.dialect.idle
    playbook.dialect.receive(upstream.silence())
    playbook.dialect.receive(upstream.committed())
    assert not playbook.dialect.idle
    assert playbook.dialect.carry().unanswered
    assert playbook.dialect.carry().words_missing
    playbook.dialect.receive(upstream.heard("which key"))
    assert not playbook.dialect.carry().words_missing
    playbook.now += responses.PATIENCE
    assert playbook.dialect.idle


def test_an_answer_that_was_interrupted_is_not_owed(playbook: Playbook) -> None:
    speaking(playbook)
    assert playbook.dialect.carry().broken_off
    playbook.dialect.interrupt()
    assert not playbook.dialect.carry().unanswered
    playbook.dialect.receive(upstream.done(status="cancelled"))
    playbook.dialect.receive(upstream.speech())
    playbook.dialect.receive(upstream.silence())
    playbook.dialect.interrupt()
    assert not playbook.dialect.carry().unanswered
    playbook >> upstream.created("resp_2") << [events.ResponseStarted("resp_2"), cancel("resp_2")]


CODES = [
    ("response_cancel_not_active", NOISE),
    ("conversation_already_has_active_response", NOISE),
    ("input_audio_buffer_commit_empty", NOISE),
    ("item_truncate_invalid_item_id", NOISE),
    ("item_delete_invalid_item_id", NOISE),
    ("invalid_api_key", FINAL),
    ("insufficient_quota", FINAL),
    ("account_deactivated", FINAL),
    ("billing_hard_limit_reached", FINAL),
    ("beta_api_shape_disabled", FINAL),
    ("session_expired", RECYCLE),
    ("cannot_update_voice", RECYCLE),
    ("rate_limit_exceeded", OTHER),
]


@pytest.mark.parametrize(("code", "kind"), CODES)
def test_errors_are_told_apart_by_their_code(playbook: Playbook, code: str, kind: FaultKind) -> None:
    playbook >> upstream.error(code) << Fault(kind, code, "no", event_id="event_9")


def test_an_error_without_a_code_goes_by_its_type(playbook: Playbook) -> None:
    playbook >> upstream.error(None) << Fault(OTHER, "invalid_request_error", "no", event_id="event_9")


def test_an_empty_commit_is_a_mistake_where_the_user_commits() -> None:
    code = "input_audio_buffer_commit_empty"
    Playbook(MANUAL).ready() >> upstream.error(code) << Fault(OTHER, code, "no", event_id="event_9")


def test_a_cut_that_the_service_refuses_is_noise(playbook: Playbook) -> None:
    speaking(playbook, 1000)
    playbook.dialect.played("item_1", 400)
    playbook >> upstream.speech()
    event_id = playbook.sent_id("conversation.item.truncate")
    playbook.answers = []
    expected = Fault(NOISE, "invalid_request_error", "no", "conversation.item.truncate", event_id="event_9")
    playbook >> upstream.error(None, event_id) << expected


@pytest.mark.parametrize("code", [1001, 1005, 1006, 1011, 1012, 1013, 1015])
def test_recoverable_ends_are_recycled(playbook: Playbook, code: int) -> None:
    assert playbook.dialect.closed(code).kind is RECYCLE


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1007, 1008, 1009, 3000, 4000, 4001])
def test_all_other_ends_are_final(playbook: Playbook, code: int) -> None:
    assert playbook.dialect.closed(code).kind is FINAL


def test_the_voice_can_change_until_the_model_has_spoken() -> None:
    playbook = Playbook()
    assert not playbook.dialect.voice_can_change
    playbook.ready()
    assert playbook.dialect.voice_can_change
    update = Sent("session.update", session={"type": "realtime", "audio": {"output": {"voice": "marin"}}})
    playbook >> playbook.dialect.change_voice("marin") << [update]
    updated = {"type": "session.updated", "session": {"audio": {"output": {"voice": "marin"}}}}
    playbook >> updated << events.Reconfigured("marin")
    speaking(playbook)
    playbook >> upstream.done() << events.ResponseDone("resp_1", "completed", None)
    assert not playbook.dialect.voice_can_change


def test_recycling_waits_until_the_last_answer_has_been_heard(playbook: Playbook) -> None:
    assert playbook.dialect.idle
    speaking(playbook, 1000)
    assert not playbook.dialect.idle
    playbook >> upstream.audio_done() << events.AudioDone("item_1", "resp_1")
    playbook >> upstream.done() << events.ResponseDone("resp_1", "completed", None)
    assert not playbook.dialect.idle
    playbook.now += 1.0
    assert playbook.dialect.idle
    playbook >> upstream.speech() << events.SpeechStarted("item_u")
    assert not playbook.dialect.idle


def test_the_talk_is_carried_over_as_text_in_its_order_and_without_functions(playbook: Playbook) -> None:
    playbook >> upstream.committed("item_u") << events.UtteranceCommitted("item_u")
    speaking(playbook, 1000)
    playbook.dialect.receive(upstream.done(output=[upstream.call_item()]))
    playbook >> upstream.heard("how many", "item_u") << events.UserTranscriptDone("item_u", "how many")
    playbook.dialect.played("item_1", 400)
    playbook.dialect.receive(upstream.speech("item_v"))
    playbook.dialect.receive(upstream.committed("item_v", "item_1"))
    playbook.dialect.receive(upstream.heard("stop", "item_v"))
    lines = [(line.role, line.text) for line in playbook.dialect.conversation.lines]
    assert lines == [("user", "how many"), ("assistant", "one two"), ("user", "stop")]

    successor = Playbook(earlier=playbook.dialect.carry())
    successor.dialect.receive({"type": "session.created", "session": {"id": "sess_2"}})
    successor >> {"type": "session.updated", "session": {"id": "sess_2", "model": "m"}}
    *seeds, ready = successor.answers
    assert ready == events.Ready("sess_2", "m", "alloy", None)
    items = [seed.message["item"] for seed in seeds]
    assert [(item["role"], item["content"][0]["type"], item["content"][0]["text"]) for item in items] == [
        ("user", "input_text", "how many"),
        ("assistant", "output_text", "one two"),
        ("user", "input_text", "stop"),
    ]
    assert len({item["id"] for item in items}) == 3
    assert all(len(item["id"]) <= 32 for item in items)
    assert [(line.role, line.text) for line in successor.dialect.conversation.lines] == lines
    for item in items:
        successor.dialect.receive({"type": "conversation.item.added", "item": item, "previous_item_id": None})
    assert [(line.role, line.text) for line in successor.dialect.conversation.lines] == lines


def test_what_the_service_forgets_leaves_the_mirror(playbook: Playbook) -> None:
    speaking(playbook)
    playbook >> {"type": "conversation.item.deleted", "item_id": "item_1"} << []
    assert playbook.dialect.conversation.lines == ()


def test_the_users_words_come_in_pieces_and_whole(playbook: Playbook) -> None:
    kind = "conversation.item.input_audio_transcription"
    delta = {"type": f"{kind}.delta", "item_id": "item_u", "delta": "fas"}
    playbook >> delta << events.UserTranscriptDelta("item_u", "fas")
    done = upstream.heard("faster", "item_u", type="duration", seconds=1.5)
    (bill,) = playbook.dialect.receive(done)[1:]
    assert isinstance(bill, events.UsageReported)
    assert (bill.of, bill.usage.seconds, bill.usage.input_tokens) == ("transcription", 1.5, 0)
    failed: dict[str, Any] = {"type": f"{kind}.failed", "item_id": "item_u", "error": {"code": "x", "message": "y"}}
    playbook >> failed << events.UserTranscriptFailed("item_u", "x", "y")


def test_every_answer_brings_its_bill(playbook: Playbook) -> None:
    wire = {
        "total_tokens": 253,
        "input_tokens": 132,
        "output_tokens": 121,
        "input_token_details": {
            "text_tokens": 119,
            "audio_tokens": 13,
            "image_tokens": 0,
            "cached_tokens": 64,
            "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
    }
    bill, ended = playbook.dialect.receive(upstream.done(status="incomplete", reason="max_output_tokens", usage=wire))
    assert ended == events.ResponseDone("resp_1", "incomplete", "max_output_tokens")
    assert isinstance(bill, events.UsageReported)
    used = bill.usage
    assert (bill.of, used.input_tokens, used.output_tokens) == ("response", 132, 121)
    assert (used.input_text_tokens, used.input_audio_tokens, used.cached_tokens) == (119, 13, 64)
    assert (used.cached_text_tokens, used.cached_audio_tokens) == (60, 4)
    assert (used.output_text_tokens, used.output_audio_tokens) == (30, 91)


def test_what_nobody_knows_is_ignored_and_counted(playbook: Playbook) -> None:
    playbook >> {"type": "response.mcp_call.completed"} << []
    playbook >> {"type": "response.mcp_call.completed"} << []
    playbook >> {"no type": 1} << []
    playbook >> {"type": "output_audio_buffer.started", "response_id": "resp_1"} << []
    playbook >> {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens"}]} << []
    assert playbook.dialect.unknown == {"response.mcp_call.completed": 2, "": 1}


@pytest.mark.parametrize("kind", upstream.TYPES)
def test_every_event_of_the_service_is_known(playbook: Playbook, kind: str) -> None:
    playbook.dialect.receive({"type": kind})
    assert not playbook.dialect.unknown


@pytest.mark.parametrize("length", [*range(12), 4799, 4800])
def test_received_time_is_counted_without_decoding(length: int) -> None:
    assert responses.decoded_length(base64.b64encode(bytes(length)).decode()) == length


def test_audio_goes_up_as_it_came(playbook: Playbook) -> None:
    assert playbook.dialect.send_audio("AAAA") == {"type": "input_audio_buffer.append", "audio": "AAAA"}
