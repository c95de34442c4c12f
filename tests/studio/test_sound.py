"""What the page plays is what the server renders."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import soundfile

from tests.browser.client import Browser, Page
from tests.servers import dawg

RATE = 44_100
SECONDS = 3.0
PERSON = "dev-user"  # whom the page is taken for without sign-in
RENDERED = """async ([seconds, rate]) => {
  const buffer = await dawg.renderOffline(seconds, rate);
  const bytes = [0, 1].map((side) => new Uint8Array(buffer.getChannelData(side).slice().buffer));
  return bytes.map((each) => {
    let text = "";
    for (let at = 0; at < each.length; at += 32768) text += String.fromCharCode(...each.subarray(at, at + 32768));
    return btoa(text);
  });
}"""
# (devices, the largest difference in dB below the sound)
CASES: dict[str, tuple[list[dict[str, Any]], float]] = {
    "equalizer": (
        [
            {"type": "equalizer", "preset": "vocal presence"},
            {"type": "equalizer", "parameters": {"gain2": -9, "q2": 4, "type5": "notch", "frequency5": 500}},
        ],
        -55,
    ),
    "compressor": ([{"type": "compressor", "preset": "drum bus"}], -55),
    "gate": ([{"type": "gate", "preset": "drums"}], -55),
    "delay": ([{"type": "delay", "parameters": {"mix": 0.5}}], -55),
    "ping-pong": ([{"type": "delay", "preset": "ping-pong"}], -55),
    "reverb": ([{"type": "reverb", "preset": "hall"}], -55),
    "modulation": ([{"type": "chorus"}, {"type": "phaser"}, {"type": "flanger"}], -55),
    "sides": ([{"type": "stereoWidth", "preset": "wide"}, {"type": "utility", "preset": "bass mono"}], -55),
    "saturation": ([{"type": "saturation", "parameters": {"drive": 12}}], -55),
    "late": ([{"type": "pitchShift", "parameters": {"semitones": 5}}], -55),
}


def sound() -> bytes:
    """Two sides that differ: a rhythm of decaying tones over a quiet chord."""
    time = np.arange(int(SECONDS * RATE)) / RATE
    beat = time % 0.25
    left = 0.5 * np.exp(-12 * beat) * np.sin(2 * np.pi * 180 * beat) + 0.1 * np.sin(2 * np.pi * 440 * time)
    right = 0.4 * np.exp(-30 * beat) * np.sin(2 * np.pi * 2500 * beat) + 0.1 * np.sin(2 * np.pi * 661 * time)
    file = io.BytesIO()
    soundfile.write(file, np.stack((left, right), axis=1), RATE, "FLOAT", format="WAV")
    return file.getvalue()


async def rendered_by_the_server(server: dawg.Dawg, project: str) -> np.ndarray:
    body = {"projectId": project, "format": "wav", "bitDepth": 32, "sampleRate": RATE, "to": SECONDS}
    _, job = await server.json("POST", "/api/render/start", PERSON, json=body)
    done = await server.finished(job["jobId"], PERSON)
    async with server.http.get(done["result"]["audioUrl"]) as reply:
        samples, rate = soundfile.read(io.BytesIO(await reply.read()), dtype="float32")
    assert rate == RATE
    return np.asarray(samples)


async def rendered_by_the_page(page: Page) -> np.ndarray:
    sides = await page.evaluate(RENDERED, [SECONDS, RATE])
    return np.stack([np.frombuffer(base64.b64decode(each), np.float32) for each in sides], axis=1)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """dB of what differs, below the sound."""
    count = min(len(one), len(other))
    assert count >= (SECONDS - 0.05) * RATE
    one, other = one[:count], other[:count]
    return float(10 * np.log10(np.square(one - other).sum() / np.square(one).sum()))


async def test_the_page_plays_what_the_server_renders(
    database_dsn: str, tmp_path: Path, browser: Browser, studio: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        _, project = await server.json("POST", "/api/projects", PERSON, json={"name": "Song", "bpm": 100})
        form = aiohttp.FormData()
        form.add_field("projectId", project["id"])
        form.add_field("file", io.BytesIO(sound()), filename="sound.wav", content_type="audio/wav")
        _, uploaded = await server.json("POST", "/api/audio/upload", PERSON, data=form)
        audio = uploaded["audioFile"]["id"]

        async def make(path: str, **fields: Any) -> dict[str, Any]:
            status, made = await server.json("POST", path, PERSON, json=fields)
            assert status < 300, made
            return made

        mixing = {"volume": 0.6, "pan": -0.4}
        track = await make("/api/tracks", projectId=project["id"], name="Voice", **mixing)
        aux = await make("/api/tracks", projectId=project["id"], name="Room", trackType="AUX", pan=0.7, channels="mono")
        await make(f"/api/tracks/{track['id']}/sends", destinationTrackId=aux["id"], level=0.5, pan=-0.2)
        fades = {"fadeIn": 0.4, "fadeOut": 0.7, "fadeCurve": "equalPower", "gain": -3, "offset": 0.1, "duration": 2.5}
        clip = await make("/api/clips", trackId=track["id"], audioFileId=audio, startTime=0.25, **fades)
        page = await browser.open(f"{server.url}/#/project/{project['id']}")
        await page.until("window.dawg && dawg.store.clips.value.size === 1")
        found = {
            "faders": difference(await rendered_by_the_server(server, project["id"]), await rendered_by_the_page(page))
        }
        assert found["faders"] <= -60
        points = [{"beat": 0, "value": 1}, {"beat": 1, "value": 0.2, "curve": "smooth"}, {"beat": 3, "value": 0.9}]
        envelope = await make("/api/automations", trackId=track["id"], target="volume", points=points)
        await page.until("dawg.store.automations.value.length === 1")
        found["envelope"] = difference(
            await rendered_by_the_server(server, project["id"]), await rendered_by_the_page(page)
        )
        await server.json("DELETE", f"/api/automations/{envelope['id']}", PERSON)
        ranges = [{"start": 0.6, "end": 1.1}, {"start": 1.9, "end": 2.2}]
        take = {"clipId": clip["id"], "audioFileId": audio, "shift": 0.3, "gain": -2, "ranges": ranges}
        made_take = await make("/api/takes", projectId=project["id"], **take)
        await page.until("dawg.store.takesByClip.value.size === 1")
        found["takes"] = difference(
            await rendered_by_the_server(server, project["id"]), await rendered_by_the_page(page)
        )
        await server.json("DELETE", f"/api/takes/{made_take['id']}", PERSON)
        for name, (devices, _) in CASES.items():
            made = [await make("/api/devices", trackId=track["id"], **each) for each in devices]
            await page.until(f"dawg.store.devices.value.length === {len(made)}")
            found[name] = difference(
                await rendered_by_the_server(server, project["id"]), await rendered_by_the_page(page)
            )
            for each in made:
                await server.json("DELETE", f"/api/devices/{each['id']}", PERSON)
            await page.until("dawg.store.devices.value.length === 0")
        print({name: round(value, 1) for name, value in found.items()})
        bounds = {
            "faders": -60.0,
            "envelope": -60.0,
            "takes": -45.0,
            **{name: bound for name, (_, bound) in CASES.items()},
        }
        assert {name: value for name, value in found.items() if value > bounds[name]} == {}
