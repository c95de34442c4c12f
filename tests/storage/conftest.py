"""The two storages, behind one fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dawg_server.storage import Storage
from dawg_server.storage.folder import FolderStorage
from dawg_server.storage.s3 import S3Storage
from tests.servers.s3 import S3Server


@pytest.fixture(params=["folder", "s3"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    opened: Storage
    if request.param == "folder":
        opened = FolderStorage(tmp_path / "files")
    else:
        server: S3Server = request.getfixturevalue("s3_server")
        opened = await S3Storage.open(**server.options())
    yield opened
    await opened.close()
