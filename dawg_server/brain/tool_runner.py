"""Runs the tools that the model calls in one turn: functions of the catalogue, of the browser, and its memory."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from dawg_server import errors, logs
from dawg_server.brain import memory_tools
from dawg_server.brain.history import result
from dawg_server.brain.streaming import TurnEvents
from dawg_server.claude.message import StreamedMessage
from dawg_server.daw.functions.catalogue import FunctionCall
from dawg_server.generation.service import GenerationService
from dawg_server.memory.service import Memory
from dawg_server.tools import MAX_TOLD, ToolBox, ToolContext, ToolOutcome, advice
from dawg_server.wire import is_uuid

MAX_FUNCTIONS = 100  # of one turn; what is asked for beyond is refused
JOB_WAIT = 20.0  # seconds that one getJobStatus waits for the end of the job
STOP_TIMEOUT = 1.0  # seconds for a change that is under way when the turn is cancelled
MAX_OUTPUT = 64 * 1024  # bytes of a browser's result
MAX_TURN_RESULTS = 120_000  # characters of all results of one turn
MAX_REST = 500  # characters of a result beyond that
TOO_MUCH = "(Cut off: this turn has read as much as it may. Go on with what you have, and say what is missing.)"
MAX_WRONG = 2  # messages with a call that the page could not run, before words alone are asked for
ONE_FUNCTION = "The page runs one function per answer, and has one. Say what comes next when the musician asks again."
DEFERRED = "Handed to the browser, which runs it after this answer. Whether it worked is not known here."

log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


@dataclass(frozen=True, slots=True)
class Toolkit:
    """What tools are run with."""

    toolbox: ToolBox
    memory: Memory
    generation: GenerationService


class ToolRunner:
    """Of one turn. `browser_seconds`: within which the browser answers a `function-call`; None: it does not answer.

    `one_function`: for a page that takes one function of its own, and runs it after the answer.
    """

    def __init__(
        self,
        toolkit: Toolkit,
        context: ToolContext,
        events: TurnEvents,
        definitions: Sequence[Mapping[str, Any]],
        *,
        browser_seconds: float | None,
        one_function: bool = False,
    ) -> None:
        self.events, self.definitions = events, definitions
        self.revision: int | None = None
        self.done: list[dict[str, Any]] = []  # every call, as REST tells it
        self._toolkit, self._context, self._browser_seconds = toolkit, context, browser_seconds
        self._offered = {each["name"] for each in definitions}
        self._one_function, self._wrong = one_function, 0
        self._told = 0  # characters
        self._asked: dict[str, asyncio.Future[tuple[str, bool]]] = {}

    async def run(self, answer: StreamedMessage) -> list[dict[str, Any]]:
        """One result for every call of the message, in their order, one after the other."""
        results = [self._within(await self._one(call, malformed=answer.malformed(call))) for call in answer.calls]
        self._wrong += any(each.get("is_error") for each in results)
        return results

    @property
    def complete(self) -> bool:
        """The page has the function that it is to run, and nothing went wrong on the way there."""
        return self._one_function and self._deferred and not self._wrong

    @property
    def only_words_left(self) -> bool:
        """Another function would not be run, whatever it is."""
        return self._one_function and (self._deferred or self._wrong >= MAX_WRONG)

    @property
    def _deferred(self) -> bool:
        return any(each["pending"] for each in self.done)

    def _within(self, told: dict[str, Any]) -> dict[str, Any]:
        """The same as long as the turn's results are not longer than `MAX_TURN_RESULTS`; else its beginning."""
        text = told["content"]
        if self._told + len(text) > MAX_TURN_RESULTS and len(text) > MAX_REST:
            told = {**told, "content": f"{text[:MAX_REST]}… {TOO_MUCH}"}
        self._told += len(told["content"])
        return told

    def browser_answered(self, call_id: str, output: Any, is_error: bool) -> bool:
        """False for a call that is not of this turn or waits no more. Raises `PayloadTooLarge`."""
        waiting = self._asked.get(call_id)
        if waiting is None or waiting.done():
            return False
        text = output if isinstance(output, str) else orjson.dumps(output).decode()
        if len(text.encode()) > MAX_OUTPUT:
            raise errors.PayloadTooLarge(
                "The result of a function holds at most 64 kB.", details={"limit": MAX_OUTPUT, "unit": "bytes"}
            )
        waiting.set_result((text, is_error))
        return True

    async def _one(self, block: Mapping[str, Any], *, malformed: bool) -> dict[str, Any]:
        id, name, arguments = block["id"], str(block["name"]), block["input"]
        if len(self.done) >= MAX_FUNCTIONS:
            return self._failed(id, name, {}, f"One turn runs at most {MAX_FUNCTIONS} functions; this was one more.")
        if malformed:
            return self._failed(id, name, {}, "The arguments were not valid JSON. Call the function again.")
        if name in memory_tools.NAMES:
            outcome = await self._timed(id, name, arguments, self._use_memory(name, arguments))
            return result(id, outcome.text, is_error=not outcome.success)
        try:
            call = self._toolkit.toolbox.resolve(name, arguments)
            if call.function.name not in self._offered:
                raise errors.Forbidden(f"{call.function.name} is not allowed with this user's role in the project.")
        except errors.DawgError as error:
            return self._failed(id, name, arguments, advice(error))
        if call.function.run == "client":
            return await self._ask_browser(id, call)
        outcome = await self._timed(id, call.function.name, arguments, self._on_server(call))
        return result(id, outcome.text, is_error=not outcome.success)

    async def _timed(self, id: str, name: str, arguments: Mapping[str, Any], work: Any) -> ToolOutcome:
        self.events.send("tool-start", {"callId": id, "name": name, "arguments": arguments})
        clock = time.monotonic()
        task: asyncio.Task[ToolOutcome] = asyncio.create_task(work, name=f"brain function {name[:40]}")
        try:
            outcome = await asyncio.shield(task)
        except asyncio.CancelledError:
            # What has begun to change the project may end, so that nobody has to guess whether it did.
            await asyncio.wait({task}, timeout=STOP_TIMEOUT)
            if task.done() and not task.cancelled() and task.exception() is None:
                self._note(id, name, arguments, task.result(), clock)
            else:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            raise
        self._note(id, name, arguments, outcome, clock)
        return outcome

    def _note(self, id: str, name: str, arguments: Mapping[str, Any], outcome: ToolOutcome, clock: float) -> None:
        if outcome.revision is not None:
            self.revision = max(self.revision or 0, outcome.revision)
        milliseconds = round((time.monotonic() - clock) * 1000)
        told = {"callId": id, "name": name, "success": outcome.success, "revision": outcome.revision}
        came = {"result" if outcome.success else "error": outcome.told, "durationMs": milliseconds}
        self.events.send("tool-result", told | came)
        self._record(id, name, arguments, executed=outcome.success, came=outcome.told)
        log.info(
            "A function was run for the text assistant.",
            action="brain_function",
            function=name,
            success=outcome.success,
            duration_ms=milliseconds,
        )

    async def _on_server(self, call: FunctionCall) -> ToolOutcome:
        if call.function.name == "getJobStatus":
            await self._await_job(str(call.arguments.get("jobId") or call.arguments.get("job_id") or ""))
        return await self._toolkit.toolbox.run(call.function.name, call.arguments, self._context)

    async def _await_job(self, job_id: str) -> None:
        """So that the model need not ask again and again; an unknown job is the function's to refuse."""
        if is_uuid(job_id):
            with contextlib.suppress(errors.DawgError):
                job = await self._toolkit.generation.get(job_id, self._context.user_id)
                await self._toolkit.generation.wait(job, JOB_WAIT)

    async def _use_memory(self, name: str, arguments: Mapping[str, Any]) -> ToolOutcome:
        try:
            return ToolOutcome(
                True, await memory_tools.run(self._toolkit.memory, self._context.user_id, name, arguments)
            )
        except errors.DawgError as error:
            return ToolOutcome(False, advice(error))

    async def _ask_browser(self, id: str, call: FunctionCall) -> dict[str, Any]:
        name, arguments = call.function.name, call.arguments
        if self.only_words_left:
            return self._failed(id, name, arguments, ONE_FUNCTION)
        asked = {
            "callId": id,
            "call_id": id,
            "name": name,
            "legacyName": call.legacy_name,
            "arguments": arguments,
        }
        if self._browser_seconds is None:
            self.events.send("function-call", asked)
            self._record(id, name, arguments, executed=False, came=None)
            return result(id, DEFERRED)
        waiting = self._asked[id] = asyncio.get_running_loop().create_future()
        self.events.send("function-call", asked)
        try:
            async with asyncio.timeout(self._browser_seconds):
                text, is_error = await waiting
        except TimeoutError:
            text, is_error = f"The browser did not answer within {self._browser_seconds:g} seconds.", True
        finally:
            del self._asked[id]
        self._record(id, name, arguments, executed=not is_error, came=text)
        return result(id, text[:MAX_TOLD], is_error=is_error)

    def _failed(self, id: str, name: str, arguments: Mapping[str, Any], sentence: str) -> dict[str, Any]:
        told = {"callId": id, "name": name[:100], "success": False, "error": sentence, "durationMs": 0}
        self.events.send("tool-start", {"callId": id, "name": name[:100], "arguments": arguments})
        self.events.send("tool-result", told)
        self._record(id, name[:100], arguments, executed=False, came=sentence, error=True)
        return result(id, orjson.dumps({"success": False, "error": sentence}).decode(), is_error=True)

    def _record(
        self, id: str, name: str, arguments: Mapping[str, Any], *, executed: bool, came: Any, error: bool = False
    ) -> None:
        self.done.append(
            {
                "callId": id,
                "name": name,
                "arguments": dict(arguments),
                "executed": executed,
                "result": came,
                "pending": not executed and not error and came is None,
            }
        )
