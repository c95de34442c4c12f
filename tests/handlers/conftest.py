"""A language model to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.handlers.sockets.brains import Model
from tests.servers import dawg
from tests.simulators import anthropic


@pytest.fixture(autouse=True)
def _replies_are_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dawg, "HOLDS_REPLIES", True)


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    async with anthropic.AnthropicSimulator(key="sk-test-of-brain") as simulator:
        yield Model(simulator)
