"""Runs the functions that the model asks for: on the server, or in the browser that owns the session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from dawg_server import errors, logs
from dawg_server.daw.functions.catalogue import FunctionCall
from dawg_server.tools import ToolBox, ToolContext, ToolOutcome
from dawg_server.voice import VOICES
from dawg_server.voice.browser import BrowserSocket
from dawg_server.voice.dialect import events

CLIENT_TIMEOUT = 30.0  # seconds for the browser
MAX_CALLS = 32  # in one turn; a model that goes on is going in circles
MAX_OUTPUT = 64 * 1024  # bytes of JSON

log = logs.get("voice")
ChangeVoice = Callable[[str], None]


class AnswerModel(Protocol):
    def __call__(self, call_id: str, output: str, *, respond: bool = True) -> None:
        """Gives the model a call's result, as text, and lets it respond to that."""


class VoiceFunctions:
    """Calls of one session. Those that the server runs are run one after the other, in the model's order."""

    def __init__(
        self,
        toolbox: ToolBox,
        socket: BrowserSocket,
        answer: AnswerModel,
        change_voice: ChangeVoice,
        allowed: Callable[[str], bool],
        name: str,
        patience: float = CLIENT_TIMEOUT,
    ) -> None:
        """`allowed` says by name whether the user's role may use a function; `patience` with the browser in seconds."""
        self._patience = patience
        self._toolbox, self._socket = toolbox, socket
        self._answer, self._change_voice, self._allowed, self._name = answer, change_voice, allowed, name
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: dict[str, asyncio.TimerHandle] = {}  # calls that the browser runs
        self._turn: ToolContext | None = None
        self._calls = 0

    @property
    def busy(self) -> bool:
        return bool(self._tasks or self._asked)

    def start(self, call: events.FunctionRequested, turn: ToolContext) -> None:
        """Returns at once; the result goes to the model when there is one."""
        if turn is not self._turn:
            self._turn, self._calls = turn, 0
        self._calls += 1
        if self._calls > MAX_CALLS:
            self._refuse(call, f"One turn runs at most {MAX_CALLS} functions; this was one more.", respond=False)
            return
        try:
            resolved = self._toolbox.resolve(call.name, _arguments(call.arguments))
        except errors.DawgError as error:
            self._refuse(call, error.message)
            return
        if not self._allowed(resolved.function.name):
            self._refuse(call, f"{resolved.function.name} is not allowed with this user's role in the project.")
            return
        if resolved.function.run == "client":
            self._ask_browser(call, resolved)
            return
        task = asyncio.create_task(self._run(call, resolved, turn), name=f"{self._name} {call.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def browser_answered(self, call_id: str, output: Any) -> None:
        """Raises `NotFound` for a call that nobody waits for (any more), and `PayloadTooLarge`."""
        text = output if isinstance(output, str) else orjson.dumps(output).decode()
        if len(text.encode()) > MAX_OUTPUT:
            raise errors.PayloadTooLarge(
                "The result of a function holds at most 64 kB.", details={"limit": MAX_OUTPUT, "unit": "bytes"}
            )
        timer = self._asked.pop(call_id, None)
        if timer is None:
            raise errors.NotFound("No function call of that id waits for a result.", details={"kind": "call"})
        timer.cancel()
        self._answer(call_id, text)

    async def close(self) -> None:
        """What runs on the server may have changed something already, so it is given a moment to end."""
        for timer in self._asked.values():
            timer.cancel()
        self._asked.clear()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, call: events.FunctionRequested, resolved: FunctionCall, turn: ToolContext) -> None:
        name = resolved.function.name
        async with self._one_at_a_time:
            clock = time.monotonic()
            self._socket.publish("tool-start", {"callId": call.call_id, "name": name, "arguments": resolved.arguments})
            if name == "changeVoice":
                outcome = self._set_voice(resolved.arguments["voice"].lower())
            else:
                outcome = await self._toolbox.run(name, resolved.arguments, turn)
        milliseconds = round((time.monotonic() - clock) * 1000)
        result = {"result" if outcome.success else "error": outcome.told, "durationMs": milliseconds}
        told = {"callId": call.call_id, "name": name, "success": outcome.success, "revision": outcome.revision}
        self._socket.publish("tool-result", told | result)
        log.info(
            "A function was run for the voice.",
            action="voice_function",
            function=name,
            success=outcome.success,
            duration_ms=milliseconds,
        )
        self._answer(call.call_id, outcome.text)

    def _set_voice(self, voice: str) -> ToolOutcome:
        if voice not in VOICES:
            return ToolOutcome(False, f"There is no voice “{voice}”. There are {', '.join(VOICES)}.")
        self._change_voice(voice)
        return ToolOutcome(True, {"success": True, "message": f"You will soon speak with the voice {voice}."})

    def _ask_browser(self, call: events.FunctionRequested, resolved: FunctionCall) -> None:
        timer = asyncio.get_running_loop().call_later(self._patience, self._give_up, call.call_id)
        self._asked[call.call_id] = timer
        self._socket.publish(
            "function-call",
            {
                "call_id": call.call_id,
                "callId": call.call_id,
                "name": resolved.function.name,
                "legacyName": resolved.legacy_name,
                "arguments": orjson.dumps(resolved.arguments).decode(),
            },
        )

    def _give_up(self, call_id: str) -> None:
        del self._asked[call_id]
        self._answer(call_id, _failure(f"The browser did not answer within {self._patience:g} seconds."))

    def _refuse(self, call: events.FunctionRequested, sentence: str, *, respond: bool = True) -> None:
        told = {"callId": call.call_id, "name": call.name[:100], "success": False, "error": sentence}
        self._socket.publish("tool-result", told)
        self._answer(call.call_id, _failure(sentence), respond=respond)


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        raise errors.ValidationError("The arguments were not valid JSON. Call the function again.") from None
    if not isinstance(arguments, dict):
        raise errors.ValidationError("The arguments have to be an object. Call the function again.")
    return arguments


def _failure(sentence: str) -> str:
    return orjson.dumps({"success": False, "error": sentence}).decode()
