"""Recordings to send to a server, in every format that it takes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import soundfile

from tests.audio import media, signals
from tests.servers.dawg import Dawg

RATE = 48_000  # Hz, which every codec knows
SNDFILE = {
    "wav": ("WAV", "PCM_24"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "aiff": ("AIFF", "PCM_16"),
}
FFMPEG = ("m4a", "webm", "opus.ogg", "aac")


def wav(seconds: float = 1.0, level_db: float = -6.0, frequency: float = 997.0, rate: int = RATE) -> bytes:
    return written(signals.sine(rate, seconds, frequency, level_db), "wav", rate)


def written(samples: Any, format: str, rate: int = RATE) -> bytes:
    container, subtype = SNDFILE[format]
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=subtype)
    return file.getvalue()


def encoded(kind: str, folder: Path, seconds: float = 2.0) -> bytes:
    """A sine of 997 Hz, where BS.1770 weighs nothing, at -6 dBFS."""
    samples = signals.sine(RATE, seconds, 997, -6)
    if kind in SNDFILE:
        return written(samples, kind)
    return media.encode(folder / f"file.{kind}", kind, samples, RATE).read_bytes()


def form(*files: bytes, name: str = "audio", filename: str = "tone.wav", **fields: str) -> aiohttp.FormData:
    body = aiohttp.FormData(quote_fields=False, default_to_multipart=True)  # as browsers do
    for field, value in fields.items():
        body.add_field(field, value)
    for data in files:
        body.add_field(name, io.BytesIO(data), filename=filename, content_type="application/octet-stream")
    return body


async def uploaded(server: Dawg, data: bytes, user: str = "ada", **fields: str) -> dict[str, Any]:
    status, body = await server.json("POST", "/api/audio/upload", user, data=form(data, **fields))
    assert status == 201, body
    return dict(body)


def peak(samples: Any) -> float:
    return float(np.abs(samples).max())
