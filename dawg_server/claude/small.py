"""The small model: text or structured answers for other parts of the server, paid for by a user.

    summary = UsageSummary()
    async with model.reserved(BillingContext(user_id), ADVICE, len(data), summary) as request:  # may refuse
        found = await request.structured(data, understand)

What was used is booked however it ends: with an answer, an error or a cancellation. Answers are streamed, so that the
usage of one that was cut off is known too.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import orjson
import structlog

from dawg_server import errors, logs
from dawg_server.claude import client, structured
from dawg_server.claude.client import PROVIDER, Claude
from dawg_server.claude.message import StreamedMessage
from dawg_server.claude.structured import StructuredRequest, TextRequest
from dawg_server.costs import Costs, Reservation, Usage, reported
from dawg_server.costs.prices import PROMPT_UNITS
from dawg_server.limits import Limits
from dawg_server.schema import FieldError

BYTES_PER_TOKEN = 2  # fewer than is usual, as an estimate must not be too low
AT_ONCE = 16  # requests of this process; others wait as part of their time
AT_ONCE_PER_USER = 4
MAX_OPEN = 200  # requests that run, wait, or are reserved
BUSY_RETRY_AFTER = 5.0  # seconds
DECLINED = "The language model declined to answer this."
FREE = "Computed on this server; no model was called: $0.000000"
UNUSABLE = "The language model's answer could not be used, also after it was asked to correct it."

T = TypeVar("T")
log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


@dataclass(frozen=True, slots=True)
class BillingContext:
    """Whose budget is charged, and what the row in the ledger is linked with."""

    user_id: str
    project_id: str | None = None
    generation_id: str | None = None
    conversation_id: str | None = None


class UsageSummary:
    """Totals over the requests of one piece of work, with those that failed after something was used."""

    def __init__(self) -> None:
        self.calls = 0
        self._model, self._read, self._written, self._cost = "", 0, 0, Decimal(0)

    def add(self, usage: Usage, cost: Decimal) -> None:
        """`cost` in USD, as the ledger books it."""
        self.calls += 1
        self._model = usage.model or ""
        self._read += int(sum(usage.billed.get(unit, 0) for unit in PROMPT_UNITS))
        self._written += int(usage.billed.get("output_tokens", 0))
        self._cost += cost

    def shown(self, free: str = FREE) -> dict[str, Any]:
        """`{totalCost in USD, inputTokens, outputTokens, breakdown}`; the tokens that were read include cached ones.

        `free` is the breakdown when nothing was called.
        """
        if not self.calls:
            return {"totalCost": 0, "inputTokens": 0, "outputTokens": 0, "breakdown": free}
        calls = "1 call" if self.calls == 1 else f"{self.calls} calls"
        return {
            "totalCost": float(self._cost),
            "inputTokens": self._read,
            "outputTokens": self._written,
            "breakdown": f"{calls} of {self._model}: {self._read} tokens in, {self._written} out: ${self._cost:.6f}",
        }


class SmallModel:
    """`per_minute`: requests of one user, besides those that belong to a turn of the brain."""

    def __init__(self, costs: Costs, limits: Limits, claude: Claude, *, per_minute: int) -> None:
        self._costs, self._limits, self._claude, self._per_minute = costs, limits, claude, per_minute
        self._slots, self._running = asyncio.Semaphore(AT_ONCE), Counter[str]()

    @property
    def configured(self) -> bool:
        return self._claude.configured

    @property
    def name(self) -> str:
        return self._claude.small_model

    @contextlib.asynccontextmanager
    async def reserved(
        self,
        billing: BillingContext,
        wanted: TextRequest,
        size: int,
        summary: UsageSummary | None = None,
        *,
        counted: bool = True,
    ) -> AsyncIterator[ReservedRequest]:
        """Reserves the most that `size` bytes of data can cost, with a correction of the answer.

        `counted`: as one of the user's requests, not as part of something that was counted already.
        Raises `ProviderUnconfigured`, `RateLimited`, `BudgetExceeded`, and `DependencyUnavailable` when the ledger
        cannot be read.
        """
        self._claude.require(wanted.feature)
        if counted:
            await self._limits.hit("advice", billing.user_id, self._per_minute)
        with self._counted(billing.user_id if counted else None):
            async with self._costs.reserved(billing.user_id, PROVIDER, self._most(wanted, size)) as reservation:
                yield ReservedRequest(self, wanted, billing, reservation, summary or UsageSummary())

    @contextlib.asynccontextmanager
    async def slot(self, wanted: TextRequest) -> AsyncIterator[None]:
        """One of `AT_ONCE` slots, for at most the time of the request. Raises `ProviderTimeout`."""
        try:
            async with asyncio.timeout(wanted.seconds), self._slots:
                yield
        except TimeoutError:
            _log_failure(wanted, "too_slow")
            raise client.too_slow() from None
        except errors.DawgError as error:
            _log_failure(wanted, error.code)
            raise

    async def stream(
        self, wanted: TextRequest, messages: Sequence[Mapping[str, Any]], note: Callable[[StreamedMessage], None]
    ) -> StreamedMessage:
        """One answer; `note` gets it as soon as it has ended, also when it was cut off."""
        request = {"model": self.name, **wanted.request(), "messages": list(messages)}
        answer = StreamedMessage()
        try:
            async with self._claude.stream(request) as stream:
                async for event in stream:
                    answer.take(event)
            if not answer.complete:
                raise client.connection_lost()
        finally:
            answer.finish()
            if answer.begun:
                note(answer)
        return answer

    def price(self, usage: Usage) -> Decimal:
        return self._costs.price(usage).amount

    def _most(self, wanted: TextRequest, size: int) -> Decimal:
        """USD for an answer, and for the same request with that answer and a correction after it."""
        asked = [(len(orjson.dumps(wanted.request())) + size) // BYTES_PER_TOKEN]
        if isinstance(wanted, StructuredRequest):
            asked.append(asked[0] + wanted.max_tokens + structured.MAX_CORRECTION // BYTES_PER_TOKEN)
        model, written = self.name, wanted.max_tokens
        costs = (self._costs.estimate(PROVIDER, model, {"input_tokens": n, "output_tokens": written}) for n in asked)
        return sum(costs, Decimal(0))

    @contextlib.contextmanager
    def _counted(self, user_id: str | None) -> Iterator[None]:
        if user_id is None:
            yield
            return
        if self._running[user_id] >= AT_ONCE_PER_USER:
            raise errors.RateLimited(
                f"You have {AT_ONCE_PER_USER} questions to the language model running already. Wait for an answer.",
                details={"limit": AT_ONCE_PER_USER, "unit": "questions at once"},
                retry_after=BUSY_RETRY_AFTER,
            )
        if self._running.total() >= MAX_OPEN:
            raise errors.RateLimited(
                "The language model has too many questions to answer just now. Try again soon.",
                details={"limit": MAX_OPEN, "unit": "questions at once"},
                retry_after=BUSY_RETRY_AFTER,
            )
        self._running[user_id] += 1
        try:
            yield
        finally:
            self._running[user_id] -= 1
            if not self._running[user_id]:
                del self._running[user_id]


class ReservedRequest:
    """A request whose price is reserved. Made by `SmallModel.reserved`.

    Raises `RateLimited`, `ProviderFailed` and `ProviderTimeout`.
    """

    def __init__(
        self,
        model: SmallModel,
        wanted: TextRequest,
        billing: BillingContext,
        reservation: Reservation,
        summary: UsageSummary,
    ) -> None:
        self._model, self._task, self._billing = model, wanted, billing
        self._reservation, self._summary = reservation, summary

    async def text(self, data: str) -> str:
        """The answer as text, "" when nothing of it can be seen."""
        async with self._model.slot(self._task):
            return (await self._ask([_says("user", data)])).text.strip()

    async def structured(self, data: str, understand: Callable[[dict[str, Any]], T]) -> T:
        """What `understand` makes of the answer's fields; it may refuse them with `FieldError`, and runs in a thread.

        The model may correct itself once.
        """
        wanted, messages = self._task, [_says("user", data)]
        assert isinstance(wanted, StructuredRequest)
        async with self._model.slot(wanted):
            answer = await self._ask(messages)
            try:
                return await self._read(wanted, answer, understand)
            except FieldError as wrong:
                log.info(
                    "The model is asked to correct its answer.",
                    action="small_model_corrected",
                    operation=wanted.operation,
                    problems=list(wrong.problems)[: structured.MAX_NAMED],
                )
                messages += [_says("assistant", answer.text), _says("user", structured.correction(wrong))]
            try:
                return await self._read(wanted, await self._ask(messages), understand)
            except FieldError as wrong:
                raise client.unusable("invalid_answer", UNUSABLE) from wrong

    async def _read(
        self, wanted: StructuredRequest, answer: StreamedMessage, understand: Callable[[dict[str, Any]], T]
    ) -> T:
        if answer.stop_reason == "max_tokens":
            raise FieldError("was cut off at its longest length; be briefer")
        return await asyncio.to_thread(wanted.read, answer.text, understand)

    async def _ask(self, messages: Sequence[Mapping[str, Any]]) -> StreamedMessage:
        answer = await self._model.stream(self._task, messages, self._note)
        if answer.stop_reason == "refusal":
            raise client.unusable("refusal", DECLINED)
        return answer

    def _note(self, answer: StreamedMessage) -> None:
        billing, billed = self._billing, reported.anthropic(answer.used())
        # Not every compatible service gives each message an id of its own, and the ledger books an id once.
        usage = Usage(
            PROVIDER,
            answer.model or self._model.name,
            self._task.operation,
            billed,
            f"{answer.id}:{uuid.uuid4()}",
            project_id=billing.project_id,
            generation_id=billing.generation_id,
            conversation_id=billing.conversation_id,
            metadata={} if answer.complete else {"estimated": True},
        )
        self._reservation.add(usage)
        self._summary.add(usage, self._model.price(usage))


def _log_failure(wanted: TextRequest, code: str) -> None:
    log.info(
        "The small model gave no usable answer.", action="small_model_failed", operation=wanted.operation, code=code
    )


def _says(role: str, text: str) -> Mapping[str, Any]:
    return {"role": role, "content": text}
