"""People who talk: a server with a simulated voice service behind it, and browsers with microphones."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server.voice import prompt
from tests import patience
from tests.javascript.client import JavaScript, JsClient
from tests.servers import dawg
from tests.simulators import openai_realtime as realtime

MODEL = "gpt-realtime-2.1"
KEY = "sk-test-of-voice"
Service = realtime.RealtimeSimulator


@contextlib.asynccontextmanager
async def server(dsn: str, folder: Path, service: Service, **variables: str) -> AsyncIterator[dawg.Dawg]:
    keys = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": service.base_url}
    async with dawg.running(dsn, folder, **keys, **variables) as running:
        yield running


class Browser:
    """One socket of one user in `/voice`."""

    def __init__(self, client: JsClient) -> None:
        self.client = client

    @classmethod
    async def open(cls, javascript: JavaScript, dawg: dawg.Dawg, user: str = "ada", **options: Any) -> Browser:
        return cls(await javascript.connect(dawg.url, namespace="/voice", auth={"userId": user}, **options))

    async def start(self, **parameters: Any) -> dict[str, Any]:
        """Returns what `realtime-started` says."""
        ack = await self.client.emit_ack("start-realtime", parameters)
        assert ack["success"], ack
        return dict(await self.client.wait_for("realtime-started"))

    async def say(self, ms: int = 200, *, pause_ms: int = 500) -> None:
        """Speech that ends; the service answers it."""
        await self.send(realtime.speech(ms) + realtime.silence(pause_ms))

    async def send(self, audio: bytes) -> None:
        for at in range(0, len(audio), 9600):
            await self.client.emit("send-audio", {"audio": base64.b64encode(audio[at : at + 9600]).decode()})

    async def heard(self, event: str, count: int = 1) -> Any:
        """The payload of the `count`-th such event."""
        await self.client.wait_for(event, lambda *_: len(self.client.received(event)) >= count)
        return self.client.received(event)[count - 1]

    def sound(self, response_id: str | None = None) -> bytes:
        deltas = self.client.received("audio-delta")
        wanted = [each for each in deltas if response_id in (None, each["responseId"])]
        return b"".join(base64.b64decode(each["audio"]) for each in wanted)

    async def stop(self) -> dict[str, Any]:
        """Returns what `realtime-stopped` says."""
        ack = await self.client.emit_ack("stop-realtime")
        assert ack["success"], ack
        return dict(await self.client.wait_for("realtime-stopped", lambda told: told["sessionId"] == ack["sessionId"]))

    def names(self) -> list[str]:
        return [name for name, _ in self.client.events]


def microphone(connection: realtime.Connection) -> bytes:
    """What the service was sent."""
    appended = [each for each in connection.received if each["type"] == "input_audio_buffer.append"]
    return b"".join(base64.b64decode(each["audio"]) for each in appended)


async def project(server: dawg.Dawg, user: str, **fields: Any) -> str:
    status, made = await server.json("POST", "/api/projects", user, json={"name": "Song", **fields})
    assert status == 201, made
    return str(made["id"])


async def track(server: dawg.Dawg, user: str, project_id: str, name: str) -> str:
    status, made = await server.json("POST", "/api/tracks", user, json={"projectId": project_id, "name": name})
    assert status == 201, made
    return str(made["id"])


async def share(server: dawg.Dawg, project_id: str, user: str, role: str) -> None:
    """Makes somebody a member of a project."""
    await server.json("GET", "/api/projects", user)  # from now on there is such a user
    await server.services.platform.database.execute(
        "INSERT INTO collaborators (project_id, user_id, role, accepted_at) VALUES (%s, %s, %s, now())",
        (project_id, user, role),
    )


async def metrics(server: dawg.Dawg) -> str:
    async with server.http.get(server.url + "/metrics") as reply:
        return await reply.text()


@contextlib.contextmanager
def gathering() -> Iterator[None]:
    """However long it takes: changes of a project are gathered meanwhile and told after it, all at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompt, "INTERVAL", math.inf)
        yield


@contextlib.asynccontextmanager
async def held_in_preparation(server: dawg.Dawg, browser: Browser, **parameters: Any) -> AsyncIterator[None]:
    """A session of that browser that has begun to be prepared and goes on when this ends."""
    database = server.services.platform.database
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE voice_sessions IN ACCESS EXCLUSIVE MODE")
        await browser.client.emit("start-realtime", parameters)
        async with asyncio.timeout(patience.SECONDS):
            while not await database.fetch_value(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'voice_sessions'::regclass"
            ):
                await asyncio.sleep(0.01)
        yield
