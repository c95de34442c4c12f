"""Damaged files, read in a worker as the server does: whatever happens, it is told clearly and ends soon."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator

import numpy as np
import pytest

from dawg_server import errors
from dawg_server.audio import workers
from tests.audio import signals, test_codecs

READ = "tests.audio.chores:read_all"
REFUSALS = (errors.UnsupportedMediaType, errors.PayloadTooLarge, errors.ValidationError)
KINDS = [*test_codecs.KINDS, "aac"]


@pytest.fixture
async def pool() -> AsyncIterator[workers.Workers]:
    pool = workers.Workers(1, root="tests", memory_mb=512)
    yield pool
    await pool.close()


def damaged(content: bytes, generator: np.random.Generator) -> bytes:
    """Bytes changed (headers more often than sound), a part lost, doubled or zeroed, or random bytes behind a start."""
    data = bytearray(content)
    way = generator.integers(5)
    if way == 0:
        for _ in range(generator.integers(1, 20)):
            limit = 200 if generator.random() < 0.7 else len(data)
            data[generator.integers(min(limit, len(data)))] = generator.integers(256)
    elif way == 1:
        start = generator.integers(len(data))
        del data[start : start + generator.integers(1, 3000)]
    elif way == 2:
        start = generator.integers(len(data))
        data[start:start] = data[start : start + generator.integers(1, 3000)]
    elif way == 3:
        start, length = generator.integers(len(data)), generator.integers(1, 3000)
        data[start : start + length] = bytes(len(data[start : start + length]))
    else:
        start = generator.integers(1, 400)
        data[start:] = generator.bytes(5000)
    return bytes(data)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_damaged_file_is_read_or_refused_and_never_breaks_the_worker(
    tmp_path: pathlib.Path, pool: workers.Workers, kind: str
) -> None:
    content = test_codecs.stored(tmp_path, kind, signals.music(48_000, 0.5)).read_bytes()
    generator = np.random.default_rng(KINDS.index(kind))
    path = tmp_path / "damaged"
    for _ in range(12):
        path.write_bytes(damaged(content, generator))
        try:
            told, found = await pool.run(READ, str(path), timeout=20.0)
        except REFUSALS:
            continue
        assert told > 0
        assert found >= 0
