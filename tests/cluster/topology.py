"""What `docker-compose.yml` describes, from local processes: Postgres, Redis, S3, three replicas and a balancer."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import aiohttp
import psycopg2

from dawg_server.database.embedded import EmbeddedPostgres
from tests.servers.databases import administer
from tests.servers.dawg import DawgProcess, free_port
from tests.servers.valkey import Valkey

BALANCER = Path(__file__).with_name("balancer.mjs")
REPLICAS = 3


class Cluster:
    """`url` is the balancer's. Everything runs while the context is open, and each part can be stopped alone."""

    def __init__(self, folder: Path, node: Path, files: dict[str, str], **variables: str) -> None:
        """`files` are the settings of the storage, `variables` further settings of every replica."""
        self.postgres, self.redis = EmbeddedPostgres(folder / "postgres"), Valkey(folder)
        self.http: aiohttp.ClientSession
        self._folder, self._node, self._settings = folder, node, files | variables
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._dsn = self.postgres.start()
            stack.callback(self.postgres.stop)
            self.redis.start()
            stack.callback(self.redis.stop)
            self.replicas = [self._replica(number) for number in range(REPLICAS)]
            await self.replicas[0].start()  # one of them makes the tables
            stack.push_async_exit(self.replicas[0])
            await asyncio.gather(*(each.start() for each in self.replicas[1:]))
            for each in self.replicas[1:]:
                stack.push_async_exit(each)
            port = await stack.enter_async_context(self._balancer())
            self.url = f"http://127.0.0.1:{port}"
            self.http = await stack.enter_async_context(aiohttp.ClientSession())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def json(
        self, method: str, path: str, user: str = "ada", *, at: str | None = None, **options: Any
    ) -> tuple[int, Any]:
        """(status, body); through the balancer, or `at` one replica's address."""
        headers = {"X-User-Id": user} | options.pop("headers", {})
        async with self.http.request(method, (at or self.url) + path, headers=headers, **options) as reply:
            return reply.status, await reply.json()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self._dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        finally:
            connection.close()

    async def project(self, *members: str) -> str:
        """A new project of the first member, in which the others are editors."""
        for member in members:
            await self.json("GET", "/api/projects", member)
        status, project = await self.json("POST", "/api/projects", members[0], json={"name": "Song"})
        assert status == 201, project
        for member in members[1:]:
            administer(
                self._dsn,
                "INSERT INTO collaborators (project_id, user_id, role, accepted_at) "
                f"VALUES ('{project['id']}', '{member}', 'editor', now())",
            )
        return str(project["id"])

    def _replica(self, number: int) -> DawgProcess:
        folder = self._folder / f"replica{number}"
        folder.mkdir()
        usual = {
            "DATABASE_URL": self._dsn,
            "DATABASE_CONNECTIONS": "8",
            "REDIS_URL": self.redis.url,
            "WEBSOCKET_REDIS_ADAPTER": "true",
            "RAILWAY_REPLICA_ID": f"replica{number}",
            "ALLOW_DEVELOPMENT_MODE": "true",
            "CPU_WORKERS": "1",
            "JOB_CONCURRENCY": "1",
            "JOB_LOST_SECONDS": "5",
            "REQUESTS_PER_MINUTE": "10000",
        }
        return DawgProcess(folder, **usual | self._settings)

    @contextlib.asynccontextmanager
    async def _balancer(self) -> AsyncIterator[int]:
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            self._node,
            BALANCER,
            str(port),
            *(str(each.port) for each in self.replicas),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=dict(os.environ),
        )
        assert process.stdout is not None and process.stdin is not None
        await process.stdout.readline()
        try:
            yield port
        finally:
            process.stdin.close()
            await process.wait()
