"""One turn of the chat: reserve, stream, run tools, and again until the model is done; then settle.

Order of events: deltas and function events, `usage`, then exactly one of `response-done` and `error`.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.brain import prompt
from dawg_server.brain.streaming import ModelStream
from dawg_server.brain.tool_runner import ToolRunner
from dawg_server.claude import client
from dawg_server.claude.message import StreamedMessage
from dawg_server.conversations import LastQuestion
from dawg_server.transcript import TranscriptWriter

MAX_CALLS = 12  # of the model
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
TOO_LONG = (
    "The question and what was read for it are more than the model can take in at once. Ask about less at a time, or "
    "begin a new conversation."
)
SPEAK = {"type": "text", "text": "Your last message was empty. Answer in a sentence or two."}

log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


@dataclass(frozen=True, slots=True)
class TurnContext:
    """Whose turn it is and where. `stored`: as part of the conversation. Changes of the project are one undo group.

    `instead_of`: the question that is asked again; the answer takes the place of the one that it got.
    """

    user_id: str
    request_id: str
    conversation_id: str
    stored: bool
    project_id: str | None
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))  # of the answer
    group_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    instead_of: LastQuestion | None = None

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


class Turn:
    """`finished` is called before its last event is sent."""

    def __init__(
        self,
        context: TurnContext,
        prompt_context: prompt.PromptContext,
        stream: ModelStream,
        runner: ToolRunner,
        transcript: TranscriptWriter,
        finished: Callable[[Turn], Awaitable[None]],
    ) -> None:
        self.context, self.runner = context, runner
        self.error: errors.DawgError | None = None
        self.done: dict[str, Any] | None = None  # the payload of `response-done`
        self.stop_reason = ""
        self.notice: str | None = None  # instead of the usual one for the reason
        self.retry_after: float | None = None  # seconds until the user has tokens again
        self.withdrawn = False  # of its answer nothing is kept
        self._written: list[str] = []  # ids of messages, those of the end left out
        self._prompt, self._stream, self._events = prompt_context, stream, runner.events
        self._transcript, self._finished = transcript, finished
        self._tools = prompt.tools(runner.definitions)
        self._talking: asyncio.Task[str] | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def text(self) -> str:
        return self._stream.deltas.text

    @property
    def totals(self) -> dict[str, Any]:
        return self._stream.billing.totals()

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
        self._stream.deltas.flush()
        async with settling:
            await self._settle()
        self._send_end()

    def _send_end(self) -> None:
        self._events.send("usage", self._stream.billing.totals())
        if self.error is not None:
            envelope = {**self.error.envelope(), "event": "message", "retryAfter": self.error.retry_after}
            self._events.send("error", envelope)
        elif self.done is not None:
            self._events.send("response-done", self.done)

    async def _settle(self) -> None:
        """Each step is tried, whatever has become of those before."""
        try:
            with self._told():
                await self._write_last()
            outcome = "failed" if self.error else "cancelled" if self.stop_reason == "cancelled" else "ok"
            with self._told():
                await self._stream.billing.settle(outcome)
            with self._told():
                await self._stream.billing.refresh_remaining()
            self._log_end()
            if self.error is None:
                self.done = self._response(self._stream.billing.totals()["model"])
        finally:
            try:
                await self._finished(self)
            except Exception:
                log.exception(
                    "The end of a turn could not be announced.", action="brain_end_failed", **self.context.ids
                )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong inside is the error of the turn, if it has none yet."""
        try:
            yield
        except errors.DawgError as error:
            self.error = self.error or error
        except Exception:
            log.exception("A turn of the text assistant broke.", action="brain_turn_broke", **self.context.ids)
            self.error = self.error or errors.DawgError()

    def _log_end(self) -> None:
        totals = self._stream.billing.totals()
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

    def _response(self, model: str) -> dict[str, Any]:
        changed = self.runner.revision is not None
        said = {"id": self.context.message_id, "role": "assistant", "content": self.text, "model": model}
        return {
            "message": said,
            "text": self.text,
            "stopReason": self.stop_reason,
            "revision": self.runner.revision,
            "groupId": self.context.group_id if changed else None,
            "notice": self.notice or NOTICES.get(self.stop_reason, None if self.text else SILENT),
            "retryAfter": self.retry_after,
            **self.context.about,
        }

    async def _talk(self) -> str:
        """Returns the reason of the end. Raises `DawgError`."""
        before, now = self._prompt.history, [{"role": "user", "content": list(self._prompt.question)}]
        urged = False
        for number in range(1, MAX_CALLS + 1):
            request = self._stream.request(self._tools, before, now)
            if self.runner.only_words_left:
                request["tool_choice"] = {"type": "none"}
            try:
                await self._stream.reserve(request)
            except (errors.BudgetExceeded, errors.RateLimited) as error:
                if number == 1:
                    raise
                if isinstance(error, errors.BudgetExceeded):
                    return "budget"
                self.retry_after = error.retry_after
                return "token_limit"
            try:
                answer = await self._stream.send(request)
            except errors.ProviderFailed as error:
                if not client.is_too_long(error):
                    raise
                answer = StreamedMessage(stop_reason="model_context_window_exceeded")
            match answer.stop_reason:
                case "tool_use" if answer.calls and number < MAX_CALLS:
                    now += await self._use_tools(answer)
                    if self.runner.complete and self.text:
                        return "end_turn"
                case "tool_use" if answer.calls:
                    return "tool_limit"
                case "pause_turn" if number < MAX_CALLS:
                    if not answer.empty:
                        now.append({"role": "assistant", "content": answer.content()})
                        await self._write(answer, "pause_turn")
                case "pause_turn":
                    return "tool_limit"
                case "model_context_window_exceeded" if before and not answer.text:
                    before, self._stream.answer = (), None  # the talk before this question is what can be spared
                case "model_context_window_exceeded":
                    self.notice = None if answer.text else TOO_LONG
                    return "max_tokens"
                case "max_tokens":
                    return "max_tokens" if self._stream.billing.max_tokens == prompt.MAX_TOKENS else "budget"
                case "refusal":
                    return "refusal"
                case _ if answer.empty and not self.text and not urged:
                    # A model that worked, or thought, may take itself to be done; whoever asked has read nothing.
                    now.append({"role": "user", "content": [SPEAK]})
                    urged, self._stream.answer = True, None
                case _:
                    return "end_turn"
        return "tool_limit"

    async def _use_tools(self, answer: StreamedMessage) -> list[dict[str, Any]]:
        content = answer.content()
        await self._stream.billing.book()
        self._events.send("usage", self._stream.billing.totals())
        await self._write(answer, "tool_use")
        results = await self.runner.run(answer)
        self._written.append(await self._transcript.tool_results(results))
        return [{"role": "assistant", "content": content}, {"role": "user", "content": results}]

    async def _write(self, answer: StreamedMessage, reason: str) -> None:
        self._stream.answer = None
        id = await self._transcript.assistant(
            answer.content(),
            stop_reason=reason,
            model=answer.model,
            usage=self._stream.usage,
            group_id=self._group,
        )
        self._written.append(id)

    async def _write_last(self) -> None:
        """What was said last, without calls that have no results; also of a turn that was cut off.

        Where it would take the place of another answer, that one stays unless there is one to read.
        """
        old = self.context.instead_of
        if old is not None and (self.error is not None or self.stop_reason == "cancelled" or not self.text):
            self.withdrawn = True
            await self._transcript.withdraw(*self._written)
            return
        answer, whole = self._stream.answer, self.stop_reason == "end_turn"
        content = (answer.content() if whole and not answer.empty else answer.words()) if answer else []
        await self._transcript.assistant(
            content,
            stop_reason=self.stop_reason,
            model=self._stream.model,
            usage=self._stream.usage if answer else None,
            group_id=self._group,
            id=self.context.message_id,
            instead_of=old.answer_ids if old else (),
        )

    @property
    def _group(self) -> str | None:
        return self.context.group_id if self.runner.revision is not None else None
