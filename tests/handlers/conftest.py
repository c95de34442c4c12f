"""A language model to ask."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.handlers.sockets.brains import Model
from tests.simulators import anthropic


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    async with anthropic.AnthropicSimulator(key="sk-test-of-brain") as simulator:
        yield Model(simulator)
