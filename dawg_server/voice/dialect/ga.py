"""The GA dialect of OpenAI Realtime (`/v1/realtime`), with the rules of the relay."""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Callable
from typing import cast, get_args

from dawg_server.voice.dialect import conversation, events, responses, wire

_LONGEST_NAME = 80  # characters of an unknown type that are kept for its count


class GaDialect:
    """One upstream connection. `before` is what this one has to know of the one before.

    `clock` counts seconds; it stands in for the browser's playback reports until the first of them.
    """

    def __init__(
        self,
        wanted: wire.SessionSettings,
        before: conversation.CarriedTalk | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.conversation = conversation.ConversationMirror()
        self.unknown: collections.Counter[str] = collections.Counter()
        self._session, self._carried = wire.SessionState(wanted), before or conversation.CarriedTalk()
        self._automatic_turns = wanted.automatic_turns
        self._playback = responses.Playback(clock)
        self._responses = responses.ResponseState(clock)
        self._responses.results.extend(self._carried.results)
        self._responses.open_calls.update(self._carried.pending)
        self._out = conversation.OutboundMessages()
        self._speaking = False
        self._spoken = False  # the voice is frozen by the first sound
        self._utterance = ""  # item id of the user's last words
        self._speech_begins_ms = 0.0
        self._handlers: dict[str, Callable[[wire.Wire], list[events.Event] | None]] = {
            wire.AUDIO_DELTA: self._on_audio_delta,
            "response.output_audio.done": self._on_audio_done,
            "response.output_audio_transcript.delta": self._on_text_delta,
            "response.output_audio_transcript.done": self._on_text_done,
            "response.output_text.delta": self._on_text_delta,
            "response.output_text.done": self._on_text_done,
            "response.function_call_arguments.done": self._responses.note_call,
            "response.created": self._on_response_created,
            "response.done": self._on_response_done,
            "response.output_item.added": self.conversation.output_item,
            "response.output_item.done": self.conversation.output_item,
            "input_audio_buffer.speech_started": self._on_speech_started,
            "input_audio_buffer.speech_stopped": self._on_speech_stopped,
            "input_audio_buffer.committed": self._on_committed,
            "conversation.item.added": self.conversation.item_added,
            "conversation.item.created": self.conversation.item_added,
            "conversation.item.done": self.conversation.item_added,
            "conversation.item.deleted": self.conversation.item_deleted,
            "conversation.item.input_audio_transcription.delta": self._on_user_delta,
            "conversation.item.input_audio_transcription.completed": self._on_user_done,
            "conversation.item.input_audio_transcription.failed": self._on_user_failed,
            "session.created": self._on_session_created,
            "session.updated": self._on_session_updated,
            "error": self._on_error,
        }

    @property
    def ready(self) -> bool:
        return self._session.ready

    @property
    def idle(self) -> bool:
        busy = self._speaking or self._responses.active or self._responses.open_calls
        return not busy and not self.awaited and self._playback.quiet

    @property
    def awaited(self) -> bool:
        return self._responses.awaited

    @property
    def audible(self) -> bool:
        return self._playback.audible

    @property
    def voice_can_change(self) -> bool:
        return self._session.ready and not self._spoken and not self._responses.active

    def receive(self, event: wire.Wire) -> list[events.Event]:
        kind = wire.text(event, "type")
        handler = self._handlers.get(kind)
        if handler is not None:
            return handler(event) or []
        if kind not in wire.UNUSED_TYPES:
            self.unknown[kind[:_LONGEST_NAME]] += 1
        return []

    def closed(self, code: int) -> events.Fault:
        return wire.close_fault(code)

    def send_audio(self, base64_text: str) -> dict[str, str]:
        return {"type": "input_audio_buffer.append", "audio": base64_text}

    def commit_audio(self) -> list[events.Event]:
        if self._automatic_turns:
            return []
        self._responses.expect()
        return [self._out.send("input_audio_buffer.commit")]

    def played(self, item_id: str, played_ms: int) -> None:
        self._playback.report(item_id, played_ms)

    def interrupt(self) -> list[events.Event]:
        flushed, cuts = self._cut()
        self._responses.interrupt_awaited()
        cancels = [self._out.cancel(response_id) for response_id in self._responses.active]
        return [*flushed, *cancels, *cuts]

    def function_result(self, call_id: str, output: str, *, respond: bool = True) -> list[events.Event]:
        name = self._responses.answered(call_id, output)
        if name is None:
            return []
        known = call_id not in self._carried.pending
        told = self._out.function_output(call_id, output) if known else self._out.results((name, output))
        self._responses.exhausted |= not respond
        if self._responses.open_calls or self._responses.exhausted:
            return [told]
        return [told, *self._request_response()]

    def note(self, text: str) -> list[events.Event]:
        return [self._out.data(text)]

    def retry(self) -> list[events.Event]:
        if not self._responses.retry_due:
            return []
        self._responses.retry_due = False
        return self._request_response()

    def carry(self) -> conversation.CarriedTalk:
        unanswered = self._responses.unanswered
        heard = not self._utterance or bool(self.conversation.text(self._utterance))
        return conversation.CarriedTalk(
            lines=self.conversation.carried(),
            results=tuple(self._responses.results),
            pending=dict(self._responses.open_calls),
            unanswered=unanswered,
            words_missing=unanswered and not heard,
            broken_off=unanswered and self._responses.broken_off,
        )

    def change_voice(self, voice: str) -> list[events.Event]:
        return [self._out.send("session.update", session=wire.voice_object(voice))]

    def _request_response(self) -> list[events.Event]:
        if self._speaking and self._automatic_turns:
            return []  # the service answers by itself when the user has finished
        if self._responses.active:
            self._responses.owed = True
            return []
        self._responses.request()
        return [self._out.send("response.create")]

    def _cut(self) -> tuple[list[events.Event], list[events.Event]]:
        """What the browser has to flush, and what the upstream has to forget; nothing where playback has finished."""
        flushed: list[events.Event] = []
        cuts: list[events.Event] = []
        for interrupted, cut in self._playback.cut(self.conversation, self._out):
            self._responses.interrupt(interrupted.response_id)
            flushed.append(interrupted)
            cuts.append(cut)
        for response_id in self._responses.active:
            self._responses.interrupt(response_id)
        return flushed, cuts

    def _on_session_created(self, event: wire.Wire) -> list[events.Event]:
        return [self._out.send("session.update", session=self._session.created(event))]

    def _on_session_updated(self, event: wire.Wire) -> list[events.Event]:
        accepted = self._session.updated(event)
        if isinstance(accepted, events.Reconfigured):
            return [accepted]
        told = self._out.retell(self._carried, self.conversation)
        return [*told, accepted, *(self._request_response() if self._carried.to_be_answered else [])]

    def _on_speech_started(self, event: wire.Wire) -> list[events.Event]:
        self._speaking = True
        self._speech_begins_ms = wire.number(event, "audio_start_ms") or 0.0
        self._responses.not_expected()
        self._responses.interrupt_awaited()  # the service answers what is being said now, and then sees everything
        flushed, cuts = self._cut()
        return [*flushed, events.SpeechStarted(wire.text(event, "item_id")), *cuts]

    def _on_speech_stopped(self, event: wire.Wire) -> list[events.Event]:
        self._speaking = False
        self._utterance = wire.text(event, "item_id")
        if self._automatic_turns:
            self._responses.expect()
        ends_ms = wire.number(event, "audio_end_ms") or 0.0
        return [events.SpeechStopped(self._utterance, max(0, int(ends_ms - self._speech_begins_ms)))]

    def _on_committed(self, event: wire.Wire) -> list[events.Event]:
        self._speaking = False
        self._utterance = wire.text(event, "item_id")
        self.conversation.place(self._utterance, "user", wire.text(event, "previous_item_id"))
        committed = events.UtteranceCommitted(self._utterance)
        if self._automatic_turns:
            return [committed]
        self._responses.not_expected()
        return [committed, *self._request_response()]

    def _on_user_delta(self, event: wire.Wire) -> list[events.Event]:
        item_id, words = wire.text(event, "item_id"), wire.text(event, "delta")
        self.conversation.add(item_id, "user", words)
        return [events.UserTranscriptDelta(item_id, words)]

    def _on_user_done(self, event: wire.Wire) -> list[events.Event]:
        item_id, words = wire.text(event, "item_id"), wire.text(event, "transcript")
        self.conversation.write(item_id, "user", words)
        return [events.UserTranscriptDone(item_id, words), *wire.bill("transcription", item_id, event.get("usage"))]

    def _on_user_failed(self, event: wire.Wire) -> list[events.Event]:
        error = wire.part(event, "error")
        code, message = wire.text(error, "code"), wire.text(error, "message")
        return [events.UserTranscriptFailed(wire.text(event, "item_id"), code, message)]

    def _on_response_created(self, event: wire.Wire) -> list[events.Event]:
        response_id = wire.text(wire.part(event, "response"), "id")
        self._playback.forget_finished()
        wanted = self._responses.begin(response_id)
        started = events.ResponseStarted(response_id)
        return [started] if wanted else [started, self._out.cancel(response_id)]

    def _on_response_done(self, event: wire.Wire) -> list[events.Event]:
        response = wire.part(event, "response")
        response_id, status = wire.text(response, "id"), wire.text(response, "status")
        if status not in get_args(events.ResponseStatus):
            status = "failed"
        details = wire.part(response, "status_details")
        error = wire.part(details, "error")
        reason = wire.text(details, "reason") or wire.text(error, "code") or None
        for item in wire.parts(response, "output"):
            self._playback.complete(wire.text(item, "id"))
        calls = self._responses.end(response)
        return [
            *wire.bill("response", response_id, response.get("usage")),
            events.ResponseDone(response_id, cast(events.ResponseStatus, status), reason),
            *calls,
            *(self._on_failed(response_id, error, event) if status == "failed" else []),
            *self._request_owed(),
        ]

    def _request_owed(self) -> list[events.Event]:
        if not self._responses.owed or self._responses.active:
            return []
        self._responses.owed = False
        return self._request_response()

    def _on_failed(self, response_id: str, error: wire.Wire, event: wire.Wire) -> list[events.Event]:
        """A response of which nothing was heard is asked for once more."""
        heard = self._responses.was_audible(response_id) or self._responses.is_interrupted(response_id)
        fault = wire.fault(error, wire.text(event, "event_id"))
        return [fault] if heard or self._responses.owed else self._retried(fault, error)

    def _retried(self, fault: events.Fault, error: wire.Wire) -> list[events.Event]:
        """The fault, and a second try of the response that it has cost, unless it was the second."""
        if fault.kind is not events.FaultKind.OTHER or self._speaking or not self._responses.may_retry():
            return [fault]
        seconds = wire.retry_after(error)
        return [dataclasses.replace(fault, retry_after=seconds), events.RetryLater(seconds)]

    def _on_audio_delta(self, event: wire.Wire) -> list[events.Event]:
        response_id = wire.text(event, "response_id")
        if self._responses.is_interrupted(response_id):
            return []
        item_id, audio = wire.text(event, "item_id"), wire.text(event, "delta")
        self._spoken = True
        self._responses.audible(response_id)
        self._playback.receive(item_id, response_id, audio)
        return [events.AudioDelta(item_id, response_id, audio)]

    def _on_audio_done(self, event: wire.Wire) -> list[events.Event]:
        item_id, response_id = wire.text(event, "item_id"), wire.text(event, "response_id")
        self._playback.complete(item_id)
        return [] if self._responses.is_interrupted(response_id) else [events.AudioDone(item_id, response_id)]

    def _on_text_delta(self, event: wire.Wire) -> list[events.Event]:
        response_id = wire.text(event, "response_id")
        if self._responses.is_interrupted(response_id):
            return []
        item_id, words = wire.text(event, "item_id"), wire.text(event, "delta")
        self.conversation.add(item_id, "assistant", words)
        return [events.TextDelta(item_id, response_id, words)]

    def _on_text_done(self, event: wire.Wire) -> list[events.Event]:
        item_id, response_id = wire.text(event, "item_id"), wire.text(event, "response_id")
        words = wire.text(event, "transcript") or wire.text(event, "text")
        if not self._responses.is_interrupted(response_id):
            self.conversation.write(item_id, "assistant", words)
        return [events.TextDone(item_id, response_id, self.conversation.text(item_id))]

    def _on_error(self, event: wire.Wire) -> list[events.Event]:
        error = wire.part(event, "error")
        during = self._out.refused(wire.text(error, "event_id"))
        event_id = wire.text(event, "event_id")
        fault = wire.fault(error, event_id, during=during, automatic_turns=self._automatic_turns)
        if during == "session.update" and not self._session.ready:
            # Without this nothing would ever become ready.
            fault = dataclasses.replace(fault, kind=events.FaultKind.FINAL)
        if during == "input_audio_buffer.commit":
            self._responses.not_expected()
        if during != "response.create":
            return [fault]
        self._responses.refused()
        # Another response was faster. It may not have seen what ours was about, so ours still has to come.
        self._responses.owed = fault.kind is events.FaultKind.NOISE and bool(self._responses.active)
        return self._retried(fault, error)
