"""Who is shown as present in a project, whatever moment a connection chooses to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests import patience
from tests.daw.conftest import join
from tests.javascript.client import JavaScript
from tests.servers import dawg

VISITORS = 20


@pytest.fixture(params=["alone", "redis"])
async def server(
    request: pytest.FixtureRequest, database_dsn: str, tmp_path: Path, valkey_url: str
) -> AsyncIterator[dawg.Dawg]:
    variables = {"REQUESTS_PER_MINUTE": "100000"}
    if request.param == "redis":
        port = str(dawg.free_port())
        variables |= {"REDIS_URL": valkey_url, "WEBSOCKET_REDIS_ADAPTER": "true", "PORT": port}
    async with dawg.running(database_dsn, tmp_path, **variables) as running:
        yield running


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(patience.SECONDS):
        while not await condition():
            await asyncio.sleep(0.02)


async def shared(server: dawg.Dawg) -> str:
    """A project of ada's with bob as editor."""
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    await server.json("GET", "/api/projects", "bob")
    await join(server.services.platform.database, project["id"], "bob", "editor")
    return str(project["id"])


@pytest.mark.parametrize("ending", ["lose", "disconnect"])
async def test_who_joins_and_is_gone_at_once_is_no_member(
    server: dawg.Dawg, javascript: JavaScript, ending: str
) -> None:
    with structlog.testing.capture_logs() as lines:
        await join_and_end(server, javascript, ending)
    assert [line for line in lines if line["log_level"] == "error"] == []


async def join_and_end(server: dawg.Dawg, javascript: JavaScript, ending: str) -> None:
    project = await shared(server)
    ada = await javascript.connect(server.url, auth={"userId": "ada"})
    await ada.emit_ack("join:project", {"projectId": project})
    visitors = [await javascript.connect(server.url, auth={"userId": "bob"}) for _ in range(VISITORS)]
    for number, visitor in enumerate(visitors):
        await visitor.emit("join:project", {"projectId": project})
        await asyncio.sleep(number % 4 * 0.002)
        await getattr(visitor, ending)()

    async def gone() -> bool:
        return server.sockets.sockets_by_namespace() == {"/": 1} and not server.sockets.manager.tasks.running

    await until(gone)
    assert await rows(server, project) == [ada.sid]
    assert [each["userId"] for each in await server.services.documents.presence.members(project)] == ["ada"]

    async def told_in_pairs() -> bool:  # the last departure may still be on its way to her
        heard = [name for name, _ in ada.events if name.startswith("collaborator:")]
        return heard.count("collaborator:joined") == heard.count("collaborator:left")

    await until(told_in_pairs)


async def test_who_leaves_a_project_right_after_joining_is_no_member(server: dawg.Dawg, javascript: JavaScript) -> None:
    project = await shared(server)
    ada = await javascript.connect(server.url, auth={"userId": "ada"})
    await ada.emit("join:project", {"projectId": project})
    assert (await ada.emit_ack("leave:project", {"projectId": project}))["success"]
    assert await rows(server, project) == []


async def rows(server: dawg.Dawg, project: str) -> list[str]:
    found = await server.services.platform.database.fetch_all(
        "SELECT sid FROM project_visits WHERE project_id = %s", (project,)
    )
    return [row["sid"] for row in found]
