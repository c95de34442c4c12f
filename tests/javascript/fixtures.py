"""Fixtures for tests that talk to a server as a browser does: `pytest_plugins = ["tests.javascript.fixtures"]`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.javascript import runtime
from tests.javascript.client import JavaScript, Node


@pytest.fixture(scope="session")
def node() -> Path:
    return runtime.prepare()


@pytest.fixture(scope="session")
def _node_process(node: Path) -> Iterator[Node]:
    process = Node(node)
    yield process
    process.stop()


@pytest.fixture
async def javascript(_node_process: Node) -> AsyncIterator[JavaScript]:
    clients = await JavaScript.open(_node_process)
    yield clients
    await clients.close()
    assert not clients.differences, "\n".join(clients.differences)
