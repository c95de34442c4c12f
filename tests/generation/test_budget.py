"""A budget under a storm of requests: never overshot, and every job that was accepted is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.generation import outside
from tests.servers import dawg
from tests.simulators import suno

STORM = 200
FOR = 7  # songs


@pytest.fixture
async def songs() -> AsyncIterator[suno.SunoSimulator]:
    async with suno.SunoSimulator(key=outside.SUNO_KEY) as running:
        yield running


@pytest.fixture
async def server(songs: suno.SunoSimulator, database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    variables = {"JOBS_PER_MINUTE": "10000", "JOBS_RUNNING_PER_USER": "8"}
    async with outside.server(database_dsn, tmp_path, songs=songs, **variables) as running:
        yield running


@pytest.mark.long
async def test_two_hundred_requests_at_once_buy_what_the_budget_allows(
    songs: suno.SunoSimulator, server: dawg.Dawg
) -> None:
    price = float(server.services.platform.costs.estimate("suno", "V5", {"requests": 1}))
    limit = round(price * (FOR + 0.5), 6)
    await server.json("PUT", "/api/cost-monitoring/budget", json={"dailyLimit": limit, "pauseOnExceed": True})
    for _ in range(STORM):
        songs.plan(outside.song(1.0), outside.song(1.0), stage_seconds=(1.0, 1.0, 1.0), durations=(1.0, 1.0))

    async def ask(number: int) -> tuple[int, dict[str, Any], str | None]:
        body = {"prompt": f"song {number}", "provider": "suno"}
        headers = server.as_user("ada")
        async with server.http.post(f"{server.url}/api/generate/music", json=body, headers=headers) as reply:
            return reply.status, await reply.json(), reply.headers.get("Retry-After")

    answers = await asyncio.gather(*(ask(number) for number in range(STORM)))
    accepted = [body["jobId"] for status, body, _ in answers if status == 202]
    assert (len(accepted), len(answers) - len(accepted)) == (FOR, STORM - FOR)
    for status, body, retry_after in answers:
        if status == 202:
            continue
        assert (status, body["code"]) == (429, "budget_exceeded")
        assert 0 < int(retry_after or 0) <= 86_400
        details = body["details"]
        assert (details["limit"], details["period"]) == (limit, "day")
        assert details["remaining"] == pytest.approx(limit - details["spent"] - details["reserved"], abs=1e-6)
        assert 0 <= details["remaining"] < price
    for job in accepted:
        assert (await server.finished(job))["state"] == "completed"
    _, budget = await server.json("GET", "/api/cost-monitoring/budget")
    assert (len(songs.creations), budget["status"]["dailyReserved"]) == (FOR, 0)
    assert budget["status"]["dailySpent"] == pytest.approx(FOR * price)


async def test_what_a_deleted_project_has_reserved_is_given_back(songs: suno.SunoSimulator, server: dawg.Dawg) -> None:
    songs.plan(outside.song(), outside.song(), hold=True)
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    await outside.ask(server, "music", {"prompt": "rain", "provider": "suno", "projectId": project["id"]})
    await outside.until(lambda: songs.tasks)
    await server.json("DELETE", f"/api/projects/{project['id']}")
    _, budget = await server.json("GET", "/api/cost-monitoring/budget")
    assert budget["status"]["dailyReserved"] == 0
