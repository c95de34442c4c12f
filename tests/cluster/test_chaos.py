"""Six people edit one project through three replicas while one part after the other is stopped. Nothing gets lost.

`CHAOS_SECONDS` says how long each outage lasts (2 in the suite; try 30).
"""

from __future__ import annotations

import asyncio
import collections
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.cluster.editor import LATE, Editor
from tests.cluster.topology import Cluster
from tests.daw.replica import document
from tests.javascript.client import JavaScript

OUTAGE = float(os.environ.get("CHAOS_SECONDS", "2"))
PEOPLE = 6
TRANSPORTS = (("polling",), ("polling", "websocket"), ("websocket",))
BEAT = {"genre": "house", "duration": 20}


@pytest.mark.long
@pytest.mark.timeout(300 + 10 * OUTAGE)
async def test_nothing_that_was_acknowledged_is_lost_whatever_is_stopped(
    cluster: Cluster, javascript: JavaScript
) -> None:
    async with _editors(cluster, javascript) as editors:
        await _let_them_work(editors)
        await _stop_redis_for_a_while(cluster, editors)
        jobs = [await _beat(cluster, number) for number in range(6)]
        await _restart_postgres(cluster, editors)
        await _kill_a_replica(cluster, editors)
        project = editors[0].copy.project["id"] if editors[0].copy else ""
        await _check_people(cluster, javascript, project)
        await _restart_one_after_the_other(cluster, editors)
    await _check_documents(cluster, project, editors)
    await _check_log(cluster, project, editors)
    await _check_jobs(cluster, jobs)


@asynccontextmanager
async def _editors(cluster: Cluster, javascript: JavaScript) -> AsyncIterator[list[Editor]]:
    """They work as long as the context is open."""
    users = [f"user{number}" for number in range(PEOPLE)]
    project = await cluster.project(*users)
    tracks = []
    for number in range(4):
        parameters = {"projectId": project, "name": f"track {number}"}
        tracks.append((await cluster.json("POST", "/api/tracks", users[0], json=parameters))[1]["id"])
    editors = [Editor(user, project, tracks, seed) for seed, user in enumerate(users)]
    for number, editor in enumerate(editors):
        await editor.connect(javascript, cluster.url, TRANSPORTS[number % 3])
    done = False
    work = [asyncio.create_task(editor.work(lambda: done)) for editor in editors]
    try:
        yield editors
    finally:
        done = True
        await asyncio.gather(*work)


async def _let_them_work(editors: list[Editor], steps: int = 3) -> None:
    """Until everybody has got so many steps acknowledged from now on."""
    goals = [len(editor.acknowledged) + steps for editor in editors]
    await _until(
        lambda: all(len(each.acknowledged) >= goal for each, goal in zip(editors, goals, strict=True)),
        60,
        lambda: str([(each.user, len(each.acknowledged), each.refusals[-3:]) for each in editors]),
    )


async def _until(condition: Callable[[], Any], seconds: float, why: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, why()
        await asyncio.sleep(0.05)


async def _health(cluster: Cluster, replica: int) -> Any:
    return (await cluster.json("GET", "/health", at=cluster.replicas[replica].url))[1]


async def _stop_redis_for_a_while(cluster: Cluster, editors: list[Editor]) -> None:
    """Editing goes on: each replica serves its own clients, and tells them what was done elsewhere a little later."""
    cluster.redis.stop()
    await asyncio.sleep(OUTAGE)
    await _let_them_work(editors)
    revision = max(editor.copy.revision for editor in editors if editor.copy)
    await _until(lambda: all(each.copy and each.copy.revision >= revision for each in editors), 10)
    cluster.redis.start()
    await _let_them_work(editors)
    for number in range(3):
        async with asyncio.timeout(5):
            while (await _health(cluster, number))["status"] != "healthy":
                await asyncio.sleep(0.1)


async def _restart_postgres(cluster: Cluster, editors: list[Editor]) -> None:
    cluster.postgres.stop()
    status, refusal = await cluster.json("GET", "/api/projects")
    assert (status, refusal["code"]) == (503, "dependency_unavailable")
    await asyncio.sleep(OUTAGE)
    cluster.postgres.start()
    await _let_them_work(editors)


async def _kill_a_replica(cluster: Cluster, editors: list[Editor]) -> None:
    """In the middle of a job, which another one takes over."""
    async with asyncio.timeout(60):
        while not (workers := cluster.query("SELECT worker FROM generations WHERE state = 'active'")):
            await asyncio.sleep(0.02)
    victim = cluster.replicas[int(workers[0][0].partition(":")[0].removeprefix("replica"))]
    await victim.stop(signal.SIGKILL)
    await asyncio.sleep(OUTAGE)
    await _let_them_work(editors)
    await victim.start()
    await _let_them_work(editors)


async def _restart_one_after_the_other(cluster: Cluster, editors: list[Editor]) -> None:
    """A rolling deployment: whoever goes when `server:draining` says so sees no failed request."""
    refused = [len(editor.refusals) for editor in editors]
    statuses: collections.Counter[int] = collections.Counter()

    async def ask() -> None:
        while True:
            status, _ = await cluster.json("POST", "/api/projects", "bystander", json={"name": "Song"})
            statuses[status] += 1
            await asyncio.sleep(0.05)

    asking = asyncio.create_task(ask())
    for replica in cluster.replicas:
        assert await replica.stop() == 0
        await replica.start()
        await _let_them_work(editors)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    failed = [
        code for each, past in zip(editors, refused, strict=True) for code in each.refusals[past:] if code != LATE
    ]
    # What the kernel has taken in, and the server not yet, when it closes its door is lost; it is seldom.
    assert len(failed) + statuses.total() - statuses[201] <= 1, (failed, statuses)
    assert statuses[201] > 20


async def _beat(cluster: Cluster, number: int) -> str:
    status, job = await cluster.json(
        "POST", "/api/generate/beat", json=BEAT, headers={"Idempotency-Key": f"beat-{number}"}
    )
    assert status == 202, job
    return str(job["jobId"])


async def _check_people(cluster: Cluster, javascript: JavaScript, project: str) -> None:
    """Who was on the killed replica is there once, not twice."""
    onlooker = await javascript.connect(cluster.url, auth={"userId": "user0"})
    async with asyncio.timeout(30):
        while True:
            ack = await onlooker.emit_ack("join:project", {"projectId": project, "since": 0}, timeout=10)
            connections = {member["userId"]: member["connections"] for member in ack["members"]}
            if connections == {f"user{number}": 1 + (number == 0) for number in range(PEOPLE)}:
                break
            await asyncio.sleep(0.2)
    await onlooker.disconnect()


async def _check_documents(cluster: Cluster, project: str, editors: list[Editor]) -> None:
    """What clients made of the news is what is stored, on every replica."""
    truths = [
        (await cluster.json("GET", f"/api/projects/{project}", editors[0].user, at=replica.url))[1]
        for replica in cluster.replicas
    ]
    assert len({truth["revision"] for truth in truths}) == 1
    for editor in editors:
        await editor.reach(truths[0]["revision"], 30)
        assert editor.copy is not None
        assert editor.copy.document() == document(truths[0])


async def _check_log(cluster: Cluster, project: str, editors: list[Editor]) -> None:
    """Every acknowledged step is in the log, and none is there twice."""
    names: collections.Counter[str] = collections.Counter()
    since = 0
    while True:
        _, page = await cluster.json("GET", f"/api/projects/{project}/operations?since={since}", editors[0].user)
        revisions = [each["revision"] for each in page["operations"]]
        assert revisions == list(range(since + 1, since + 1 + len(revisions)))
        names.update(each["changes"]["name"] for each in page["operations"] if each["kind"] == "update")
        if page["complete"]:
            break
        since = revisions[-1]
    assert {name for name, times in names.items() if times > 1} == set()
    assert {name for editor in editors for name in editor.acknowledged} - set(names) == set()


async def _check_jobs(cluster: Cluster, jobs: list[str]) -> None:
    """Every job has ended once: its recordings are there, and no others."""
    recordings: list[str] = []
    async with asyncio.timeout(90):
        for job in jobs:
            while (status := (await cluster.json("GET", f"/api/generate/status/{job}?shape=flat"))[1])["state"] in (
                "waiting",
                "active",
            ):
                await asyncio.sleep(0.2)
            assert status["state"] == "completed", status
            take = status["result"]["takes"][0]
            recordings += [take["audioFileId"], *(stem["audioFileId"] for stem in take["stems"])]
    _, stored = await cluster.json("GET", "/api/audio?limit=100")
    assert sorted(each["id"] for each in stored["files"]) == sorted(recordings)
