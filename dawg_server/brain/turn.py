"""One turn of the chat: reserve, stream, run tools, and again until the model is done; then settle.

Order of events: deltas and function events, `usage`, then exactly one of `response-done` and `error`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.brain import prompt
from dawg_server.brain.billing import TurnBilling
from dawg_server.brain.output import DeltaBuffer
from dawg_server.brain.prompt import PromptContext
from dawg_server.brain.tool_runner import ToolRunner
from dawg_server.claude import client
from dawg_server.claude.client import PROVIDER, Claude
from dawg_server.claude.message import StreamedMessage
from dawg_server.transcript import TranscriptWriter

MAX_CALLS = 12  # of the model
MAX_ATTEMPTS = 3  # of one call, as long as nothing was said
MAX_RETRY_WAIT = 5.0  # seconds; a longer wait is reported instead
BACKOFF = 0.5  # seconds before the first repetition, doubled after it
TOKEN_WAIT = 20.0  # seconds that a turn waits for tokens of the next minute
STOP_TIMEOUT = 5.0  # seconds for a turn that is stopped to end by itself

NOTICES = {
    "max_tokens": "The answer reached its longest length and was cut off.",
    "refusal": "The model declined to answer this.",
    "tool_limit": f"The turn reached its limit of {MAX_CALLS} calls of the model.",
    "time_limit": "The turn reached the longest time that it may take.",
    "token_limit": "You have used the tokens of this minute, so the turn ended here. Ask to go on in a moment.",
    "budget": "The budget is used up, so the turn ended here.",
    "cancelled": "The turn was cancelled.",
}
SILENT = "The model gave no answer in words, also when it was asked for one. Ask again, or in other words."
SPEAK = {"type": "text", "text": "Your last message was empty. Answer in a sentence or two."}

log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


@dataclass(frozen=True, slots=True)
class TurnContext:
    """Whose turn it is and where. `stored`: as part of the conversation. Changes of the project are one undo group."""

    user_id: str
    request_id: str
    conversation_id: str
    stored: bool
    project_id: str | None
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))  # of the answer
    group_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def about(self) -> dict[str, str]:
        """What each of its events names."""
        return {"requestId": self.request_id, "conversationId": self.conversation_id}

    @property
    def stored_in(self) -> str | None:
        return self.conversation_id if self.stored else None

    @property
    def ids(self) -> dict[str, str]:
        """For the log."""
        return {"request_id": self.request_id, "conversation_id": self.conversation_id}


@dataclass(frozen=True, slots=True)
class TurnHooks:
    """`prompt` makes what the model is told first; `finished` is called before the last event is sent."""

    prompt: Callable[[], Awaitable[PromptContext]]
    finished: Callable[[Turn], Awaitable[None]]


class Turn:
    def __init__(
        self,
        context: TurnContext,
        claude: Claude,
        billing: TurnBilling,
        runner: ToolRunner,
        transcript: TranscriptWriter,
        deltas: DeltaBuffer,
        hooks: TurnHooks,
    ) -> None:
        self.context, self.runner = context, runner
        self.error: errors.DawgError | None = None
        self.done: dict[str, Any] | None = None  # the payload of `response-done`
        self.stop_reason = ""
        self.retry_after: float | None = None  # seconds until the user has tokens again
        self._claude, self._billing, self._transcript = claude, billing, transcript
        self._deltas, self._events, self._hooks = deltas, runner.events, hooks
        self._tools = prompt.tools(runner.definitions)
        self._answer: StreamedMessage | None = None  # the one that is not stored yet
        self._usage: dict[str, Any] | None = None
        self._talking: asyncio.Task[str] | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def text(self) -> str:
        return self._deltas.text

    @property
    def totals(self) -> dict[str, Any]:
        return self._billing.totals()

    def start(self, settling: asyncio.Semaphore, seconds: float) -> asyncio.Task[None]:
        """`settling` bounds how many turns are settled at once, `seconds` how long this one may take."""
        name = f"brain turn {self.context.request_id[:40]}"
        self._talking = asyncio.create_task(self._talk(), name=f"{name} talk")
        self.task = asyncio.create_task(self._run(self._talking, settling, seconds), name=name)
        return self.task

    def stop(self, reason: str = "cancelled") -> bool:
        """Hangs up on the provider at once; False when the turn has ended already."""
        if self._talking is None or self._talking.done() or self.stop_reason:
            return False
        self.stop_reason = reason
        self._talking.cancel()
        return True

    async def _run(self, talking: asyncio.Task[str], settling: asyncio.Semaphore, seconds: float) -> None:
        done, _ = await asyncio.wait({talking}, timeout=seconds)
        if not done:
            self.stop("time_limit")
            await asyncio.wait({talking}, timeout=STOP_TIMEOUT)
        try:
            self.stop_reason = talking.result() if not talking.cancelled() else self.stop_reason or "cancelled"
        except errors.DawgError as error:
            self.error, self.stop_reason = error, "error"
        except asyncio.InvalidStateError:
            self.stop_reason = self.stop_reason or "time_limit"
        except Exception:
            log.exception("A turn of the text assistant broke.", action="brain_turn_broke", **self.context.ids)
            self.error, self.stop_reason = errors.DawgError(), "error"
        self._deltas.flush()
        async with settling:
            await self._settle()
        self._send_end()

    def _send_end(self) -> None:
        self._events.send("usage", self._billing.totals())
        if self.error is not None:
            envelope = {**self.error.envelope(), "event": "message", "retryAfter": self.error.retry_after}
            self._events.send("error", envelope)
        elif self.done is not None:
            self._events.send("response-done", self.done)

    async def _settle(self) -> None:
        try:
            await self._write_last()
        except errors.DawgError as error:
            self.error = self.error or error
        outcome = "failed" if self.error else "cancelled" if self.stop_reason == "cancelled" else "ok"
        await self._billing.settle(outcome)
        await self._billing.refresh_remaining()
        totals = self._billing.totals()
        log.info(
            "A turn of the text assistant ended.",
            action="brain_turn",
            stop_reason=self.stop_reason,
            code=self.error.code if self.error else None,
            input_tokens=totals["inputTokens"],
            output_tokens=totals["outputTokens"],
            cost_usd=totals["costUsd"],
            **self.context.ids,
        )
        if self.error is None:
            self.done = self._response(totals["model"])
        try:
            await self._hooks.finished(self)
        except Exception:
            log.exception("The end of a turn could not be announced.", action="brain_end_failed", **self.context.ids)

    def _response(self, model: str) -> dict[str, Any]:
        changed = self.runner.revision is not None
        said = {"id": self.context.message_id, "role": "assistant", "content": self.text, "model": model}
        return {
            "message": said,
            "text": self.text,
            "stopReason": self.stop_reason,
            "revision": self.runner.revision,
            "groupId": self.context.group_id if changed else None,
            "notice": NOTICES.get(self.stop_reason, None if self.text else SILENT),
            "retryAfter": self.retry_after,
            **self.context.about,
        }

    async def _talk(self) -> str:
        """Returns the reason of the end. Raises `DawgError`."""
        context = await self._hooks.prompt()
        before, now = context.history, [{"role": "user", "content": list(context.question)}]
        urged = False
        for number in range(1, MAX_CALLS + 1):
            request = prompt.request(self._claude.model, self._tools, before, now)
            try:
                await self._hold(request)
            except (errors.BudgetExceeded, errors.RateLimited) as error:
                if number == 1:
                    raise
                if isinstance(error, errors.BudgetExceeded):
                    return "budget"
                self.retry_after = error.retry_after
                return "token_limit"
            answer = await self._ask(request)
            match answer.stop_reason:
                case "tool_use" if answer.calls and number < MAX_CALLS:
                    now += await self._use_tools(answer)
                case "tool_use" if answer.calls:
                    return "tool_limit"
                case "pause_turn" if number < MAX_CALLS:
                    if not answer.empty:
                        now.append({"role": "assistant", "content": answer.content()})
                        await self._write(answer, answer.content(), "pause_turn")
                case "pause_turn":
                    return "tool_limit"
                case "model_context_window_exceeded" if before and not answer.text:
                    before, self._answer = (), None  # the talk before this question is what can be spared
                case "model_context_window_exceeded" | "max_tokens":
                    return "max_tokens"
                case "refusal":
                    return "refusal"
                case _ if answer.empty and not self.text and not urged:
                    # A model that worked, or thought, may think that it is done; whoever asked heard nothing.
                    now.append({"role": "user", "content": [SPEAK]})
                    urged, self._answer = True, None
                case _:
                    return "end_turn"
        return "tool_limit"

    async def _hold(self, request: Mapping[str, Any]) -> None:
        """Waits for tokens of the next minute, because half of what was asked for may be done already."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TOKEN_WAIT
        while True:
            try:
                return await self._billing.hold(request)
            except errors.RateLimited as error:
                wait = error.retry_after or 1.0
                if loop.time() + wait > deadline:
                    raise
            await asyncio.sleep(wait)

    async def _use_tools(self, answer: StreamedMessage) -> list[dict[str, Any]]:
        content = answer.content()
        await self._billing.book()
        self._events.send("usage", self._billing.totals())
        await self._write(answer, content, "tool_use")
        results = await self.runner.run(answer)
        await self._transcript.tool_results(results)
        return [{"role": "assistant", "content": content}, {"role": "user", "content": results}]

    async def _ask(self, request: Mapping[str, Any]) -> StreamedMessage:
        """One message of the model; repeated when the provider is unwell, unless something was said."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return await self._attempt(request)
            except (errors.RateLimited, errors.ProviderFailed, errors.ProviderTimeout) as error:
                wait = error.retry_after if error.retry_after is not None else BACKOFF * 2 ** (attempt - 1)
                spoken = self._answer is not None and self._answer.text
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
        self._answer = answer = StreamedMessage()
        self._deltas.begin_message()
        try:
            async with self._claude.stream(request) as stream:
                async for event in stream:
                    if text := answer.take(event):
                        self._deltas.add(text)
            if not answer.complete:
                raise client.connection_lost()
        finally:
            answer.finish()
            self._deltas.flush()
            if answer.begun:
                self._usage = self._billing.add(answer)
        return answer

    async def _write(self, answer: StreamedMessage, content: Sequence[Mapping[str, Any]], reason: str) -> None:
        self._answer = None
        await self._transcript.assistant(
            content, stop_reason=reason, model=answer.model, usage=self._usage, group_id=self._group
        )

    async def _write_last(self) -> None:
        """What was said last, without calls that nobody answered; also of a turn that was cut off."""
        answer, whole = self._answer, self.stop_reason == "end_turn"
        content = (answer.content() if whole and not answer.empty else answer.words()) if answer else []
        await self._transcript.assistant(
            content,
            stop_reason=self.stop_reason,
            model=self._claude.model,
            usage=self._usage if answer else None,
            group_id=self._group,
            id=self.context.message_id,
        )

    @property
    def _group(self) -> str | None:
        return self.context.group_id if self.runner.revision is not None else None


def _passing(error: errors.DawgError) -> bool:
    return isinstance(error, errors.RateLimited) or bool((error.details or {}).get("retryable"))
