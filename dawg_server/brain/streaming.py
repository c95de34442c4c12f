"""The requests of one turn to the model: reserved, streamed to whoever asked, billed, repeated when it is unwell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from dawg_server import errors, logs
from dawg_server.brain import prompt
from dawg_server.brain.billing import TurnBilling
from dawg_server.claude import client
from dawg_server.claude.client import PROVIDER, Claude
from dawg_server.claude.message import StreamedMessage, blank

MAX_ATTEMPTS = 3  # of one request, as long as nothing was said
MAX_RETRY_WAIT = 5.0  # seconds; a longer wait is reported instead
BACKOFF = 0.5  # seconds before the first repetition, doubled after it
TOKEN_WAIT = 20.0  # seconds that a turn waits for tokens of the next minute
JOINED = 0.008  # seconds whose words go out together
SHARED = 0.1  # seconds, for other windows that look at the same conversation

log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


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


class ModelStream:
    def __init__(self, claude: Claude, billing: TurnBilling, deltas: DeltaBuffer, rules: str) -> None:
        self.billing, self.deltas, self._rules = billing, deltas, rules
        self.answer: StreamedMessage | None = None  # the newest one, until it is stored or dropped
        self.usage: dict[str, Any] | None = None  # of the newest answer
        self._claude = claude

    @property
    def model(self) -> str:
        return self._claude.model

    def request(
        self, tools: Sequence[Mapping[str, Any]], before: Sequence[prompt.Message], now: Sequence[prompt.Message]
    ) -> dict[str, Any]:
        return prompt.request(self._claude.model, tools, before, now, self._rules)

    async def reserve(self, request: Mapping[str, Any]) -> None:
        """As `TurnBilling.reserve`; waits for tokens of the next minute, as half of the work may be done already."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TOKEN_WAIT
        while True:
            try:
                return await self.billing.reserve(request)
            except errors.RateLimited as error:
                wait = error.retry_after or 1.0
                if isinstance(error, errors.BudgetExceeded) or loop.time() + wait > deadline:
                    raise
            await asyncio.sleep(wait)

    async def send(self, request: Mapping[str, Any]) -> StreamedMessage:
        """One message of the model; asked for again when the provider is unwell, unless something was said."""
        request = {**request, "max_tokens": self.billing.max_tokens}
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return await self._attempt(request)
            except (errors.RateLimited, errors.ProviderFailed, errors.ProviderTimeout) as error:
                wait = error.retry_after if error.retry_after is not None else BACKOFF * 2 ** (attempt - 1)
                spoken = self.answer is not None and self.answer.text
                if attempt == MAX_ATTEMPTS or spoken or not _passing(error) or wait > MAX_RETRY_WAIT:
                    raise
                log.info(
                    "The provider is asked again.",
                    action="brain_retry",
                    code=error.code,
                    wait_s=wait,
                    provider=PROVIDER,
                )
                await asyncio.sleep(wait)
        raise AssertionError

    async def _attempt(self, request: Mapping[str, Any]) -> StreamedMessage:
        self.answer = answer = StreamedMessage()
        self.deltas.begin_message()
        try:
            async with self._claude.stream(request) as stream:
                async for event in stream:
                    if text := answer.take(event):
                        self.deltas.add(text)
            if not answer.complete:
                raise client.connection_lost()
        finally:
            answer.finish()
            self.deltas.flush()
            if answer.begun:
                self.usage = self.billing.add(answer)
        return answer


def _passing(error: errors.DawgError) -> bool:
    return isinstance(error, errors.RateLimited) or bool((error.details or {}).get("retryable"))
