"""A voice service, a server that uses it, and somebody at a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.handlers.sockets import voices
from tests.javascript.client import JavaScript
from tests.servers.dawg import Dawg
from tests.simulators import openai_realtime as realtime


@pytest.fixture
async def service() -> AsyncIterator[voices.Service]:
    async with realtime.RealtimeSimulator() as simulator:
        yield simulator


@pytest.fixture
async def talking(database_dsn: str, tmp_path: Path, service: voices.Service) -> AsyncIterator[Dawg]:
    """A server with a voice."""
    async with voices.server(database_dsn, tmp_path, service) as running:
        yield running


@pytest.fixture
async def ada(talking: Dawg, javascript: JavaScript) -> voices.Browser:
    return await voices.Browser.open(javascript, talking)
