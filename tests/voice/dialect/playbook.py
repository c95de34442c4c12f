"""Lets a test of a dialect read as a conversation.

    playbook >> event << expected
    playbook >> playbook.dialect.interrupt() << expected

`>>` hands an upstream event (or what a call answered) over, `<<` says what must come of it, in this order; `Sent`
stands for a message to the upstream, whose `event_id` does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from dawg_server.voice.dialect import conversation, events, ga
from dawg_server.voice.dialect.wire import SessionSettings

SETTINGS = SessionSettings(
    instructions="You mix records.",
    voice="alloy",
    transcription_model="gpt-transcribe",
    tools=({"name": "setTempo", "description": "Sets the tempo.", "parameters": {"type": "object"}},),
)
MANUAL = SessionSettings("You mix records.", "alloy", "gpt-transcribe", turn_detection="none")


class Sent(dict[str, Any]):
    """A message for the upstream."""

    def __init__(self, type: str, **fields: Any) -> None:
        super().__init__(type=type, **fields)


class Playbook:
    def __init__(self, settings: SessionSettings = SETTINGS, earlier: conversation.CarriedTalk | None = None) -> None:
        self.now = 100.0  # seconds
        self.dialect = ga.GaDialect(settings, earlier, clock=lambda: self.now)
        self.answers: list[events.Event] = []

    def ready(self) -> Self:
        self.dialect.receive({"type": "session.created", "session": {"id": "sess_1"}})
        self.dialect.receive({"type": "session.updated", "session": {"id": "sess_1", "model": "m"}})
        return self

    def __rshift__(self, event: Mapping[str, Any] | list[events.Event]) -> Self:
        assert not self.answers, f"nobody expected {self.answers}"
        self.answers = list(event) if isinstance(event, list) else self.dialect.receive(event)
        return self

    def __lshift__(self, expected: events.Event | Sent | Sequence[events.Event | Sent]) -> Self:
        wanted = list(expected) if isinstance(expected, Sequence) else [expected]
        assert [_comparable(answer) for answer in self.answers] == wanted
        self.answers = []
        return self

    def sent_id(self, kind: str) -> str:
        """The event id of the last message of this type among the answers at hand."""
        messages = [answer.message for answer in self.answers if isinstance(answer, events.SendUpstream)]
        return str(next(message["event_id"] for message in reversed(messages) if message["type"] == kind))


def _comparable(answer: events.Event) -> events.Event | Sent:
    if not isinstance(answer, events.SendUpstream):
        return answer
    message = {key: value for key, value in answer.message.items() if key != "event_id"}
    return Sent(**message)
