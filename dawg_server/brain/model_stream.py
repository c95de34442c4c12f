"""The requests of one turn to the model: reserved, streamed to whoever asked, billed, repeated when it is unwell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.brain import prompt
from dawg_server.brain.billing import TurnBilling
from dawg_server.brain.output import DeltaBuffer
from dawg_server.claude import client
from dawg_server.claude.client import PROVIDER, Claude
from dawg_server.claude.message import StreamedMessage

MAX_ATTEMPTS = 3  # of one request, as long as nothing was said
MAX_RETRY_WAIT = 5.0  # seconds; a longer wait is reported instead
BACKOFF = 0.5  # seconds before the first repetition, doubled after it
TOKEN_WAIT = 20.0  # seconds that a turn waits for tokens of the next minute

log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


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
