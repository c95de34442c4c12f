"""What the tests of paid providers share: audio to be bought, a server between simulators, and the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dawg_server.generation.providers.polling import Patience
from tests.servers import dawg
from tests.simulators import replicate, suno

RATE = 32_000  # Hz, as MusicGen makes it
PATIENCE = 20.0  # seconds a test waits for something that must happen
REPLICATE_KEY, SUNO_KEY = "r8_simulated", "suno_simulated"


def clicks(seconds: float = 5.0, bpm: float = 120.0, format: str = "WAV") -> bytes:
    """A click track over a quiet chord: something to be heard, with a tempo."""
    time = np.arange(int(seconds * RATE)) / RATE
    sound = 0.05 * sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 261.63, 329.63))
    for beat in np.arange(0.0, seconds - 0.05, 60 / bpm):
        start = int(beat * RATE)
        length = int(0.03 * RATE)
        sound[start : start + length] += 0.6 * np.exp(-np.arange(length) / 200) * np.sin(np.arange(length) * 0.9)
    file = io.BytesIO()
    soundfile.write(file, np.stack([sound, sound], axis=1).astype(np.float32), RATE, format=format)
    return file.getvalue()


def song(seconds: float = 5.0, bpm: float = 120.0, **faults: Any) -> suno.File:
    return suno.File(clicks(seconds, bpm, "FLAC"), "song.flac", "audio/flac", **faults)


def output(seconds: float = 5.0, bpm: float = 120.0, **faults: Any) -> replicate.File:
    return replicate.File(clicks(seconds, bpm), "out.wav", "audio/wav", **faults)


@contextlib.asynccontextmanager
async def server(
    dsn: str,
    folder: Path,
    *,
    music: replicate.ReplicateSimulator | None = None,
    songs: suno.SunoSimulator | None = None,
    called_back: bool = False,
    **variables: str,
) -> AsyncIterator[dawg.Dawg]:
    """A server that buys at the simulators. `called_back`: it has told its own address, so they call it."""
    if called_back:
        port = dawg.free_port()
        variables |= {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    variables = {"JOB_CONCURRENCY": "8", "REQUESTS_PER_MINUTE": "100000", **environment(music, songs), **variables}
    async with dawg.running(dsn, folder, **variables) as running:
        for provider in running.services.jobs.providers.by_name.values():
            if hasattr(provider, "patience"):
                provider.patience = Patience(lost=1.0, first=0.03, longest=0.1, copies=(0.05, 0.05))
        running.services.jobs.runner.retry_delays = (0.2, 0.4)
        yield running


def environment(
    music: replicate.ReplicateSimulator | None = None, songs: suno.SunoSimulator | None = None
) -> dict[str, str]:
    found = {}
    if music is not None:
        found |= {"REPLICATE_API_KEY": REPLICATE_KEY, "REPLICATE_BASE_URL": music.base_url}
    if songs is not None:
        found |= {"SUNO_API_KEY": SUNO_KEY, "SUNO_BASE_URL": songs.base_url}
    return found


async def until(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Waits until something holds, and returns it."""
    async with asyncio.timeout(seconds):
        while not (found := true()):
            await asyncio.sleep(0.01)
    return found


async def booked(running: dawg.Dawg, job_id: str, rows: int = 1) -> list[dict[str, Any]]:
    """The ledger's rows about a job, as soon as there are so many."""
    async with asyncio.timeout(PATIENCE):
        while len(found := await ledger(running, job_id)) < rows:
            await asyncio.sleep(0.02)
    return found


async def ledger(running: dawg.Dawg, job_id: str) -> list[dict[str, Any]]:
    return await running.services.platform.database.fetch_all(
        "SELECT * FROM usage_records WHERE generation_id = %s ORDER BY created_at", (job_id,)
    )


async def ask(running: dawg.Dawg, path: str, body: dict[str, Any], user: str = "ada") -> str:
    """The id of a job that was accepted."""
    status, accepted = await running.json("POST", f"/api/generate/{path}", user, json=body)
    assert status == 202, accepted
    return str(accepted["jobId"])


async def made(running: dawg.Dawg, path: str, body: dict[str, Any], user: str = "ada") -> dict[str, Any]:
    """The job's status when it has ended."""
    return await running.finished(await ask(running, path, body, user), user)
