"""Uploads into a real process: how much memory they take, and what a kill leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from tests.handlers.rest import recordings
from tests.servers.dawg import DawgProcess

MEBIBYTE = 1024 * 1024


def _write_wav(path: Path, size: int) -> None:
    """A WAV file of about that many bytes, ten minutes of stereo for 100 MB."""
    block = recordings.wav(10.0, rate=44_100)
    head, samples = bytearray(block[:44]), block[44:]
    count = (size - 44) // len(samples)
    head[4:8] = (36 + count * len(samples)).to_bytes(4, "little")
    head[40:44] = (count * len(samples)).to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(head)
        for _ in range(count):
            file.write(samples)


async def _upload(process: DawgProcess, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        body = aiohttp.FormData()
        body.add_field("audio", file, filename=path.name)
        async with aiohttp.ClientSession() as http, http.post(f"{process.url}/api/audio/upload", data=body) as reply:
            assert reply.status == 201, await reply.text()
            return dict(await reply.json())


async def _highest(process: DawgProcess, task: asyncio.Task[Any]) -> int:
    """The most resident bytes of the server's own process until the task is done."""
    server, highest = psutil.Process(process.pid), 0
    while not task.done():
        highest = max(highest, server.memory_info().rss)
        await asyncio.sleep(0.02)
    return highest


async def test_a_large_upload_is_never_whole_in_memory(tmp_path: Path) -> None:
    _write_wav(tmp_path / "usual.wav", 20 * MEBIBYTE)
    _write_wav(tmp_path / "large.wav", 99 * MEBIBYTE)
    async with DawgProcess(tmp_path, JOB_CONCURRENCY="0") as process:
        await _upload(process, tmp_path / "usual.wav")
        before = psutil.Process(process.pid).memory_info().rss
        uploading = asyncio.create_task(_upload(process, tmp_path / "large.wav"))
        highest = await _highest(process, uploading)
        created = await uploading
        assert created["size"] > 95 * MEBIBYTE
        assert highest - before < 30 * MEBIBYTE


async def test_what_a_killed_server_had_begun_is_finished_or_removed_by_the_next(tmp_path: Path) -> None:
    data = tmp_path / "data"
    _write_wav(tmp_path / "large.wav", 60 * MEBIBYTE)
    async with DawgProcess(tmp_path, JOB_CONCURRENCY="0") as process:
        created = await _upload(process, tmp_path / "large.wav")
        assert created["waveformStatus"] == "pending"
        half = asyncio.create_task(_half_an_upload(process))
        async with asyncio.timeout(20):
            while not [path for path in (data / "work").rglob("*") if path.is_file() and path.name == "0"]:
                await asyncio.sleep(0.01)
        await process.stop(signal.SIGKILL)
        with contextlib.suppress(ConnectionError):
            await half
        await process.start()
        try:
            assert not [path for path in (data / "work").rglob("*") if path.is_file() and path.name == "0"]
            async with aiohttp.ClientSession() as http, asyncio.timeout(30):
                while True:
                    async with http.get(f"{process.url}/api/audio/{created['id']}") as reply:
                        body = await reply.json()
                        if body["waveformStatus"] == "ready":
                            break
                    await asyncio.sleep(0.05)
            assert body["lufs"] is not None
        finally:
            await process.stop()
        assert [path.name for path in (data / "work").iterdir()] == [".lock"]
        assert "Traceback" not in process.errors()


async def _half_an_upload(process: DawgProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
    writer.write(
        b"POST /api/audio/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=abc\r\n"
        b'Content-Length: 5000000\r\n\r\n--abc\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\n'
        + b"\x00"
        * 2_000_000
    )
    await writer.drain()
    await reader.read()  # until the server is gone
    writer.close()
