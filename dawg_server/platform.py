"""What every other part stands on: settings, database, bus, storage, identities, limits, costs, worker processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal

from bus import events
from bus.local import LocalBus, Scope
from bus.redis import RedisBus
from dawg_server.accounts.passwords import Passwords
from dawg_server.accounts.recovery import PasswordRecovery
from dawg_server.accounts.service import Accounts
from dawg_server.audio.workers import Workers
from dawg_server.audiofiles.tracked_storage import TrackedStorage
from dawg_server.claude.client import Claude
from dawg_server.claude.small import SmallModel
from dawg_server.costs import Costs
from dawg_server.database import server_secrets
from dawg_server.database.budgets import Ceilings
from dawg_server.database.migrate import migrate
from dawg_server.database.pool import Database
from dawg_server.health import Health
from dawg_server.idempotency import FirstReplies
from dawg_server.identity import Identity, TokenRules
from dawg_server.limits import Limits
from dawg_server.mail import Mailer
from dawg_server.metrics import Metrics
from dawg_server.replicas import Replicas, own_address
from dawg_server.retention import Retention
from dawg_server.settings import MEBIBYTE, Settings
from dawg_server.storage import Storage
from dawg_server.storage.folder import FolderStorage
from dawg_server.storage.links import LinkSigner
from dawg_server.storage.s3 import S3Storage
from dawg_server.storage.work import WorkFolder

MAX_CPU_WORKERS = 4
LINK_KEY = "link_signing_key"
REFRESH_KEY = "refresh_key"
DEV_KEY = "development_key"  # with the data, so that tokens survive a restart and hold on every replica


@dataclass(slots=True)
class Lifecycle:
    """How far this process is on its way out."""

    leaving: bool = False  # nobody new should come; whoever is here is served as before
    draining: bool = False  # no new work at all


@dataclass(frozen=True, slots=True)
class Platform:
    """`probes` is a worker of its own, so that no upload waits behind a long rendering."""

    settings: Settings
    database: Database
    bus: LocalBus
    replicas: Replicas
    metrics: Metrics
    identity: Identity
    accounts: Accounts
    recovery: PasswordRecovery
    limits: Limits
    costs: Costs
    storage: TrackedStorage
    links: LinkSigner
    work: WorkFolder
    first_replies: FirstReplies
    workers: Workers
    probes: Workers
    claude: Claude
    small_model: SmallModel
    health: Health
    retention: Retention
    lifecycle: Lifecycle = field(default_factory=Lifecycle)


@contextlib.asynccontextmanager
async def opened(settings: Settings, dsn: str) -> AsyncIterator[Platform]:
    """The platform, alive while the context is open. `dsn` is that of a database that runs."""
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.to_thread(migrate, dsn)
        database = await Database.open(dsn, size=settings.database_connections)
        stack.push_async_callback(database.close)

        own = uuid.uuid4().hex[:12]  # the name of this process among the replicas
        bus = RedisBus(settings.redis_url, origin=own) if settings.redis_adapter and settings.redis_url else LocalBus()
        stack.push_async_callback(bus.close)
        await bus.start()

        metrics = Metrics()
        ceilings = Ceilings(Decimal(str(settings.user_daily_limit)), Decimal(str(settings.server_daily_limit)))
        costs = Costs(database, bus, metrics, settings.data_dir / "costs", ceilings=ceilings)
        stack.push_async_callback(costs.close)
        await costs.start()

        identity = Identity(
            database,
            TokenRules(settings.jwt_secret, settings.jwt_jwks_url, settings.jwt_audience, settings.jwt_issuer),
            development_key="" if settings.secured else (await server_secrets.get_or_create(database, DEV_KEY)).hex(),
        )
        stack.push_async_callback(identity.close)
        bus.subscribe(events.LoginEnded, lambda event: identity.end(event.login), Scope.EVERYWHERE)
        passwords = Passwords()
        stack.callback(passwords.close)
        mailer = Mailer(settings.smtp_url, settings.mail_from or "") if settings.smtp_url else None
        recovery = PasswordRecovery(database, bus, identity, passwords, mailer, settings.page)
        stack.push_async_callback(recovery.close)
        limits = Limits(settings.redis_url)
        stack.push_async_callback(limits.close)

        storage = TrackedStorage(await open_storage(settings), database)
        stack.push_async_callback(storage.close)
        links = LinkSigner(await server_secrets.get_or_create(database, LINK_KEY), storage)
        work = WorkFolder(settings.data_dir / "work", keep_free=settings.min_free_mb * MEBIBYTE)
        stack.callback(work.close)
        workers = Workers(settings.cpu_workers or min(os.cpu_count() or 1, MAX_CPU_WORKERS))
        stack.push_async_callback(workers.close)
        probes = Workers(1)
        stack.push_async_callback(probes.close)

        claude = Claude(
            settings.anthropic_key, settings.anthropic_url, settings.anthropic_model, settings.anthropic_small_model
        )
        stack.push_async_callback(claude.close)
        retention = Retention(database, jobs=settings.jobs_kept_days, steps=settings.steps_kept_days)
        stack.push_async_callback(retention.close)
        yield Platform(
            settings=settings,
            database=database,
            bus=bus,
            replicas=Replicas(database, bus, own, own_address(settings)),
            metrics=metrics,
            identity=identity,
            accounts=Accounts(
                database,
                bus,
                identity,
                passwords,
                await server_secrets.get_or_create(database, REFRESH_KEY),
                registration=settings.registration,
            ),
            recovery=recovery,
            limits=limits,
            costs=costs,
            storage=storage,
            links=links,
            work=work,
            first_replies=FirstReplies(database),
            workers=workers,
            probes=probes,
            claude=claude,
            small_model=SmallModel(costs, limits, claude, per_minute=settings.advice_per_minute),
            health=Health(settings, database, storage, bus, limits),
            retention=retention,
        )


async def open_storage(settings: Settings) -> Storage:
    if settings.s3_bucket is None:
        return FolderStorage(settings.data_dir / "files")
    return await S3Storage.open(
        bucket=settings.s3_bucket,
        access_key=settings.s3_access_key or "",
        secret_key=settings.s3_secret_key or "",
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        addressing=settings.s3_addressing,
    )
