from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster.topology import Cluster
from tests.servers.s3 import S3Server


@pytest.fixture
async def cluster(scratch_folder: Path, node: Path, s3_server: S3Server) -> AsyncIterator[Cluster]:
    async with Cluster(scratch_folder, node, s3_server.settings()) as running:
        yield running
