"""Transactions that wait for each other: Postgres ends one of the two, and a caller is never told that we are broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.database import Connection, Database
from tests.servers import dawg

ADA = {"email": "ada@example.com", "password": "correct horse battery"}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path) as running:
        yield running


@pytest.fixture
async def other(database_dsn: str) -> AsyncIterator[Database]:
    """Of somebody else, who is never the one that Postgres ends."""
    database = await Database.open(database_dsn)
    yield database
    await database.close()


async def somebody_waits(database: Database) -> None:
    async with asyncio.timeout(20):
        while not await database.fetch_value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)


async def patience(connection: Connection) -> None:
    """Who has waited for `deadlock_timeout` looks for a circle, and gives way."""
    await connection.execute("SET LOCAL deadlock_timeout = '1min'")


async def test_a_change_of_a_project_that_gives_way_is_made_again(server: dawg.Dawg, other: Database) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    _, track = await server.json("POST", "/api/tracks", json={"projectId": project["id"], "name": "Voice"})
    async with other.transaction() as connection:
        await patience(connection)
        await connection.execute("SELECT FROM tracks WHERE id = %s FOR UPDATE", (track["id"],))
        change = asyncio.create_task(server.json("PATCH", f"/api/tracks/{track['id']}", json={"volume": 0.5}))
        await somebody_waits(other)
        await connection.execute("SELECT FROM projects WHERE id = %s FOR UPDATE", (project["id"],))
    status, body = await change
    assert (status, body["track"]["volume"]) == (200, 0.5)
    _, found = await server.json("GET", f"/api/projects/{project['id']}")
    assert found["project"]["revision"] == 2


async def test_what_cannot_be_made_again_says_when_to_ask_again(server: dawg.Dawg, other: Database) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    _, link = await server.json("POST", f"/api/projects/{project['id']}/links", json={"role": "editor"})
    path = f"/api/links/{link['token']}/accept"
    async with other.transaction() as connection:
        await patience(connection)
        await connection.execute("SELECT FROM projects WHERE id = %s FOR UPDATE", (project["id"],))
        joining = asyncio.create_task(server.http.post(server.url + path, headers={"X-User-Id": "bob"}))
        await somebody_waits(other)
        await connection.execute("SELECT FROM share_links WHERE id = %s FOR UPDATE", (link["id"],))
    reply = await joining
    body: dict[str, Any] = await reply.json()
    assert (reply.status, reply.headers["Retry-After"], body["code"]) == (503, "1", "contention")
    assert "again" in body["message"]
    status, _ = await server.json("POST", path, "bob")
    assert status == 200


async def test_a_transaction_that_always_gives_way_is_given_up(other: Database) -> None:
    tries = 0

    async def lose() -> None:
        nonlocal tries
        tries += 1
        async with other.transaction() as connection:
            await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$")

    with pytest.raises(errors.Contention):
        await other.repeat(lose)
    assert tries == 3
