"""The small model: words or filled-in forms for other parts of the server, paid for by a user.

    bill = Bill()
    async with model.reserved(Payer(user_id), FORM, len(data), bill) as inquiry:     # may refuse; nothing is spent yet
        found = await inquiry.fill(data, understand)

What was used is booked in the end, whatever the end is: an answer, an error, a hang-up. Answers are streamed, because
then it is known also of an answer that was cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import orjson
import structlog

from dawg_server import errors, logs
from dawg_server.claude import client, form
from dawg_server.claude.answer import Answer
from dawg_server.claude.bill import Bill, Payer
from dawg_server.claude.client import PROVIDER, Claude
from dawg_server.claude.form import Form, Task
from dawg_server.costs import Costs, Reservation, Usage, reported
from dawg_server.daw.schema import Wrong
from dawg_server.limits import Limits

BYTES_PER_TOKEN = 2  # fewer than is usual, as an estimate must not be too low
AT_ONCE = 16  # questions of this process; others wait as part of their time
AT_ONCE_PER_USER = 4
MAX_OPEN = 200  # questions that run, wait, or will be put when what they are about is known
BUSY_RETRY_AFTER = 5.0  # seconds
DECLINED = "The language model declined to answer this."
UNUSABLE = "The language model's answer could not be used, also after it was asked to correct it."

T = TypeVar("T")
log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


class SmallModel:
    """`per_minute`: questions of one user, besides those that belong to a turn of the brain."""

    def __init__(self, costs: Costs, limits: Limits, claude: Claude, *, per_minute: int) -> None:
        self._costs, self._limits, self._claude, self._per_minute = costs, limits, claude, per_minute
        self._places, self._running = asyncio.Semaphore(AT_ONCE), Counter[str]()

    @property
    def configured(self) -> bool:
        return self._claude.configured

    @property
    def name(self) -> str:
        return self._claude.small_model

    @contextlib.asynccontextmanager
    async def reserved(
        self, payer: Payer, task: Task, size: int, bill: Bill | None = None, *, counted: bool = True
    ) -> AsyncIterator[Inquiry]:
        """Holds the most back that `size` bytes of data can cost, with a correction of the answer.

        `counted`: as one of the user's questions, not as part of something that was counted already.
        Raises `ProviderUnconfigured`, `RateLimited`, `BudgetExceeded`, and `DependencyUnavailable` when the ledger
        cannot be read.
        """
        self._claude.require(task.what)
        if counted:
            await self._limits.hit("advice", payer.user_id, self._per_minute)
        with self._counted(payer.user_id if counted else None):
            async with self._costs.reserved(payer.user_id, PROVIDER, self._most(task, size)) as reservation:
                yield Inquiry(self, task, payer, reservation, bill or Bill())

    @contextlib.asynccontextmanager
    async def place(self, task: Task) -> AsyncIterator[None]:
        """One of the places for questions, for the time of the task. Raises `ProviderTimeout`."""
        try:
            async with asyncio.timeout(task.seconds), self._places:
                yield
        except TimeoutError:
            _did_not_help(task, "too_slow")
            raise client.too_slow() from None
        except errors.DawgError as error:
            _did_not_help(task, error.code)
            raise

    async def stream(self, task: Task, messages: Sequence[Mapping[str, Any]], note: Callable[[Answer], None]) -> Answer:
        """One answer; `note` is told of it as soon as it has ended, also when it was cut off."""
        request = {"model": self.name, **task.request(), "messages": list(messages)}
        answer = Answer()
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

    def _most(self, task: Task, size: int) -> Decimal:
        """USD for an answer, and for the same question with that answer and a correction after it."""
        asked = [(len(orjson.dumps(task.request())) + size) // BYTES_PER_TOKEN]
        if isinstance(task, Form):
            asked.append(asked[0] + task.max_tokens + form.MAX_CORRECTION // BYTES_PER_TOKEN)
        model, written = self.name, task.max_tokens
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
                retry_after=BUSY_RETRY_AFTER,
            )
        self._running[user_id] += 1
        try:
            yield
        finally:
            self._running[user_id] -= 1
            if not self._running[user_id]:
                del self._running[user_id]


class Inquiry:
    """One question that is paid for. Made by `SmallModel.reserved`.

    Raises `RateLimited`, `ProviderFailed` and `ProviderTimeout`.
    """

    def __init__(self, model: SmallModel, task: Task, payer: Payer, reservation: Reservation, bill: Bill) -> None:
        self._model, self._task, self._payer = model, task, payer
        self._reservation, self._bill = reservation, bill

    async def words(self, data: str) -> str:
        """The answer as text, "" when nothing of it can be seen."""
        async with self._model.place(self._task):
            return (await self._ask([_says("user", data)])).text.strip()

    async def fill(self, data: str, understand: Callable[[dict[str, Any]], T]) -> T:
        """What `understand` makes of the filled-in form; it may refuse it with `Wrong`, and runs beside the loop.

        The model may correct itself once.
        """
        task, messages = self._task, [_says("user", data)]
        assert isinstance(task, Form)
        async with self._model.place(task):
            answer = await self._ask(messages)
            try:
                return await self._read(task, answer, understand)
            except Wrong as wrong:
                log.info(
                    "The model is asked to correct its answer.",
                    action="small_model_corrected",
                    operation=task.operation,
                    problems=list(wrong.problems)[: form.MAX_NAMED],
                )
                messages += [_says("assistant", answer.text), _says("user", form.correction(wrong))]
            try:
                return await self._read(task, await self._ask(messages), understand)
            except Wrong as wrong:
                raise client.unusable("invalid_answer", UNUSABLE) from wrong

    async def _read(self, task: Form, answer: Answer, understand: Callable[[dict[str, Any]], T]) -> T:
        if answer.stop_reason == "max_tokens":
            raise Wrong("was cut off at its longest length; be briefer")
        return await asyncio.to_thread(task.read, answer.text, understand)

    async def _ask(self, messages: Sequence[Mapping[str, Any]]) -> Answer:
        answer = await self._model.stream(self._task, messages, self._note)
        if answer.stop_reason == "refusal":
            raise client.unusable("refusal", DECLINED)
        return answer

    def _note(self, answer: Answer) -> None:
        payer, billed = self._payer, reported.anthropic(answer.used())
        # Not every compatible service gives each message an id of its own, and the ledger books an id once.
        usage = Usage(
            PROVIDER,
            answer.model or self._model.name,
            self._task.operation,
            billed,
            f"{answer.id}:{uuid.uuid4()}",
            project_id=payer.project_id,
            generation_id=payer.generation_id,
            conversation_id=payer.conversation_id,
            metadata={} if answer.complete else {"estimated": True},
        )
        self._reservation.add(usage)
        self._bill.add(usage, self._model.price(usage))


def _did_not_help(task: Task, code: str) -> None:
    log.info("The small model did not help.", action="small_model_failed", operation=task.operation, code=code)


def _says(role: str, text: str) -> Mapping[str, Any]:
    return {"role": role, "content": text}
