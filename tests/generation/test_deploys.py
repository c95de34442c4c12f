"""A server that is stopped or killed while clients wait for jobs: whoever asks again with its key gets the same job."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.generation.vocals import humming
from tests.sampling import sample
from tests.servers.dawg import DawgProcess

# Jobs wait for ever: none of these is called.
PROVIDERS = {
    "ANTHROPIC_API_KEY": "sk-none",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "SUNO_API_KEY": "suno-none",
    "SUNO_BASE_URL": "http://127.0.0.1:9",
}
LIMITS = {"JOB_CONCURRENCY": "0", "JOBS_WAITING_PER_USER": "100", "JOBS_PER_MINUTE": "1000", "DRAIN_SECONDS": "1"}


async def post(process: DawgProcess, path: str, key: str = "", **options: Any) -> tuple[int, dict[str, Any]]:
    headers = {"Idempotency-Key": key} if key else {}
    url = f"{process.url}/api{path}"
    async with aiohttp.ClientSession() as http, http.post(url, headers=headers, **options) as reply:
        return reply.status, await reply.json()


async def made(process: DawgProcess, path: str, **options: Any) -> str:
    status, body = await post(process, path, **options)
    assert status == 201, body
    return str(body["id"])


async def requests(process: DawgProcess) -> dict[str, tuple[str, dict[str, Any]]]:
    """A request to each route that accepts jobs, and where it takes uploads, one with an upload: (path, body) by name,
    which is the route unless it is an upload."""
    audio = [await made(process, "/audio/upload", data=humming.form()) for _ in range(2)]
    project = await made(process, "/projects", json={"name": "Song"})
    track = await made(process, "/tracks", json={"projectId": project, "name": "Voice"})
    clips = [
        await made(process, "/clips", json={"trackId": track, "audioFileId": audio[0], "startTime": start})
        for start in (0, 60)
    ]
    about = {"prompt": "a walk along the sea", "genre": "pop"}
    bodies: dict[str, dict[str, Any]] = {
        "/generate/beat": {"genre": "house"},
        "/generate/music": {"prompt": "a walk along the sea", "provider": "suno"},
        "/generate/lyrics": {"theme": "the sea"},
        "/generate/melody": {},
        "/generate/stems": {"audioFileId": audio[0], "stemTypes": ["drums"]},
        "/generate/mix": {"trackIds": [track]},
        "/generate/master": {"audioFileId": audio[0]},
        "/ai/separate-stems": {"audioFileId": audio[0]},
        "/ai/master": {"audioFileId": audio[0], "targetLoudness": -14},
        "/ai/autocomp": {"audioFileIds": audio},
        "/ai/timealign": {"audioFileId": audio[0]},
        "/ai/pitchcorrect": {"audioFileId": audio[0]},
        "/ai/dawg": {"prompt": "a walk along the sea"},
        "/ai/melody-to-vocals": {"audioFileId": audio[0], **about},
        "/render/start": {"projectId": project},
        "/clips/{clip_id}/reverse": {},
        "/clips/{clip_id}/normalize": {},
        "/clips/glue-audio": {"clipIds": clips},
        "/tracks/{track_id}/bounce": {},
        "/tracks/{track_id}/freeze": {},
    }
    ids = {"clip_id": clips[0], "track_id": track}
    found = {route: (route.format_map(ids), {"json": body}) for route, body in bodies.items()}
    for path, fields in (("/ai/separate-stems", {}), ("/ai/melody-to-vocals", about)):
        found[f"an upload to {path}"] = (path, {"fields": fields})
    return found


def options(body: dict[str, Any]) -> dict[str, Any]:
    """Forms are read as they are sent, so each request needs its own."""
    return {"data": humming.form(**body["fields"])} if "fields" in body else body


async def accepting(process: DawgProcess) -> set[str]:
    """The routes that accept jobs."""
    async with aiohttp.ClientSession() as http, http.get(f"{process.url}/openapi.json") as reply:
        paths = (await reply.json())["paths"]
    return {
        path.removeprefix("/api")
        for path, methods in paths.items()
        if path.startswith("/api/") and "202" in methods.get("post", {}).get("responses", {})
    }


async def jobs(process: DawgProcess) -> set[str]:
    async with aiohttp.ClientSession() as http, http.get(f"{process.url}/api/generate?limit=100") as reply:
        return {job["jobId"] for job in (await reply.json())["jobs"]}


@pytest.mark.parametrize("number", sample([signal.SIGTERM, signal.SIGKILL], signal.SIGTERM))
async def test_who_waits_while_the_server_ends_comes_back_to_the_same_job(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with DawgProcess(tmp_path, **PROVIDERS, **LIMITS) as process:
        asked = await requests(process)
        assert {name for name in asked if name.startswith("/")} == await accepting(process)

        async def ask(name: str) -> dict[str, Any]:
            path, body = asked[name]
            status, reply = await post(process, f"{path}?wait=50", name.replace(" ", "-"), **options(body))
            return {**reply, "http": status}

        waiting = [asyncio.create_task(ask(name)) for name in asked]
        async with asyncio.timeout(60):
            while len(before := await jobs(process)) < len(asked):
                assert not [reply for task in waiting if task.done() and (reply := task.result())["http"] != 202]
                await asyncio.sleep(0.1)
        await process.stop(number)
        await asyncio.gather(*waiting, return_exceptions=True)
        await process.start()
        for job in before:  # or the second request would wait for it as well
            assert (await post(process, f"/generate/cancel/{job}"))[0] == 200
        async with asyncio.timeout(60):
            again = dict(zip(asked, await asyncio.gather(*map(ask, asked)), strict=True))
        assert {name: reply for name, reply in again.items() if reply.get("jobId") not in before} == {}
        assert len({reply["jobId"] for reply in again.values()}) == len(asked)
        assert await jobs(process) == before
