"""The server under test: inside of the test's own process, or as the process that users start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from dawg_server import app, settings
from dawg_server.services import Services
from handlers.rest.routes import ROUTES, Route
from handlers.rest.server import HttpRunner
from handlers.sockets.transport import Server
from tests import published

START_TIMEOUT = 60.0  # seconds
STOP_TIMEOUT = 30.0  # seconds
HOLDS_REPLIES = False  # tests of the routes set it
PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Dawg:
    """A whole server in this process. `http` talks to it; `as_user` gives the headers of one of its users."""

    url: str
    services: Services
    sockets: Server
    http: aiohttp.ClientSession
    routes: tuple[Route, ...]
    holds_replies: bool  # against what is published of them

    @staticmethod
    def as_user(name: str) -> dict[str, str]:
        return {"X-User-Id": name}

    async def json(self, method: str, path: str, user: str = "ada", **options: Any) -> tuple[int, Any]:
        """(status, body) of one request."""
        headers = self.as_user(user) | options.pop("headers", {})
        async with self.http.request(method, self.url + path, headers=headers, **options) as reply:
            body = await reply.json()
        if self.holds_replies:
            found = published.reply_differences(self.routes, method, path.partition("?")[0], reply.status, body)
            assert not found, "\n".join(found)
        return reply.status, body

    async def finished(self, job_id: str, user: str = "ada", seconds: float = 60.0) -> dict[str, Any]:
        """The status of a job once it has ended."""
        async with asyncio.timeout(seconds):
            while True:
                status, body = await self.json("GET", f"/api/generate/status/{job_id}", user)
                assert status == 200, body
                if body["state"] in ("completed", "failed", "cancelled"):
                    return dict(body)
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(dsn: str, folder: Path, **variables: str) -> AsyncIterator[Dawg]:
    """A server with that database and these environment variables, on the port `PORT` or any that is free."""
    chosen = settings.load({"DATABASE_URL": dsn, "DATA_DIR": str(folder), "CPU_WORKERS": "1", **variables})
    async with app.services(chosen, dsn) as parts, app.api(parts) as (application, sockets):
        runner = HttpRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(variables.get("PORT", 0))).start()
        app.start_jobs(parts, alone=False)
        port = runner.addresses[0][1]
        try:
            async with aiohttp.ClientSession() as http:
                yield Dawg(f"http://127.0.0.1:{port}", parts, sockets, http, application[ROUTES], HOLDS_REPLIES)
        finally:
            await parts.jobs.queue.stop()
            await sockets.close()
            await runner.cleanup()


class DawgProcess:
    """`python -m dawg_server` in a process of its own, on a port of its own, with its embedded Postgres.

    `sources`: the folder that has its packages.
    """

    def __init__(self, folder: Path, sources: Path = PROJECT, **variables: str) -> None:
        self.folder = folder
        self._sources = sources
        self.port = int(variables.get("PORT", 0)) or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._environment = {
            **inherited,
            "DATA_DIR": str(folder / "data"),
            "PORT": str(self.port),
            "LOG_FORMAT": "json",
            "PYTHONWARNINGS": "error::ResourceWarning",
            **variables,
        }
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Returns when the server answers."""
        with (self.folder / "log").open("ab") as out, (self.folder / "errors").open("ab") as err:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "dawg_server", cwd=self._sources, env=self._environment, stdout=out, stderr=err
            )
        async with asyncio.timeout(START_TIMEOUT), aiohttp.ClientSession() as http:
            while True:
                if self._process.returncode is not None:
                    raise AssertionError(f"the server did not start: {self.errors()}")
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"{self.url}/health/ready") as reply:
                        if reply.status == 200:
                            return
                await asyncio.sleep(0.05)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal and returns the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        async with asyncio.timeout(STOP_TIMEOUT):
            return await self._process.wait()

    def log(self) -> list[dict[str, Any]]:
        """Every line of the log, of all starts."""
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    def errors(self) -> str:
        return (self.folder / "errors").read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
