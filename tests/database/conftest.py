"""A Postgres on a TCP port that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.postgres import TcpPostgres


@pytest.fixture(scope="session")
def cluster(scratch_session: Path) -> Iterator[TcpPostgres]:
    folder = scratch_session / "tcp"
    folder.mkdir(mode=0o777)
    server = TcpPostgres(folder)
    server.start()
    yield server
    server.stop()
