"""Fixtures for tests that talk to a server as a browser does: `pytest_plugins = ["tests.javascript.fixtures"]`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.javascript import runtime
from tests.javascript.client import JavaScript


@pytest.fixture(scope="session")
def node() -> Path:
    return runtime.prepare()


@pytest.fixture
async def javascript(node: Path) -> AsyncIterator[JavaScript]:
    process = JavaScript(node)
    await process.start()
    yield process
    await process.close()
