"""Asking over a socket how clips fit together."""

from __future__ import annotations

import io
from pathlib import Path

import aiohttp
import numpy as np
import soundfile

from tests.javascript.client import JavaScript
from tests.servers import dawg

RATE = 22_050


def _tone(frequency: float) -> bytes:
    time = np.arange(RATE * 2) / RATE
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.3 * np.sin(2 * np.pi * frequency * time), RATE, format="WAV")
    return buffer.getvalue()


async def test_the_room_hears_what_one_member_asks_and_strangers_nothing(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        _, project = await server.json("POST", "/api/projects", json={"name": "Song", "isPublic": True})
        _, track = await server.json("POST", "/api/tracks", json={"projectId": project["id"], "name": "Tones"})
        clips = []
        for number, frequency in enumerate((220.0, 330.0)):
            form = aiohttp.FormData({"projectId": project["id"]})
            form.add_field("audio", _tone(frequency), filename="tone.wav")
            _, audio = await server.json("POST", "/api/audio/upload", data=form)
            parameters = {"trackId": track["id"], "audioFileId": audio["id"], "startTime": number * 2}
            clips.append((await server.json("POST", "/api/clips", json=parameters))[1]["id"])
        ada, eve, absent = [
            await javascript.connect(server.url, auth={"userId": name}) for name in ("ada", "eve", "mallory")
        ]
        for client in (ada, eve):
            assert (await client.emit_ack("join:project", {"projectId": project["id"]}))["success"]
        ack = await ada.emit_ack("clips:analyze-request", {"projectId": project["id"], "clipIds": clips})
        assert [each["clipId"] for each in ack["analysis"]["clips"]] == clips
        assert len(ack["analysis"]["relationships"]) == 1
        assert (await eve.wait_for("clips:analyzing"))["clipIds"] == clips
        for client in (ada, eve):
            assert (await client.wait_for("clips:analyzed"))["analysis"] == ack["analysis"]
        assert "clips:analyzing" not in [name for name, _ in ada.events]
        refused = await absent.emit_ack("clips:analyze-request", {"projectId": project["id"], "clipIds": clips})
        assert refused["code"] == "not_joined"
        missing = await ada.emit_ack("clips:analyze-request", {"projectId": project["id"], "clipIds": [track["id"]]})
        assert (missing["code"], missing["details"]["missing"]) == ("not_found", [track["id"]])
        assert absent.events == []
