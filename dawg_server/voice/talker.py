"""What follows from everything that is said: the browser hears it, it is written down, booked, and functions run."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable
from typing import Any

from dawg_server.tools import Turn
from dawg_server.voice import news
from dawg_server.voice.dialect import events
from dawg_server.voice.functions import Functions
from dawg_server.voice.scribe import Scribe
from dawg_server.voice.underway import Underway

Bill = Callable[[events.UsageReported], None]


class Talker:
    """The talk of one session, over all of its upstreams. One spoken turn is one undo group."""

    def __init__(self, turn: Turn, listener: news.Listener, functions: Functions, scribe: Scribe, bill: Bill) -> None:
        self.active_at = time.monotonic()  # when somebody last said or did something
        self.speaking = False  # the user
        self.underway = Underway()
        self.dropped_audio = 0  # messages that the browser was too slow for
        self.groups: set[str] = set()  # undo groups of this session
        self._listener, self._functions, self._scribe, self._bill = listener, functions, scribe, bill
        self._unwritten: set[str] = set()  # what the user said and the service has not written down yet
        self._turn = turn
        self._told_dropped = ""  # the response of which the browser was told that audio is missing
        self._reactions: dict[type, Callable[[Any], None]] = {
            events.AudioDelta: self._on_audio,
            events.TextDelta: self.underway.said,
            events.TextDone: self._on_text_done,
            events.SpeechStarted: self._on_speech_started,
            events.SpeechStopped: self._on_speech_stopped,
            events.UserTranscriptDone: lambda event: self._on_transcript(event.item_id, event.text),
            events.UserTranscriptFailed: lambda event: self._on_transcript(event.item_id, ""),
            events.ResponseStarted: self._on_response_started,
            events.ResponseDone: self._on_response_done,
            events.Interrupted: self._on_interrupted,
            events.FunctionCall: self._on_call,
            events.UsageReported: self._bill,
        }

    @property
    def unpaid(self) -> bool:
        """Bills are still to come."""
        return bool(self.underway or self._unwritten)

    def take(self, event: events.Event) -> None:
        line = news.NEWS.get(type(event))
        if line is not None:
            self._listener.tell(line.name, line.payload(event))
        reaction = self._reactions.get(type(event))
        if reaction is not None:
            reaction(event)

    def begin_turn(self) -> None:
        """The user does something: what the model does next is another step in the project's history."""
        self.active_at = time.monotonic()
        self._turn = dataclasses.replace(self._turn, group_id=str(uuid.uuid4()))

    def lose(self) -> dict[str, int]:
        """The upstream is gone. What it had said is written down; returns the sound of each lost answer in ms."""
        self.speaking = False
        self._unwritten.clear()
        received, unfinished = self.underway.lost()
        for item_id, words in unfinished.items():
            self._scribe.assistant_said(item_id, words, self._group())
        for response_id in received:
            self._listener.tell(
                "response-done", {"responseId": response_id, "status": "failed", "reason": "connection_lost"}
            )
        return received

    def _group(self) -> str | None:
        return self._turn.group_id if self._turn.group_id in self.groups else None

    def _on_audio(self, event: events.AudioDelta) -> None:
        self.underway.heard(event)
        sound = {"audio": event.audio, "itemId": event.item_id, "responseId": event.response_id}
        if self._listener.play(sound):
            return
        self.dropped_audio += 1
        if self._told_dropped != event.response_id:
            self._told_dropped = event.response_id
            self._listener.tell("audio-dropped", {"itemId": event.item_id, "responseId": event.response_id})

    def _on_text_done(self, event: events.TextDone) -> None:
        self.underway.said_all(event.item_id)
        self._scribe.assistant_said(event.item_id, event.text, self._group())

    def _on_speech_started(self, _: events.SpeechStarted) -> None:
        self.speaking = True
        self.begin_turn()

    def _on_speech_stopped(self, event: events.SpeechStopped) -> None:
        self.speaking = False
        self.active_at = time.monotonic()
        self._unwritten.add(event.item_id)
        self._scribe.expect(event.item_id)

    def _on_transcript(self, item_id: str, words: str) -> None:
        self._unwritten.discard(item_id)
        self._scribe.user_said(item_id, words)

    def _on_response_started(self, event: events.ResponseStarted) -> None:
        self.active_at = time.monotonic()
        self.underway.started(event.response_id)

    def _on_response_done(self, event: events.ResponseDone) -> None:
        self.active_at = time.monotonic()
        self.underway.done(event.response_id)

    def _on_interrupted(self, event: events.Interrupted) -> None:
        self._scribe.interrupted(event.item_id, event.text)

    def _on_call(self, event: events.FunctionCall) -> None:
        self.groups.add(self._turn.group_id)
        self._functions.start(event, self._turn)
