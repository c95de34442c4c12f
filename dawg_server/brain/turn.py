"""One turn: money is held, the model streams, its tools run, and so on until it is done; then everything is settled.

Order of events: deltas and function events, `usage`, then exactly one of `response-done` and `error`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.brain import prompt
from dawg_server.brain.hands import Hands
from dawg_server.brain.meter import Meter
from dawg_server.brain.question import Opening
from dawg_server.brain.speech import Listener, Speech
from dawg_server.claude import client
from dawg_server.claude.answer import Answer
from dawg_server.claude.client import PROVIDER, Claude
from dawg_server.transcript import TranscriptWriter

MAX_CALLS = 12  # of the model
MAX_ATTEMPTS = 3  # of one call, as long as nothing was said
MAX_RETRY_WAIT = 5.0  # seconds; who has to wait longer is told so instead
BACKOFF = 0.5  # seconds before the first repetition, doubled after it
TOKEN_PATIENCE = 20.0  # seconds that work which has begun waits for tokens of the next minute
STOP_PATIENCE = 5.0  # seconds for a turn that is stopped to end by itself

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


class Turn:
    """`open` makes the opening, which may need the model itself. `ended` is called before the last event goes out.

    `seconds`: how long it may take.
    """

    def __init__(
        self,
        *,
        about: Mapping[str, str],
        user_id: str,
        message_id: str,
        claude: Claude,
        meter: Meter,
        hands: Hands,
        transcript: TranscriptWriter,
        speech: Speech,
        listener: Listener,
        tools: Sequence[Mapping[str, Any]],
        group_id: str,
        seconds: float,
        open: Callable[[], Awaitable[Opening]],
        ended: Callable[[Turn], Awaitable[None]],
    ) -> None:
        self.about, self.user_id, self.message_id, self.hands = about, user_id, message_id, hands
        self.error: errors.DawgError | None = None
        self.done: dict[str, Any] | None = None  # the payload of `response-done`
        self.stop_reason = ""
        self.retry_after: float | None = None  # seconds until the user has tokens again
        self._claude, self._meter, self._transcript = claude, meter, transcript
        self._speech, self._listener, self._tools, self._group_id = speech, listener, tools, group_id
        self._seconds, self._open, self._ended = seconds, open, ended
        self._answer: Answer | None = None  # the one that is not written down yet
        self._usage: dict[str, Any] | None = None
        self._talking: asyncio.Task[str] | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def text(self) -> str:
        return self._speech.text

    @property
    def totals(self) -> dict[str, Any]:
        return self._meter.totals()

    def start(self, desks: asyncio.Semaphore) -> asyncio.Task[None]:
        """`desks` bounds how many turns are written down at once."""
        name = f"brain turn {self.about['requestId'][:40]}"
        self._talking = asyncio.create_task(self._talk(), name=f"{name} talk")
        self.task = asyncio.create_task(self._run(self._talking, desks), name=name)
        return self.task

    def stop(self, reason: str = "cancelled") -> bool:
        """Hangs up on the provider at once; False when the turn has ended already."""
        if self._talking is None or self._talking.done() or self.stop_reason:
            return False
        self.stop_reason = reason
        self._talking.cancel()
        return True

    async def _run(self, talking: asyncio.Task[str], desks: asyncio.Semaphore) -> None:
        done, _ = await asyncio.wait({talking}, timeout=self._seconds)
        if not done:
            self.stop("time_limit")
            await asyncio.wait({talking}, timeout=STOP_PATIENCE)
        try:
            self.stop_reason = talking.result() if not talking.cancelled() else self.stop_reason or "cancelled"
        except errors.DawgError as error:
            self.error, self.stop_reason = error, "error"
        except asyncio.InvalidStateError:
            self.stop_reason = self.stop_reason or "time_limit"
        except Exception:
            log.exception("A turn of the text assistant broke.", action="brain_turn_broke", **self._ids)
            self.error, self.stop_reason = errors.DawgError(), "error"
        self._speech.flush()
        async with desks:
            await self._settle()
        self._tell_end()

    def _tell_end(self) -> None:
        told = {**self._meter.totals(), **self.about}
        self._listener.tell("usage", told)
        if self.error is not None:
            envelope = {**self.error.envelope(), "event": "message", "retryAfter": self.error.retry_after}
            self._listener.tell("error", {**envelope, **self.about})
        elif self.done is not None:
            self._listener.tell("response-done", self.done)

    async def _settle(self) -> None:
        try:
            await self._write_last()
        except errors.DawgError as error:
            self.error = self.error or error
        outcome = "failed" if self.error else "cancelled" if self.stop_reason == "cancelled" else "ok"
        await self._meter.settle(outcome)
        await self._meter.look()
        totals = self._meter.totals()
        log.info(
            "A turn of the text assistant ended.",
            action="brain_turn",
            stop_reason=self.stop_reason,
            code=self.error.code if self.error else None,
            input_tokens=totals["inputTokens"],
            output_tokens=totals["outputTokens"],
            cost_usd=totals["costUsd"],
            **self._ids,
        )
        if self.error is None:
            self.done = self._response(totals["model"])
        try:
            await self._ended(self)
        except Exception:
            log.exception("The end of a turn could not be told.", action="brain_end_failed", **self._ids)

    def _response(self, model: str) -> dict[str, Any]:
        changed = self.hands.revision is not None
        said = {"id": self.message_id, "role": "assistant", "content": self.text, "model": model}
        return {
            "message": said,
            "text": self.text,
            "stopReason": self.stop_reason,
            "revision": self.hands.revision,
            "groupId": self._group_id if changed else None,
            "notice": NOTICES.get(self.stop_reason, None if self.text else SILENT),
            "retryAfter": self.retry_after,
            **self.about,
        }

    async def _talk(self) -> str:
        """Returns the reason of the end. Raises `DawgError`."""
        opening = await self._open()
        before, now = opening.before, [{"role": "user", "content": list(opening.question)}]
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
        """Who has no tokens left waits a little, because half of what was asked for may be done already."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TOKEN_PATIENCE
        while True:
            try:
                return await self._meter.hold(request)
            except errors.RateLimited as error:
                wait = error.retry_after or 1.0
                if loop.time() + wait > deadline:
                    raise
            await asyncio.sleep(wait)

    async def _use_tools(self, answer: Answer) -> list[dict[str, Any]]:
        content = answer.content()
        await self._meter.book()
        self._listener.tell("usage", {**self._meter.totals(), **self.about})
        await self._write(answer, content, "tool_use")
        results = await self.hands.run(answer)
        await self._transcript.tool_results(results)
        return [{"role": "assistant", "content": content}, {"role": "user", "content": results}]

    async def _ask(self, request: Mapping[str, Any]) -> Answer:
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

    async def _attempt(self, request: Mapping[str, Any]) -> Answer:
        self._answer = answer = Answer()
        self._speech.begin()
        try:
            async with self._claude.stream(request) as stream:
                async for event in stream:
                    if text := answer.take(event):
                        self._speech.say(text)
            if not answer.complete:
                raise client.connection_lost()
        finally:
            answer.finish()
            self._speech.flush()
            if answer.begun:
                self._usage = self._meter.note(answer)
        return answer

    async def _write(self, answer: Answer, content: Sequence[Mapping[str, Any]], reason: str) -> None:
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
            id=self.message_id,
        )

    @property
    def _group(self) -> str | None:
        return self._group_id if self.hands.revision is not None else None

    @property
    def _ids(self) -> dict[str, str]:
        return {"request_id": self.about["requestId"], "conversation_id": self.about["conversationId"]}


def _passing(error: errors.DawgError) -> bool:
    return isinstance(error, errors.RateLimited) or bool((error.details or {}).get("retryable"))
