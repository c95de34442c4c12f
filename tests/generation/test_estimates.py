"""How long a job should take: from what the ones before it took, and from what stands before it in the queue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server.database.pool import Json
from dawg_server.generation import service
from tests.servers import dawg

BEAT = {"genre": "trap", "duration": 30}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    """Its jobs wait for ever."""
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0") as running:
        yield running


async def past(
    server: dawg.Dawg, type: str, provider: str, *jobs: tuple[float, float], state: str = "completed"
) -> None:
    """Jobs of (seconds of audio, seconds they took, or have taken so far)."""
    await server.json("GET", "/api/generate")  # makes ada known
    for length, took in jobs:
        done = state == "completed"
        await server.services.platform.database.execute(
            """INSERT INTO generations (id, owner_id, type, state, stage, progress, input, result, provider,
                   provider_state, attempts, max_attempts, run_after, base_url, started_at, finished_at, worker,
                   heartbeat_at)
               VALUES (gen_random_uuid(), 'ada', %(type)s, %(state)s, 'complete', %(progress)s, %(input)s, %(result)s,
                   %(provider)s, '{}', 1, 3, now(), 'http://x', now() - %(took)s * interval '1 second',
                   CASE WHEN %(done)s THEN now() END, CASE WHEN NOT %(done)s THEN 'another' END,
                   CASE WHEN NOT %(done)s THEN now() END)""",
            {
                "type": type,
                "state": state,
                "progress": 100 if done else 50,
                "input": Json({"duration": length}),
                "result": Json({}) if done else None,
                "provider": provider,
                "took": took,
                "done": done,
            },
        )


async def accepted(server: dawg.Dawg, **body: Any) -> float:
    status, answer = await server.json("POST", "/api/generate/beat", json=BEAT | body)
    assert status == 202, answer
    return float(answer["estimatedSeconds"])


async def test_a_first_job_is_guessed_and_the_next_ones_are_judged_by_the_past(server: dawg.Dawg) -> None:
    begin, per_second = service.SHAPES["embedded"]
    assert await accepted(server) == pytest.approx(begin + 30 * per_second)
    await past(server, "beat", "embedded", (30, 2 * (begin + 30 * per_second)), (60, 2 * (begin + 60 * per_second)))
    server.services.jobs.generation._slots = 100  # so that the one that waits already counts little
    left = 2 * (begin + 30 * per_second) / 100
    assert await accepted(server, duration=120) == pytest.approx(2 * (begin + 120 * per_second) + left, rel=0.02)


def test_a_song_takes_as_long_for_a_short_hum_as_for_a_long_one() -> None:
    known = {("vocals", "suno"): [(5.0, 200.0), (8.0, 180.0), (200.0, 190.0)]}
    for length in (2.0, 300.0):
        assert service.seconds_of_work("vocals", "suno", length, known) == pytest.approx(190)


async def test_what_stands_before_a_job_counts(server: dawg.Dawg) -> None:
    alone = await accepted(server)
    assert await accepted(server) == pytest.approx(2 * alone)
    assert await accepted(server) == pytest.approx(3 * alone)
    await past(server, "music", "suno", (0, 50), (0, 50), state="active")  # two that run, with a third of the way gone
    left = (3 * alone + 2 * (150 - 50)) / 2
    assert await accepted(server) == pytest.approx(alone + left, rel=0.02)
    await past(server, "music", "suno", (0, 9000), state="active")  # one that should have been done long ago
    assert await accepted(server) >= alone
