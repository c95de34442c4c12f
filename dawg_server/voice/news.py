"""What the browser hears of the dialect's events: one line is one event of the namespace `/voice` (contract, 6.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from dawg_server.voice.dialect import events


class Listener(Protocol):
    """The one socket that owns a session. Neither call waits or raises; what cannot be delivered is lost."""

    def tell(self, event: str, payload: Mapping[str, Any]) -> None:
        """In order and as soon as possible."""

    def play(self, payload: Mapping[str, str]) -> bool:
        """Audio, worth nothing late: False when it was dropped because the browser is too slow."""


class Line(NamedTuple):
    name: str
    payload: Callable[[Any], dict[str, Any]]


def _item(event: Any) -> dict[str, Any]:
    return {"itemId": event.item_id}


def _user_words(event: Any) -> dict[str, Any]:
    return {"text": event.text, "itemId": event.item_id}


def _words(event: Any) -> dict[str, Any]:
    return {"text": event.text, "itemId": event.item_id, "responseId": event.response_id}


NEWS: Mapping[type, Line] = {
    events.SpeechStarted: Line("speech-started", _item),
    events.SpeechStopped: Line("speech-stopped", _item),
    events.UserTranscriptDelta: Line("user-transcript-delta", _user_words),
    events.UserTranscriptDone: Line("user-transcript-done", _user_words),
    events.ResponseStarted: Line("response-started", lambda event: {"responseId": event.response_id}),
    events.ResponseDone: Line(
        "response-done",
        lambda event: {"responseId": event.response_id, "status": event.status, "reason": event.reason},
    ),
    events.TextDelta: Line("ai-text-delta", _words),
    events.TextDone: Line("ai-text-done", _words),
    events.AudioDone: Line("audio-done", lambda event: {"itemId": event.item_id, "responseId": event.response_id}),
    events.Interrupted: Line("ai-interrupted", lambda event: {"itemId": event.item_id, "playedMs": event.played_ms}),
}
