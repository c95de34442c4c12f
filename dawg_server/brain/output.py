"""The events of a turn on their way to whoever asked, and the model's words among them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dawg_server.claude.content import blank

JOINED = 0.008  # seconds whose words go out together
SHARED = 0.1  # seconds, for other windows that look at the same conversation


class EventSink(Protocol):
    """Where the events of a turn go. Nothing here waits or raises; what cannot be delivered is lost."""

    def send(self, event: str, payload: Mapping[str, Any]) -> None:
        """In order and as soon as possible."""

    def try_send(self, event: str, payload: Mapping[str, Any]) -> bool:
        """False, and nothing is sent, when the receiver is too slow just now."""


class TurnEvents:
    """Adds what tells one turn from another, `requestId` and `conversationId`, to each of its events."""

    def __init__(self, sink: EventSink, about: Mapping[str, str]) -> None:
        self._sink, self._about = sink, about

    def send(self, event: str, payload: Mapping[str, Any]) -> None:
        self._sink.send(event, {**payload, **self._about})

    def try_send(self, event: str, payload: Mapping[str, Any]) -> bool:
        return self._sink.try_send(event, {**payload, **self._about})


class DeltaBuffer:
    """Sends words as `response-delta`: the first at once, those of the next `JOINED` seconds together.

    `share` gets the same words every `SHARED` seconds. White space around a message of the model is not sent, and a
    message of nothing else counts as none.
    """

    def __init__(self, events: TurnEvents, share: Callable[[str], None]) -> None:
        self._events, self._share = events, share
        self._said: list[str] = []
        self._blank = ""  # white space that is sent when words follow it
        self._begins = True
        self._waiting = ""
        self._unshared = ""
        self._timer: asyncio.TimerHandle | None = None
        self._shared_at = 0.0

    @property
    def text(self) -> str:
        """Everything so far."""
        return "".join(self._said)

    def begin_message(self) -> None:
        """What follows is another message of the model: a new paragraph."""
        self._begins, self._blank = True, ""

    def add(self, text: str) -> None:
        text = self._blank + text
        if blank(text):
            self._blank = text
            return
        self._blank = ""
        if self._begins:
            self._begins, text = False, ("\n\n" if self._said else "") + text.lstrip()
        self._said.append(text)
        self._waiting += text
        self._unshared += text
        if self._timer is None:
            self._send()

    def flush(self) -> None:
        """Everything so far has been sent when this returns."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            waiting, self._waiting = self._waiting, ""
            self._events.send("response-delta", {"text": waiting})
        if self._unshared:
            unshared, self._unshared = self._unshared, ""
            self._share(unshared)

    def _send(self) -> None:
        """A receiver that is too slow gets longer pieces, not more of them."""
        self._timer = None
        if not self._waiting:
            return
        if self._events.try_send("response-delta", {"text": self._waiting}):
            self._waiting = ""
        loop = asyncio.get_running_loop()
        if loop.time() - self._shared_at >= SHARED:
            self._shared_at = loop.time()
            unshared, self._unshared = self._unshared, ""
            self._share(unshared)
        self._timer = loop.call_later(JOINED, self._send)
