"""Damaged files, read in a worker as the server does: whatever happens, it is told clearly and ends soon."""

from __future__ import annotations

import pathlib
import struct
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from dawg_server import errors
from dawg_server.audio import formats, workers
from tests.audio import signals, test_codecs

READ = "tests.audio.chores:read_all"
PROBE = "tests.audio.chores:probe_all"
REFUSALS = (errors.UnsupportedMediaType, errors.PayloadTooLarge, errors.ValidationError)
KINDS = [*test_codecs.KINDS, "aac"]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
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


# ADPCM (IMA and Microsoft, the more often: their blocks can be cut), PCM, float, A-law, µ-law, GSM, MPEG, extensible.
WAV_CODECS = (0x11, 0x11, 0x11, 2, 2, 1, 3, 6, 7, 0x31, 0x50, 0x55, 0xFFFE, 0x2000)
EDGES = (0, 1, 127, 128, 255)  # of a byte


def lying_wav(generator: np.random.Generator) -> bytes:
    """A well-formed WAV file whose header may say anything, with little behind it."""
    form = struct.pack(
        "<HHIIHHHH",
        *(int(generator.choice(options)) for options in (WAV_CODECS, (0, 1, 2, 9, 255), (0, 1, 8000, 44_100, 2**31))),
        *(int(generator.choice(options)) for options in ((0, 22_050, 2**32 - 1), (0, 1, 36, 256, 1024, 65_535))),
        *(int(generator.choice(options)) for options in ((0, 1, 4, 8, 16, 24, 64), (2,), (0, 505, 1017, 65_535))),
    )
    data = generator.bytes(int(generator.choice((0, 1, 4, 40, 96, 500, 3000))))
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def shortened(content: bytes, generator: np.random.Generator) -> bytes:
    """Cut off, in the header as often as in the sound, and often with bytes of the header at their edges."""
    data = bytearray(content[: generator.integers(1, 600 if generator.random() < 0.5 else len(content))])
    for _ in range(generator.integers(4)):
        data[generator.integers(min(len(data), 300))] = generator.choice(EDGES)
    return bytes(data)


async def test_whatever_is_uploaded_is_told_with_a_length_or_refused_in_words(
    tmp_path: pathlib.Path, pool: workers.Workers
) -> None:
    generator = np.random.default_rng(12)
    sound = signals.music(48_000, 0.3)
    whole = [test_codecs.stored(tmp_path, kind, sound).read_bytes() for kind in KINDS]
    # A single packet of AAC, cut: FFmpeg decodes it, and its container gives it no length.
    files = [whole[KINDS.index("aac")][:length] for length in range(40, 400, 12)]
    files += [lying_wav(generator) for _ in range(300)]
    files += [shortened(content, generator) for content in whole for _ in range(20)]
    paths = []
    for number, content in enumerate(files):
        path = tmp_path / f"strange-{number}"
        path.write_bytes(content)
        paths.append(str(path))
    told = []
    for start in range(0, len(paths), 100):
        told += await pool.run(PROBE, paths[start : start + 100], timeout=60.0)
    assert all(isinstance(each, str) or _possible(each) for each in told), told
    assert any(not isinstance(each, str) for each in told)
    assert all(each.endswith(".") for each in told if isinstance(each, str))


def _possible(info: formats.AudioInfo) -> bool:
    return (
        info.frames > 0 and info.duration > 0 and info.channels > 0 and (info.bit_depth is None or info.bit_depth > 0)
    )
