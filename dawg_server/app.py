"""The composition root: builds every part in the order in which it comes alive, and takes it down in reverse.

The only module of this package that knows `handlers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiohttp import web

from bus import events
from bus.local import LocalBus, Scope
from bus.redis import RedisBus
from dawg_server import logs
from dawg_server.accounts.passwords import Passwords
from dawg_server.accounts.service import Accounts
from dawg_server.audio.workers import Workers
from dawg_server.database import server_secrets
from dawg_server.database.migrate import migrate
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.daw.document import Document
from dawg_server.daw.sharing import Sharing
from dawg_server.generation.providers.choice import Providers
from dawg_server.generation.providers.embedded import EmbeddedProvider
from dawg_server.generation.queue import JobQueue
from dawg_server.generation.runner import Runner
from dawg_server.generation.service import GenerationService, JobLimits
from dawg_server.generation.sweeper import Sweeper
from dawg_server.health import Health
from dawg_server.identity import Identity
from dawg_server.limits import Limits
from dawg_server.metrics import Metrics
from dawg_server.services import Lifecycle, Services
from dawg_server.settings import Settings
from dawg_server.storage import Storage
from dawg_server.storage.folder import FolderStorage
from dawg_server.storage.links import LinkSigner
from handlers import relay
from handlers.rest import application
from handlers.sockets import gate, routing, tables
from handlers.sockets.transport import Server, create_server

MAX_CPU_WORKERS = 4
LINK_KEY = "link_signing_key"

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class Jobs:
    """What runs jobs in this process."""

    queue: JobQueue
    runner: Runner
    sweeper: Sweeper


@contextlib.asynccontextmanager
async def services(settings: Settings, dsn: str) -> AsyncIterator[tuple[Services, Jobs]]:
    """Everything below the faces, alive while the context is open. `dsn` is that of a database that runs."""
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.to_thread(migrate, dsn)
        database = await Database.open(dsn, size=settings.database_connections)
        stack.push_async_callback(database.close)

        bus = RedisBus(settings.redis_url) if settings.redis_adapter and settings.redis_url else LocalBus()
        stack.push_async_callback(bus.close)
        await bus.start()
        document = Document(database, bus)

        identity = Identity(database, secret=settings.jwt_secret, key_set_url=settings.jwt_jwks_url)
        stack.push_async_callback(identity.close)
        bus.subscribe(events.LoginEnded, lambda event: identity.end(event.login), Scope.EVERYWHERE)
        passwords = Passwords()
        stack.callback(passwords.close)

        storage: Storage = FolderStorage(settings.data_dir / "files")
        stack.push_async_callback(storage.close)
        links = LinkSigner(await server_secrets.get_or_create(database, LINK_KEY))

        workers = Workers(settings.cpu_workers or min(os.cpu_count() or 1, MAX_CPU_WORKERS))
        stack.push_async_callback(workers.close)
        providers = Providers(EmbeddedProvider(workers))

        queue = JobQueue(dsn)
        stack.push_async_callback(queue.close)
        await queue.open()
        name = f"{settings.replica}:{uuid.uuid4().hex[:12]}"
        runner = Runner(
            name=name, database=database, bus=bus, queue=queue, storage=storage,
            providers=providers.by_name, folder=_work_folder(settings.data_dir), running_limit=settings.jobs_running,
        )  # fmt: skip
        stack.callback(runner.close)
        sweeper = Sweeper(database, queue, lost_after=settings.job_lost_seconds)
        stack.push_async_callback(sweeper.close)

        limits = Limits(settings.redis_url)
        stack.push_async_callback(limits.close)
        generation = GenerationService(
            database, bus, queue, limits,
            JobLimits(settings.jobs_per_minute, settings.jobs_running, settings.jobs_waiting),
        )  # fmt: skip
        access = Access(database)
        parts = Services(
            settings=settings,
            lifecycle=Lifecycle(),
            metrics=Metrics(),
            database=database,
            bus=bus,
            storage=storage,
            links=links,
            identity=identity,
            accounts=Accounts(database, bus, identity, passwords),
            limits=limits,
            health=Health(settings, database, storage, bus),
            access=access,
            document=document,
            sharing=Sharing(database, bus, access),
            providers=providers,
            generation=generation,
        )
        yield parts, Jobs(queue, runner, sweeper)


@contextlib.asynccontextmanager
async def faces(parts: Services) -> AsyncIterator[tuple[web.Application, Server]]:
    """REST and sockets over the services, not listening yet."""
    server = create_server(
        cors_origins=parts.settings.cors_origins,
        on_slow_client=lambda namespace, sid: parts.metrics.dropped_events.labels("slow_client").inc(),
    )
    gate.mount(server, parts)
    routing.mount(server, parts, *tables.ALL)
    relay.mount(parts.bus, server, parts.links)
    parts.metrics.count_sockets(server.sockets_by_namespace)
    app = application.build(parts)
    server.attach(app)
    try:
        yield app, server
    finally:
        await server.close()


def start_jobs(settings: Settings, jobs: Jobs, *, alone: bool) -> None:
    """Takes up what a crash left behind, then takes new work. `alone`: nobody else can be at work on the database."""

    def begin() -> None:
        if settings.job_concurrency:
            jobs.queue.start(jobs.runner.run, settings.job_concurrency)

    jobs.sweeper.start(alone=alone, ready=begin)


def _work_folder(data_dir: Path) -> Path:
    """Where running jobs keep files; whatever a crash left there is rubbish."""
    folder = data_dir.resolve() / "work" / str(os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
