"""A hummed tune to be sung, a server between the simulators of Claude and Suno, and a model that writes words."""

from __future__ import annotations

import importlib
import io
import json
from pathlib import Path
from typing import Any

import aiohttp
import soundfile

from tests.audio import voices
from tests.generation import outside
from tests.servers import dawg
from tests.simulators import anthropic, suno
from tests.simulators.anthropic import AnthropicSimulator, ReceivedRequest

# The first call of a process imports the SDK, which takes a second or more; no test is about that.
importlib.import_module("anthropic.resources.messages")

RATE = 22_050
CLAUDE_KEY = "sk-simulated"
MINOR = (57, 60, 64, 62, 60, 59)  # of A minor
PHRASES = [6, 6]
LINES = ["I walk along the sea", "and nobody knows me"]  # six syllables each
ABOUT = {"prompt": "a walk along the sea at night", "genre": "pop"}


def tune(phrases: int = 2) -> list[tuple[float, float, float]]:
    """Six notes at 120 bpm for each phrase, then a rest."""
    return [
        (0.2 + 4.0 * phrase + 0.5 * note, 0.42, pitch) for phrase in range(phrases) for note, pitch in enumerate(MINOR)
    ]


def hummed(notes: list[tuple[float, float, float]] | None = None) -> io.BytesIO:
    file = io.BytesIO()
    soundfile.write(file, voices.sing(RATE, notes or tune()), RATE, format="WAV", subtype="PCM_16")
    file.seek(0)
    return file


def form(**fields: str) -> aiohttp.FormData:
    """The body of an upload; `None` leaves a usual field out."""
    made = aiohttp.FormData()
    made.add_field("audio", hummed(), filename="hum.wav", content_type="audio/wav")
    for name, value in {**ABOUT, **fields}.items():
        made.add_field(name, value)
    return made


async def uploaded(server: dawg.Dawg, notes: list[tuple[float, float, float]] | None = None, user: str = "ada") -> str:
    body = aiohttp.FormData()
    body.add_field("audio", hummed(notes), filename="hum.wav", content_type="audio/wav")
    status, audio = await server.json("POST", "/api/audio/upload", user, data=body)
    assert status == 201, audio
    return str(audio["id"])


async def sung(server: dawg.Dawg, **body: Any) -> dict[str, Any]:
    """The status of the job when it has ended."""
    body = {**ABOUT, **body}
    if "audioFileId" not in body:
        body["audioFileId"] = await uploaded(server)
    status, accepted = await server.json("POST", "/api/ai/melody-to-vocals", json=body)
    assert status == 202, accepted
    return await server.finished(accepted["jobId"])


def answer(lines: list[str] | None = None, **more: Any) -> anthropic.ScriptedMessage:
    told = {"lines": LINES if lines is None else lines, "theme": "the sea", "mood": "calm", **more}
    return anthropic.turn(anthropic.text(json.dumps(told)))


def slow(*, seconds: float) -> anthropic.ScriptedMessage:
    """The same, after a while."""
    return anthropic.turn(anthropic.Pause(seconds), *answer().steps)


def asked(request: ReceivedRequest) -> dict[str, Any]:
    """What the model was told of the melody."""
    text = request.messages[0]["content"]
    found: dict[str, Any] = json.loads(text.removeprefix("<melody>\n").removesuffix("\n</melody>"))
    return found


def server(
    dsn: str, folder: Path, songs: suno.SunoSimulator, writer: AnthropicSimulator | None = None, **variables: str
) -> Any:
    if writer is not None:
        variables |= {"ANTHROPIC_API_KEY": CLAUDE_KEY, "ANTHROPIC_BASE_URL": writer.base_url}
    return outside.server(dsn, folder, songs=songs, **variables)
