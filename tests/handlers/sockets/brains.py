"""People who ask: a server with a simulated language model behind it, and browsers."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests import patience
from tests.javascript.client import JavaScript, JsClient
from tests.servers import dawg
from tests.simulators import anthropic
from tests.simulators.anthropic import AnthropicSimulator, ReceivedRequest
from tests.simulators.anthropic.server import Reply, Scripted

# The first turn of a process imports the SDK, which takes a second or more; no test is about that.
importlib.import_module("anthropic.resources.messages")

SMALL = "claude-haiku-5-5"
SDK = "jiter"  # a library that only the SDK brings
ENDS = ("response-done", "error")


class Model:
    """The simulated provider. The small model names things; the big one uses up what `says` was given."""

    def __init__(self, simulator: AnthropicSimulator) -> None:
        self.simulator = simulator
        self.waiting: list[Scripted] = []
        self.always: Scripted | None = None
        self.summaries = 0
        self.title = "Faster drums"
        self.hold_summaries: asyncio.Event | None = None  # until it is set, none is answered
        simulator.handler = self._answer

    def says(self, *replies: Scripted) -> None:
        self.waiting.extend(replies)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Those to the big model."""
        return [each for each in self.simulator.requests if each.body.get("model") != SMALL]

    async def reached(self, count: int) -> None:
        """Returns when the big model was asked so often."""
        async with asyncio.timeout(patience.SECONDS):
            while len(self.requests) < count or self.requests[-1].events_sent < 3:
                await asyncio.sleep(0.01)

    async def _answer(self, request: ReceivedRequest) -> Reply:
        if request.body["model"] == SMALL:
            if "Summarise" in json.dumps(request.body["system"]):
                self.summaries += 1
                if self.hold_summaries is not None:
                    await self.hold_summaries.wait()
                return anthropic.turn(anthropic.text("They like warm bass."))
            return anthropic.turn(anthropic.text(self.title))
        scripted = self.always if not self.waiting and self.always is not None else self.waiting.pop(0)
        if isinstance(scripted, anthropic.ScriptedMessage) or not callable(scripted):
            return scripted
        made = scripted(request)
        return await made if not isinstance(made, anthropic.ScriptedMessage) and hasattr(made, "__await__") else made


@contextlib.asynccontextmanager
async def server(dsn: str, folder: Path, model: Model, **variables: str) -> AsyncIterator[dawg.Dawg]:
    keys = {"ANTHROPIC_API_KEY": "sk-test-of-brain", "ANTHROPIC_BASE_URL": model.simulator.base_url}
    async with dawg.running(dsn, folder, **keys, **variables) as running:
        yield running


async def warm(process: dawg.DawgProcess) -> None:
    """Returns when it has loaded the SDK, which it does without being asked anything."""
    async with asyncio.timeout(patience.SECONDS):
        while SDK not in Path(f"/proc/{process.pid}/maps").read_text():
            await asyncio.sleep(0.05)


class Browser:
    """One socket of one user in `/ai-brain`."""

    def __init__(self, client: JsClient) -> None:
        self.client = client

    @classmethod
    async def open(cls, javascript: JavaScript, server: dawg.Dawg, user: str = "ada") -> Browser:
        return cls(await javascript.connect(server.url, namespace="/ai-brain", auth={"userId": user}))

    async def begin(
        self, message: str = "faster", *, seconds: float = patience.SECONDS, **fields: Any
    ) -> dict[str, Any]:
        ack = await self.client.emit_ack("message", {"message": message, **fields}, timeout=seconds)
        assert ack["success"], ack
        return dict(ack)

    async def ask(self, message: str = "faster", **fields: Any) -> dict[str, Any]:
        """The payload of `response-done`."""
        ack = await self.begin(message, **fields)
        done = await self.end(ack["requestId"])
        assert "stopReason" in done, done
        return done

    async def end(self, request_id: str, seconds: float = patience.SECONDS) -> dict[str, Any]:
        """What ended that turn."""
        for_it = lambda told: told["requestId"] == request_id  # noqa: E731
        found: list[dict[str, Any]] = []

        def over(*_: Any) -> bool:
            found[:] = [each for name in ENDS for each in self.client.received(name) if for_it(each)]
            return bool(found)

        await self.client._until(lambda: over() or None, "end of the turn", seconds)
        assert len(found) == 1, found
        return found[0]

    def names(self, request_id: str | None = None) -> list[str]:
        """The events so far, deltas in a row counted once."""
        names: list[str] = []
        for name, arguments in self.client.events:
            if request_id in (None, arguments[0].get("requestId")) and names[-1:] != [name]:
                names.append(name)
        return names

    def words(self, request_id: str) -> str:
        deltas = self.client.received("response-delta")
        return "".join(each["text"] for each in deltas if each["requestId"] == request_id)


async def project(server: dawg.Dawg, user: str = "ada", **fields: Any) -> str:
    status, made = await server.json("POST", "/api/projects", user, json={"name": "Song", **fields})
    assert status == 201, made
    return str(made["id"])


async def title(server: dawg.Dawg, conversation_id: str, user: str = "ada") -> str:
    """The name that a conversation gets when it has its first answer."""
    async with asyncio.timeout(patience.SECONDS):
        while True:
            _, shown = await server.json("GET", f"/api/ai-brain/conversations/{conversation_id}", user)
            if shown["title"] is not None:
                return str(shown["title"])
            await asyncio.sleep(0.02)


async def track(server: dawg.Dawg, project_id: str, name: str, user: str = "ada") -> str:
    status, made = await server.json(
        "POST", "/api/tracks", user, json={"projectId": project_id, "name": name, "trackType": "AUDIO"}
    )
    assert status == 201, made
    return str(made["id"])
