"""A server whose small model is simulated: what it answers to forms, and what that has cost."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import dawg
from tests.simulators import anthropic
from tests.simulators.anthropic import AnthropicSimulator

# The first question of a process imports the SDK, which takes a second or more; no test is about that.
importlib.import_module("anthropic.resources.messages")

KEY, SMALL = "sk-test-of-advice", "claude-haiku-5-5"


@dataclass(frozen=True)
class Advised:
    server: dawg.Dawg
    provider: AnthropicSimulator

    def says(self, *answers: Any) -> None:
        """What the model fills in next; replies of the simulator are taken as they are."""
        self.provider.script(
            each
            if isinstance(each, anthropic.ScriptedMessage | anthropic.ErrorReply)
            else anthropic.turn(anthropic.form(each))
            for each in answers
        )

    @property
    def asked(self) -> list[anthropic.ReceivedRequest]:
        return self.provider.requests

    async def post(self, path: str, user: str = "ada", **body: Any) -> dict[str, Any]:
        status, reply = await self.server.json("POST", path, user, json=body)
        assert status == 200, reply
        return dict(reply)

    async def booked(self, user: str = "ada") -> list[dict[str, Any]]:
        """The ledger, oldest row first; nothing may be held back any more."""
        _, budget = await self.server.json("GET", "/api/cost-monitoring/budget", user)
        assert budget["status"]["dailyReserved"] == 0
        return await self.rows(user)

    async def rows(self, user: str = "ada") -> list[dict[str, Any]]:
        _, logs = await self.server.json("GET", "/api/cost-monitoring/usage-logs", user)
        return list(reversed(logs["logs"]))

    async def limit(self, daily: float) -> None:
        body = {"dailyLimit": daily, "pauseOnExceed": True}
        assert (await self.server.json("PUT", "/api/cost-monitoring/budget", json=body))[0] == 200


@contextlib.asynccontextmanager
async def advised(dsn: str, folder: Path, **variables: str) -> AsyncIterator[Advised]:
    async with AnthropicSimulator(key=KEY, models=(SMALL,)) as provider:
        keys = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": provider.base_url}
        async with dawg.running(dsn, folder, **{**keys, **variables}) as server:
            yield Advised(server, provider)
