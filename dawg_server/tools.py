"""Functions as models call them: the text assistant and the voice assistant use them through here.

    toolbox.offered("voice", role)                      # what a model is offered
    outcome = await toolbox.run("setTempo", {"bpm": 128}, ToolContext(user_id, "voice", project_id, group_id))
    outcome.text                                        # what the model is told

Functions of the browser are not run here: `resolve` checks their call, `call.legacy_name` and `call.arguments` go out.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
import structlog

from dawg_server import errors, logs
from dawg_server.daw.access import Actor
from dawg_server.daw.functions.catalogue import Catalogue, FunctionCall
from dawg_server.daw.functions.function import Function
from dawg_server.daw.functions.service import Functions

Audience = Literal["text", "voice"]

TIMEOUT = 60.0  # seconds for one function on the server
MAX_TOLD = 24_000  # characters of a result that a model is told
TRANSPORT = ("playProject", "stopPlayback")  # changes nothing, so viewers may

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class ToolContext:
    """On whose behalf functions run, and where. All changes with one `group_id` are one step for undo.

    `base_url` is the address under which the user reached the server.
    """

    user_id: str
    source: Literal["ai-brain", "voice"]
    project_id: str | None
    group_id: str
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """The result of a function (`told`), or the sentence that says what went wrong and what would have been valid."""

    success: bool
    told: Any
    data: Mapping[str, Any] = field(default_factory=dict)
    revision: int | None = None
    job_id: str | None = None

    @property
    def text(self) -> str:
        """JSON for the model."""
        text = orjson.dumps(self.told if self.success else {"success": False, "error": self.told}).decode()
        return text if len(text) <= MAX_TOLD else f"{text[:MAX_TOLD]}… (cut off; ask for less at once)"


class ToolBox:
    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    @property
    def catalogue(self) -> Catalogue:
        return self._functions.catalogue

    def offered(self, audience: Audience, role: str | None) -> list[dict[str, Any]]:
        """Definitions as `{name, description, parameters}`, in the catalogue's order.

        A viewer is offered what reads and what plays; without a project (None) everything is.
        """
        voice = audience == "voice"
        definitions = self.catalogue.functions(voice=voice)
        offered = [each for each in self.catalogue.all if voice or not each.voice_only]
        return [
            definition
            for definition, function in zip(definitions, offered, strict=True)
            if role != "viewer" or _harmless(function)
        ]

    def resolve(self, name: str, arguments: Any) -> FunctionCall:
        """A call with its aliases resolved and its arguments checked. Raises `ValidationError`."""
        try:
            return self.catalogue.resolve(name, arguments)
        except errors.ValidationError as error:
            near = difflib.get_close_matches(name, [each.name for each in self.catalogue.all], n=3)
            if near and "name" in (error.details or {}) and not self._knows(name):
                raise errors.ValidationError(f"{error.message} Did you mean {' or '.join(near)}?") from None
            raise

    async def run(self, name: str, arguments: Any, context: ToolContext) -> ToolOutcome:
        """Never raises but for a cancellation: what goes wrong is told to the model, which may do better then."""
        try:
            function = self.resolve(name, arguments).function
            if context.project_id is None:
                raise errors.Conflict(f"{function.name} needs a project, and none is open.")
            async with asyncio.timeout(TIMEOUT):
                result = await self._functions.run(
                    name,
                    arguments,
                    project_id=context.project_id,
                    by=Actor(context.user_id, context.source),
                    group=context.group_id,
                    base_url=context.base_url,
                )
        except errors.DawgError as error:
            return ToolOutcome(False, advice(error))
        except TimeoutError:
            return ToolOutcome(False, f"{name[:60]} took longer than {TIMEOUT:g} seconds and was given up.")
        except Exception:
            log.exception("A function broke.", action="function_broke", function=name[:60], service=context.source)
            return ToolOutcome(False, "Something went wrong on the server; the same call will not work now.")
        return ToolOutcome(True, result.json(), result.data, result.revision, result.job_id)

    def _knows(self, name: str) -> bool:
        try:
            self.catalogue.find(name)
        except errors.ValidationError:
            return False
        return True


def _harmless(function: Function) -> bool:
    return function.kind == "read" or function.voice_only or function.name in TRANSPORT


def advice(error: errors.DawgError) -> str:
    """What a model is told of it, with the details that say what was wrong."""
    if not error.details:
        return error.message
    return f"{error.message} {orjson.dumps(dict(error.details), default=str).decode()}"[:MAX_TOLD]
