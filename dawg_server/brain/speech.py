"""The model's words on their way out: the first at once, then those of a few milliseconds together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dawg_server.claude.content import blank

JOINED = 0.008  # seconds whose words go out together
SHARED = 0.1  # seconds, for other windows that look at the same conversation


class Listener(Protocol):
    """Who asked. Nothing here waits or raises; what cannot be delivered is lost."""

    def tell(self, event: str, payload: Mapping[str, Any]) -> None:
        """In order and as soon as possible."""

    def try_tell(self, event: str, payload: Mapping[str, Any]) -> bool:
        """False, and nothing is sent, when the listener is too slow just now."""


class Speech:
    """`about` (request and conversation) goes out with each delta. `share` gets the same words, less often."""

    def __init__(self, listener: Listener, about: Mapping[str, Any], share: Callable[[str], None]) -> None:
        self._said: list[str] = []
        self._listener, self._about, self._share = listener, about, share
        self._blank = ""  # white space that is told when words follow it
        self._begins = True
        self._waiting = ""
        self._unshared = ""
        self._timer: asyncio.TimerHandle | None = None
        self._shared_at = 0.0

    @property
    def text(self) -> str:
        """Everything so far."""
        return "".join(self._said)

    def begin(self) -> None:
        """What follows is another message of the model: a new paragraph."""
        self._begins, self._blank = True, ""

    def say(self, text: str) -> None:
        """White space around a message is not told, and a message of nothing else is none."""
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
        """Everything said is out when this returns."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            waiting, self._waiting = self._waiting, ""
            self._listener.tell("response-delta", {"text": waiting, **self._about})
        if self._unshared:
            unshared, self._unshared = self._unshared, ""
            self._share(unshared)

    def _send(self) -> None:
        """A client that is too slow gets longer pieces, not more of them."""
        self._timer = None
        if not self._waiting:
            return
        if self._listener.try_tell("response-delta", {"text": self._waiting, **self._about}):
            self._waiting = ""
        loop = asyncio.get_running_loop()
        if loop.time() - self._shared_at >= SHARED:
            self._shared_at = loop.time()
            unshared, self._unshared = self._unshared, ""
            self._share(unshared)
        self._timer = loop.call_later(JOINED, self._send)
