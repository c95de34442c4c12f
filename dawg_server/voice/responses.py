"""What follows from everything that is said: the browser hears it, it is written down, booked, and functions run."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable
from typing import Any

from dawg_server.tools import ToolContext
from dawg_server.voice import browser
from dawg_server.voice.dialect import events
from dawg_server.voice.dialect.responses import BYTES_PER_MS, decoded_length
from dawg_server.voice.functions import VoiceFunctions
from dawg_server.voice.transcript import SpokenTranscript


class ResponseTracker:
    """Utterances and responses of one session, over all of its connections. One spoken turn is one undo group."""

    def __init__(
        self,
        turn: ToolContext,
        socket: browser.BrowserSocket,
        functions: VoiceFunctions,
        transcript: SpokenTranscript,
        bill: Callable[[events.UsageReported], None],
    ) -> None:
        self.active_at = time.monotonic()  # when somebody last said or did something
        self.speaking = False  # the user
        self.dropped_audio = 0  # messages that the browser was too slow for
        self.groups: set[str] = set()  # undo groups of this session
        self._turn, self._socket, self._functions, self._transcript = turn, socket, functions, transcript
        self._received: dict[str, int] = {}  # response id -> bytes of sound, of responses under way
        self._unfinished: dict[str, str] = {}  # item id -> words so far
        self._spoken_ms: dict[str, int] = {}  # item id of the last utterance -> its length
        self._unwritten: dict[str, int] = {}  # utterances whose transcript has not come yet -> their length in ms
        self._told_dropped = ""  # the response of which the browser was told that audio is missing
        self._reactions: dict[type, Callable[[Any], None]] = {
            events.AudioDelta: self._on_audio,
            events.TextDelta: self._on_text,
            events.TextDone: self._on_text_done,
            events.SpeechStarted: self._on_speech_started,
            events.SpeechStopped: self._on_speech_stopped,
            events.UtteranceCommitted: self._on_committed,
            events.UserTranscriptDone: lambda event: self._on_transcript(event.item_id, event.text),
            events.UserTranscriptFailed: lambda event: self._on_transcript(event.item_id, ""),
            events.ResponseStarted: self._on_response_started,
            events.ResponseDone: self._on_response_done,
            events.Interrupted: self._on_interrupted,
            events.FunctionRequested: self._on_function,
            events.UsageReported: bill,
        }

    @property
    def responding(self) -> bool:
        return bool(self._received)

    @property
    def unpaid(self) -> bool:
        """Bills are still to come."""
        return bool(self._received or self._unwritten)

    def take(self, event: events.Event) -> None:
        browser.publish(self._socket, event)
        reaction = self._reactions.get(type(event))
        if reaction is not None:
            reaction(event)

    def begin_turn(self) -> None:
        """The user does something: what the model does next is another step in the project's history."""
        self.active_at = time.monotonic()
        self._turn = dataclasses.replace(self._turn, group_id=str(uuid.uuid4()))

    def connection_lost(self) -> tuple[dict[str, int], dict[str, int]]:
        """What was said is written down.

        Returns the milliseconds of sound of each response, and of each utterance, whose bill will not come.
        """
        unwritten = dict(self._unwritten)
        received = {response_id: length // BYTES_PER_MS for response_id, length in self._received.items()}
        for item_id, words in self._unfinished.items():
            self._transcript.assistant_said(item_id, words, self._group())
        for response_id in received:
            payload = {"responseId": response_id, "status": "failed", "reason": "connection_lost"}
            self._socket.publish("response-done", payload)
        self.speaking = False
        self._received.clear()
        self._unfinished.clear()
        self._unwritten.clear()
        return received, unwritten

    def _group(self) -> str | None:
        return self._turn.group_id if self._turn.group_id in self.groups else None

    def _on_audio(self, event: events.AudioDelta) -> None:
        if event.response_id in self._received:
            self._received[event.response_id] += decoded_length(event.audio)
        where = {"itemId": event.item_id, "responseId": event.response_id}
        if self._socket.play({"audio": event.audio, **where}):
            return
        self.dropped_audio += 1
        if self._told_dropped != event.response_id:
            self._told_dropped = event.response_id
            self._socket.publish("audio-dropped", where)

    def _on_text(self, event: events.TextDelta) -> None:
        self._unfinished[event.item_id] = self._unfinished.get(event.item_id, "") + event.text

    def _on_text_done(self, event: events.TextDone) -> None:
        self._unfinished.pop(event.item_id, None)
        self._transcript.assistant_said(event.item_id, event.text, self._group())

    def _on_speech_started(self, _: events.SpeechStarted) -> None:
        self.speaking = True
        self.begin_turn()

    def _on_speech_stopped(self, event: events.SpeechStopped) -> None:
        self.speaking = False
        self.active_at = time.monotonic()
        self._spoken_ms = {event.item_id: event.ms}

    def _on_committed(self, event: events.UtteranceCommitted) -> None:
        self._unwritten[event.item_id] = self._spoken_ms.get(event.item_id, 0)
        self._transcript.expect(event.item_id)

    def _on_transcript(self, item_id: str, words: str) -> None:
        self._unwritten.pop(item_id, None)
        self._transcript.user_said(item_id, words)

    def _on_response_started(self, event: events.ResponseStarted) -> None:
        self.active_at = time.monotonic()
        self._received[event.response_id] = 0

    def _on_response_done(self, event: events.ResponseDone) -> None:
        self.active_at = time.monotonic()
        self._received.pop(event.response_id, None)

    def _on_interrupted(self, event: events.Interrupted) -> None:
        self._transcript.interrupted(event.item_id, event.text)

    def _on_function(self, event: events.FunctionRequested) -> None:
        self.groups.add(self._turn.group_id)
        self._functions.start(event, self._turn)
