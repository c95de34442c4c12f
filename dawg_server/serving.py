"""The life of a server and of a worker process: from the first connection to the last line of the log."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import structlog
import uvloop
from aiohttp import web

from bus.supervision import SupervisedLoop
from dawg_server import __version__, app, logs
from dawg_server.database.address import forget_shell
from dawg_server.database.embedded import EmbeddedPostgres
from dawg_server.listeners import BACKLOG
from dawg_server.settings import Settings
from handlers.rest.server import HttpRunner
from handlers.sockets.drain import drain

COLLECT_AFTER = 2_000, 10, 100  # new objects, and collections of each generation before one of the next
WATCH_INTERVAL = 1.0  # seconds between two looks at the embedded Postgres

log: structlog.stdlib.BoundLogger = logs.get("main")


def serve(chosen: Settings, listeners: list[socket.socket]) -> None:
    """Until a signal ends it; without DATABASE_URL with a Postgres of its own."""
    with _database(chosen) as (dsn, embedded):
        uvloop.run(_run_server(chosen, dsn, embedded, listeners))


def work(chosen: Settings, dsn: str) -> None:
    """Runs jobs until a signal ends it."""
    if not chosen.redis_adapter:
        log.warning(
            "Without WEBSOCKET_REDIS_ADAPTER no socket hears of this worker's progress.", action="worker_unheard"
        )
    uvloop.run(_run_worker(chosen, dsn))


async def _run_server(
    chosen: Settings, dsn: str, embedded: EmbeddedPostgres | None, listeners: list[socket.socket]
) -> None:
    stop = _stop_on_signal()
    async with app.services(chosen, dsn) as parts, app.api(parts) as (application, sockets), _watch(embedded):
        runner = HttpRunner(application, access_log=None, shutdown_timeout=chosen.drain_seconds)
        try:
            await runner.setup()
            sites = [web.SockSite(runner, listener, backlog=BACKLOG) for listener in listeners]
            for site in sites:
                await site.start()
            app.start_jobs(parts, alone=embedded is not None)
            _greet(chosen)
            _warn(chosen)
            _collect_garbage()
            parts.assistants.brain.claude.warm()
            await stop.wait()
            log.info("The server stops: no new work, running work may finish.", action="draining")
            begun = time.monotonic()
            await asyncio.gather(drain(sockets, parts), parts.jobs.queue.stop())
            for site in sites:
                await site.stop()
            # Behind a balancer, which takes the next replica from now on, what has come in already is still answered.
            parts.platform.lifecycle.draining = not parts.platform.replicas.others
            await parts.assistants.voice.close()
            await parts.assistants.brain.drain(max(0.0, chosen.drain_seconds - (time.monotonic() - begun)))
            await sockets.close()
        finally:
            await runner.cleanup()
    log.info("The server has stopped.", action="stopped")


async def _run_worker(chosen: Settings, dsn: str) -> None:
    stop = _stop_on_signal()
    async with app.services(chosen, dsn) as parts:
        app.start_jobs(parts, alone=False)
        _collect_garbage()
        log.info("This worker takes jobs.", action="worker_started")
        _warn(chosen)
        await stop.wait()
        await parts.jobs.queue.stop()
    log.info("The worker has stopped.", action="stopped")


def _collect_garbage() -> None:
    """From now on. Full collections stop the event loop: they are to be few, and to look through nothing that stays."""
    gc.set_threshold(*COLLECT_AFTER)
    gc.collect()
    gc.freeze()
    gc.enable()


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


@contextlib.contextmanager
def _database(chosen: Settings) -> Iterator[tuple[str, EmbeddedPostgres | None]]:
    if chosen.database_url:
        yield chosen.database_url, None
        return
    forget_shell()
    embedded = EmbeddedPostgres(chosen.data_dir / "postgres")
    try:
        yield embedded.start(), embedded
    finally:
        embedded.stop()


@contextlib.asynccontextmanager
async def _watch(embedded: EmbeddedPostgres | None) -> AsyncIterator[None]:
    """Brings the embedded Postgres back when somebody has killed it."""

    if embedded is None:
        yield
        return

    async def look() -> None:
        embedded.start()  # on this thread, because Postgres dies with the one that starts it

    watch = SupervisedLoop("postgres-watch", look, doing="Starting the embedded database", interval=WATCH_INTERVAL)
    watch.start()
    try:
        yield
    finally:
        await watch.close()


def _greet(chosen: Settings) -> None:
    base = chosen.link_base or f"http://localhost:{chosen.port}"
    log.info("The server listens.", action="listening", port=chosen.port, url=base)
    calls = ("\n" + " " * 24).join(_calls(chosen, base))
    text = f"""
        DAWG {__version__} is ready. Open {base}

          From a terminal, a beat and its result:
                        {calls}
          The API       {base}/docs and {base}/docs/sockets
          What works    {base}/health
          Files, data   {Path(chosen.data_dir).resolve()}
          Settings      sh start.sh --help

        Ctrl-C stops it."""
    print(textwrap.dedent(text), file=sys.stderr)  # noqa: T201


def _calls(chosen: Settings, base: str) -> Iterator[str]:
    json, bearer = "-H 'Content-Type: application/json'", ""
    if chosen.secured:
        bearer = "-H 'Authorization: Bearer <token>' "
        if chosen.jwt_secret:
            yield f"curl -X POST {base}/api/auth/register {json} \\"
            yield """     -d '{"email":"you@example.com","password":"<8 characters or more>"}'   (answers the token)"""
        else:
            yield "(with a token of your sign-in service, JWT_JWKS_URL)"
    yield f"curl -X POST {base}/api/generate/beat {bearer}{json} \\"
    yield """     -d '{"genre":"lo-fi","duration":20}'"""
    yield f"curl {bearer}{base}/api/generate/result/<jobId>      (open audioUrl in a browser)"


def _warn(chosen: Settings) -> None:
    if not chosen.secured:
        where = chosen.exposed or "only this machine can reach it"
        log.warning(
            f"Development mode: whoever calls is believed to be who they say they are, and {where}. To let others in "
            "set JWT_SECRET (`openssl rand -hex 32`); for a phone on your own network ALLOW_DEVELOPMENT_MODE=true and "
            "HOST will do.",
            action="development_mode",
        )
    if chosen.files_apart:
        log.warning(
            "Files of one replica are not seen by the others: set AWS_S3_BUCKET, or have them share DATA_DIR.",
            action="files_not_shared",
        )
