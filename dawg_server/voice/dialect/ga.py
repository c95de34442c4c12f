"""The GA dialect of OpenAI Realtime (`/v1/realtime`), with the rules of the relay."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from typing import Any, Literal, cast, get_args

from dawg_server.voice.dialect import conversation, events, faults, playback, responses, settings, wire

_MAX_PENDING = 256  # our last messages that an error could still name
_LONGEST_NAME = 80  # characters of an unknown type that are kept for its count
_LONGEST_ID = 32  # characters; the service accepts no longer item ids


class GaDialect:
    """One upstream connection. `before` is the mirror of an earlier one, which this one is told as text.

    `clock` counts seconds; it stands in for the browser's playback reports until the first of them.
    """

    def __init__(
        self,
        wanted: settings.SessionSettings,
        before: conversation.ConversationMirror | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.conversation = conversation.ConversationMirror()
        self.unknown: collections.Counter[str] = collections.Counter()
        self._settings = wanted
        self._seed = before.carried() if before else ()
        self._playback = playback.Playback(clock)
        self._responses = responses.ResponseState()
        self._sent: dict[str, str] = {}  # event id -> type of our messages
        self._serial = 0
        self._session_id = ""
        self._ready = False
        self._speaking = False
        self._spoken = False  # the voice is frozen by the first sound
        self._voice = wanted.voice
        self._handlers: dict[str, Callable[[wire.Wire], list[events.Event]]] = {
            wire.AUDIO_DELTA: self._on_audio_delta,
            "response.output_audio.done": self._on_audio_done,
            "response.output_audio_transcript.delta": self._on_text_delta,
            "response.output_audio_transcript.done": self._on_text_done,
            "response.output_text.delta": self._on_text_delta,
            "response.output_text.done": self._on_text_done,
            "response.function_call_arguments.done": self._on_call,
            "response.created": self._on_response_created,
            "response.done": self._on_response_done,
            "response.output_item.added": self._on_output_item,
            "response.output_item.done": self._on_output_item,
            "input_audio_buffer.speech_started": self._on_speech_started,
            "input_audio_buffer.speech_stopped": self._on_speech_stopped,
            "input_audio_buffer.committed": self._on_committed,
            "conversation.item.added": self._on_item,
            "conversation.item.created": self._on_item,
            "conversation.item.done": self._on_item,
            "conversation.item.deleted": self._on_item_deleted,
            "conversation.item.input_audio_transcription.delta": self._on_user_delta,
            "conversation.item.input_audio_transcription.completed": self._on_user_done,
            "conversation.item.input_audio_transcription.failed": self._on_user_failed,
            "session.created": self._on_session_created,
            "session.updated": self._on_session_updated,
            "error": self._on_error,
        }

    @property
    def ready(self) -> bool:
        return self._ready

    @property
    def idle(self) -> bool:
        busy = self._speaking or self._responses.active or self._responses.open_calls
        return not busy and self._playback.quiet

    @property
    def voice_can_change(self) -> bool:
        return self._ready and not self._spoken and not self._responses.active

    def receive(self, event: wire.Wire) -> list[events.Event]:
        kind = wire.text(event, "type")
        handler = self._handlers.get(kind)
        if handler is not None:
            return handler(event)
        if kind not in wire.UNUSED_TYPES:
            self.unknown[kind[:_LONGEST_NAME]] += 1
        return []

    def closed(self, code: int) -> faults.Fault:
        message = f"The service closed the connection ({code})."
        return faults.Fault(faults.classify_close(code), f"closed_{code}", message)

    def send_audio(self, base64_text: str) -> dict[str, str]:
        return {"type": "input_audio_buffer.append", "audio": base64_text}

    def commit_audio(self) -> list[events.Event]:
        if self._settings.automatic_turns:
            return []
        return [self._send("input_audio_buffer.commit"), *self._request_response()]

    def played(self, item_id: str, played_ms: int) -> None:
        self._playback.report(item_id, played_ms)

    def interrupt(self) -> list[events.Event]:
        news, cuts = self._cut()
        self._responses.interrupt_requested()
        cancels = [self._cancel(response_id) for response_id in self._responses.active]
        return [*news, *cancels, *cuts]

    def function_result(self, call_id: str, output: str) -> list[events.Event]:
        if not self._responses.answered(call_id):
            return []
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        told: list[events.Event] = [self._send("conversation.item.create", item=item)]
        if self._responses.open_calls:
            return told
        return [*told, *self._request_response()]

    def note(self, text: str) -> list[events.Event]:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "system", "content": content}
        return [self._send("conversation.item.create", item=item)]

    def change_voice(self, voice: str) -> list[events.Event]:
        return [self._send("session.update", session=settings.wire_voice(voice))]

    def _send(self, kind: str, **fields: Any) -> events.SendUpstream:
        self._serial += 1
        event_id = f"dawg_{self._serial}"
        self._sent[event_id] = kind
        if len(self._sent) > _MAX_PENDING:
            del self._sent[next(iter(self._sent))]
        return events.SendUpstream({"type": kind, "event_id": event_id, **fields})

    def _cancel(self, response_id: str) -> events.SendUpstream:
        return self._send("response.cancel", response_id=response_id)

    def _request_response(self) -> list[events.Event]:
        if self._speaking and self._settings.automatic_turns:
            return []  # the service answers by itself when the user has finished
        if self._responses.active:
            self._responses.owed = True
            return []
        self._responses.request()
        return [self._send("response.create")]

    def _cut(self) -> tuple[list[events.Event], list[events.Event]]:
        """What the browser has to flush, and what the upstream has to forget; nothing where playback has finished."""
        news: list[events.Event] = []
        cuts: list[events.Event] = []
        for item in self._playback.unfinished():
            self._playback.forget(item.item_id)
            self._responses.interrupt(item.response_id)
            if item.heard_ms > 0:
                heard = self.conversation.cut(item.item_id, item.heard_ms / item.received_ms)
                where = {"item_id": item.item_id, "content_index": 0, "audio_end_ms": item.heard_ms}
                cuts.append(self._send("conversation.item.truncate", **where))
            else:
                heard = self.conversation.cut(item.item_id, 0.0)
                cuts.append(self._send("conversation.item.delete", item_id=item.item_id))
            news.append(events.Interrupted(item.item_id, item.response_id, item.heard_ms, heard))
        for response_id in self._responses.active:
            self._responses.interrupt(response_id)
        return news, cuts

    def _on_session_created(self, event: wire.Wire) -> list[events.Event]:
        self._session_id = wire.text(wire.part(event, "session"), "id")
        return [self._send("session.update", session=settings.wire(self._settings))]

    def _on_session_updated(self, event: wire.Wire) -> list[events.Event]:
        accepted = wire.part(event, "session")
        self._voice = wire.text(wire.part(wire.part(accepted, "audio"), "output"), "voice") or self._voice
        if self._ready:
            return [events.Reconfigured(self._voice)]
        self._ready = True
        session_id = wire.text(accepted, "id") or self._session_id
        expires_at = wire.number(accepted, "expires_at")
        ready = events.Ready(session_id, wire.text(accepted, "model"), self._voice, expires_at)
        return [*(self._retell(line) for line in self._seed), ready]

    def _retell(self, line: conversation.MirroredLine) -> events.SendUpstream:
        item_id = f"seed{self._serial}_{line.item_id}"[:_LONGEST_ID]
        self.conversation.write(item_id, line.role, line.text)
        kind = "input_text" if line.role == "user" else "output_text"
        content = [{"type": kind, "text": line.text}]
        item = {"id": item_id, "type": "message", "role": line.role, "content": content}
        return self._send("conversation.item.create", item=item)

    def _on_speech_started(self, event: wire.Wire) -> list[events.Event]:
        self._speaking = True
        self._responses.interrupt_requested()  # the service answers what is being said now, and then sees everything
        news, cuts = self._cut()
        return [*news, events.SpeechStarted(wire.text(event, "item_id")), *cuts]

    def _on_speech_stopped(self, event: wire.Wire) -> list[events.Event]:
        self._speaking = False
        return [events.SpeechStopped(wire.text(event, "item_id"))]

    def _on_committed(self, event: wire.Wire) -> list[events.Event]:
        self._speaking = False
        self.conversation.place(wire.text(event, "item_id"), "user", wire.text(event, "previous_item_id"))
        return []

    def _on_item(self, event: wire.Wire) -> list[events.Event]:
        item = wire.part(event, "item")
        role = item.get("role")
        if item.get("type") == "message" and role in get_args(conversation.Role):
            after = wire.text(event, "previous_item_id")
            self.conversation.place(wire.text(item, "id"), cast(conversation.Role, role), after)
        return []

    def _on_output_item(self, event: wire.Wire) -> list[events.Event]:
        item = wire.part(event, "item")
        if item.get("type") == "message":
            self.conversation.place(wire.text(item, "id"), "assistant")
        return []

    def _on_item_deleted(self, event: wire.Wire) -> list[events.Event]:
        self.conversation.remove(wire.text(event, "item_id"))
        return []

    def _on_user_delta(self, event: wire.Wire) -> list[events.Event]:
        item_id, words = wire.text(event, "item_id"), wire.text(event, "delta")
        self.conversation.add(item_id, "user", words)
        return [events.UserTranscriptDelta(item_id, words)]

    def _on_user_done(self, event: wire.Wire) -> list[events.Event]:
        item_id, words = wire.text(event, "item_id"), wire.text(event, "transcript")
        self.conversation.write(item_id, "user", words)
        return [events.UserTranscriptDone(item_id, words), *_bill("transcription", item_id, event.get("usage"))]

    def _on_user_failed(self, event: wire.Wire) -> list[events.Event]:
        error = wire.part(event, "error")
        code, message = wire.text(error, "code"), wire.text(error, "message")
        return [events.UserTranscriptFailed(wire.text(event, "item_id"), code, message)]

    def _on_response_created(self, event: wire.Wire) -> list[events.Event]:
        response_id = wire.text(wire.part(event, "response"), "id")
        self._playback.forget_finished()
        wanted = self._responses.begin(response_id)
        started = events.ResponseStarted(response_id)
        return [started] if wanted else [started, self._cancel(response_id)]

    def _on_response_done(self, event: wire.Wire) -> list[events.Event]:
        response = wire.part(event, "response")
        response_id, status = wire.text(response, "id"), wire.text(response, "status")
        if status not in get_args(events.ResponseStatus):
            status = "failed"
        details = wire.part(response, "status_details")
        reason = wire.text(details, "reason") or wire.text(wire.part(details, "error"), "code") or None
        for item in wire.parts(response, "output"):
            self._playback.complete(wire.text(item, "id"))
        calls = self._responses.end(response)
        owed: list[events.Event] = []
        if self._responses.owed and not self._responses.active:
            self._responses.owed = False
            owed = self._request_response()
        return [
            *_bill("response", response_id, response.get("usage")),
            events.ResponseDone(response_id, cast(events.ResponseStatus, status), reason),
            *calls,
            *owed,
        ]

    def _on_call(self, event: wire.Wire) -> list[events.Event]:
        self._responses.note_call(event)
        return []

    def _on_audio_delta(self, event: wire.Wire) -> list[events.Event]:
        response_id = wire.text(event, "response_id")
        if self._responses.is_interrupted(response_id):
            return []
        item_id, audio = wire.text(event, "item_id"), wire.text(event, "delta")
        self._spoken = True
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
        code, message = wire.text(error, "code") or wire.text(error, "type"), wire.text(error, "message")
        during = self._sent.pop(wire.text(error, "event_id"), None)
        kind = faults.classify(code, during=during, automatic_turns=self._settings.automatic_turns)
        if during == "response.create":
            self._responses.refused()
            # Another answer was faster. It may not have seen what ours was about, so ours still has to come.
            self._responses.owed = kind is faults.FaultKind.NOISE and bool(self._responses.active)
        if during == "session.update" and not self._ready:
            kind = faults.FaultKind.FINAL  # without this nothing would ever become ready
        return [faults.Fault(kind, code, message, during, wire.text(event, "event_id"))]


def _bill(of: Literal["response", "transcription"], of_id: str, reported: Any) -> list[events.Event]:
    counted = wire.usage(reported)
    return [] if counted is None else [events.UsageReported(of, of_id, counted)]
