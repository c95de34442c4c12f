"""The composition root: builds every part in the order in which it comes alive, and takes it down in reverse.

The only module of this package that knows `handlers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from bus import events
from bus.local import LocalBus, Scope
from bus.redis import RedisBus
from dawg_server import logs
from dawg_server.accounts.passwords import Passwords
from dawg_server.accounts.service import Accounts
from dawg_server.archives.layout import Limits as ArchiveLimits
from dawg_server.archives.service import Archives
from dawg_server.audio.workers import Workers
from dawg_server.audiofiles.accounted import AccountedStorage
from dawg_server.audiofiles.analyses import Analyses
from dawg_server.audiofiles.cleaner import Cleaner
from dawg_server.audiofiles.comparison import Comparison
from dawg_server.audiofiles.measuring import Measuring
from dawg_server.audiofiles.service import AudioFiles
from dawg_server.audiofiles.track_metadata import TrackMetadata
from dawg_server.brain.functions import BrainFunctions
from dawg_server.brain.places import Places, TurnLimits
from dawg_server.brain.service import Brain
from dawg_server.claude.client import Claude
from dawg_server.claude.small import SmallModel
from dawg_server.costs import Costs
from dawg_server.database import server_secrets
from dawg_server.database.migrate import migrate
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.daw.document import Document
from dawg_server.daw.feed import Feed
from dawg_server.daw.functions import executors
from dawg_server.daw.functions.service import Functions
from dawg_server.daw.presence import Presence
from dawg_server.daw.sharing import Sharing
from dawg_server.daw.versions import Versions
from dawg_server.generation.finishing.functions import FinishingFunctions
from dawg_server.generation.finishing.local import LocalProvider
from dawg_server.generation.finishing.material import Material
from dawg_server.generation.finishing.requests import Requests
from dawg_server.generation.outside import Outside
from dawg_server.generation.placement import Placement
from dawg_server.generation.providers.choice import Providers
from dawg_server.generation.providers.embedded import EmbeddedProvider
from dawg_server.generation.purchases import Purchases
from dawg_server.generation.queue import JobQueue
from dawg_server.generation.runner import Runner
from dawg_server.generation.service import GenerationService, JobLimits
from dawg_server.generation.settling import Settler
from dawg_server.generation.sweeper import Sweeper
from dawg_server.generation.vocals.lyricist import Lyricist
from dawg_server.health import Health
from dawg_server.identity import Identity
from dawg_server.limits import Limits
from dawg_server.lyrics.service import Lyrics
from dawg_server.memory.service import Memory
from dawg_server.metrics import Metrics
from dawg_server.replicas import Replicas, own_address
from dawg_server.services import Lifecycle, Services
from dawg_server.settings import Settings
from dawg_server.storage import Storage
from dawg_server.storage.folder import FolderStorage
from dawg_server.storage.links import LinkSigner
from dawg_server.storage.s3 import S3Storage
from dawg_server.storage.work import WorkFolder
from dawg_server.tools import ToolBox
from dawg_server.voice.limits import VoiceLimits
from dawg_server.voice.realtime import Realtime
from dawg_server.voice.service import VoiceService
from handlers import relay
from handlers.rest import application
from handlers.sockets import gate, rooms, routing, tables
from handlers.sockets.transport import ClusterManager, Forwarder, Server, create_server

MAX_CPU_WORKERS = 4
MEBIBYTE = 1024 * 1024
LINK_KEY = "link_signing_key"
CALLBACK_KEY = "callback_key"
REPLICA_KEY = "replica_key"

log: structlog.stdlib.BoundLogger = logs.get("main")


@dataclass(frozen=True, slots=True)
class Jobs:
    """What works in this process without being asked: it runs jobs, measures new recordings, removes orphans."""

    queue: JobQueue
    runner: Runner
    sweeper: Sweeper
    settler: Settler
    measuring: Measuring
    cleaner: Cleaner


@contextlib.asynccontextmanager
async def services(settings: Settings, dsn: str) -> AsyncIterator[tuple[Services, Jobs]]:
    """Everything below the faces, alive while the context is open. `dsn` is that of a database that runs."""
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.to_thread(migrate, dsn)
        database = await Database.open(dsn, size=settings.database_connections)
        stack.push_async_callback(database.close)

        own = uuid.uuid4().hex[:12]  # the name of this process among the replicas
        bus = RedisBus(settings.redis_url, origin=own) if settings.redis_adapter and settings.redis_url else LocalBus()
        stack.push_async_callback(bus.close)
        await bus.start()
        replicas = Replicas(bus, own, own_address(settings))

        metrics = Metrics()
        costs = Costs(database, bus, metrics, settings.data_dir / "costs")
        stack.push_async_callback(costs.close)
        await costs.start()
        document = Document(database, bus)
        functions = Functions(document)
        executors.register(functions)

        identity = Identity(database, secret=settings.jwt_secret, key_set_url=settings.jwt_jwks_url)
        stack.push_async_callback(identity.close)
        bus.subscribe(events.LoginEnded, lambda event: identity.end(event.login), Scope.EVERYWHERE)
        passwords = Passwords()
        stack.callback(passwords.close)

        storage: Storage = AccountedStorage(await open_storage(settings), database)
        stack.push_async_callback(storage.close)
        links = LinkSigner(await server_secrets.get_or_create(database, LINK_KEY), storage)
        work = WorkFolder(settings.data_dir / "work")
        stack.callback(work.close)

        workers = Workers(settings.cpu_workers or min(os.cpu_count() or 1, MAX_CPU_WORKERS))
        stack.push_async_callback(workers.close)
        probes = Workers(1)  # so that an upload never waits behind a long rendering
        stack.push_async_callback(probes.close)
        limits = Limits(settings.redis_url)
        stack.push_async_callback(limits.close)
        claude = Claude(
            settings.anthropic_key, settings.anthropic_url, settings.anthropic_model, settings.anthropic_small_model
        )
        stack.push_async_callback(claude.close)
        small = SmallModel(costs, limits, claude, per_minute=settings.advice_per_minute)
        outside = Outside(
            database,
            bus,
            storage,
            workers,
            Lyricist(small),
            link_base=settings.link_base,
            key=await server_secrets.get_or_create(database, CALLBACK_KEY),
            replicate=(settings.replicate_key, settings.replicate_url),
            suno=(settings.suno_key, settings.suno_url),
        )
        stack.push_async_callback(outside.close)
        material = Material(database, document, storage)
        providers = Providers(EmbeddedProvider(workers), LocalProvider(workers, material), *outside.providers)
        purchases = Purchases(database, costs, *outside.providers)
        settler = Settler(database, purchases)
        stack.push_async_callback(settler.close)

        queue = JobQueue(dsn)
        stack.push_async_callback(queue.close)
        await queue.open()
        runner = Runner(
            name=f"{settings.replica}:{own}",
            database=database,
            bus=bus,
            queue=queue,
            storage=storage,
            providers=providers,
            purchases=purchases,
            settler=settler,
            placement=Placement(database, document),
            folder=work.path,
            running_limit=settings.jobs_running,
        )
        stack.callback(runner.close)
        sweeper = Sweeper(database, queue, lost_after=settings.job_lost_seconds)
        stack.push_async_callback(sweeper.close)
        measuring = Measuring(database, storage, workers, work)
        stack.push_async_callback(measuring.close)
        analyses = Analyses(database, storage, workers, work)
        cleaner = Cleaner(database, storage)
        stack.push_async_callback(cleaner.close)

        generation = GenerationService(
            database,
            bus,
            queue,
            limits,
            JobLimits(settings.jobs_per_minute, settings.jobs_running, settings.jobs_waiting),
            purchases,
            slots=settings.job_concurrency,
        )
        archives = Archives(
            database,
            storage,
            workers,
            work,
            measuring,
            ArchiveLimits(
                packed=settings.max_archive_mb * MEBIBYTE,
                unpacked=settings.max_archive_unpacked_mb * MEBIBYTE,
                entries=settings.max_archive_entries,
            ),
        )
        access = Access(database)
        toolbox = ToolBox(functions)
        voice = VoiceService(
            database=database,
            bus=bus,
            costs=costs,
            access=access,
            document=document,
            toolbox=toolbox,
            metrics=metrics,
            realtime=Realtime(
                settings.openai_url,
                settings.openai_key,
                settings.openai_realtime_model,
                settings.openai_transcription_model,
            ),
            limits=VoiceLimits(
                settings.voice_sessions,
                settings.voice_minutes * 60,
                settings.voice_idle_seconds,
                settings.voice_recycle_seconds,
            ),
        )
        stack.push_async_callback(voice.close)
        memory = Memory(database)
        places = Places(
            database,
            limits,
            TurnLimits(
                settings.turns_per_minute,
                settings.turns_at_once,
                settings.tokens_per_minute,
                settings.turn_seconds,
                settings.turn_function_seconds,
            ),
        )
        brain = Brain(
            database=database,
            bus=bus,
            costs=costs,
            access=access,
            document=document,
            toolbox=toolbox,
            generation=generation,
            memory=memory,
            places=places,
            claude=claude,
            small=small,
        )
        stack.push_async_callback(brain.close)
        requests = Requests(database, access, document)
        FinishingFunctions(requests, generation, providers, workers, material, access, work).register(functions)
        lyrics, versions = Lyrics(bus, small), Versions(database, document)
        BrainFunctions(database, access, generation, providers, lyrics, versions, analyses).register(functions)
        parts = Services(
            settings=settings,
            lifecycle=Lifecycle(),
            metrics=metrics,
            database=database,
            bus=bus,
            storage=storage,
            links=links,
            identity=identity,
            accounts=Accounts(database, bus, identity, passwords),
            limits=limits,
            costs=costs,
            health=Health(settings, database, storage, bus, limits),
            access=access,
            document=document,
            feed=Feed(bus, document),
            replicas=replicas,
            presence=Presence(database, bus, own),
            functions=functions,
            work=work,
            audio=AudioFiles(database, storage, access, probes, measuring, cleaner),
            analyses=analyses,
            comparison=Comparison(small),
            track_metadata=TrackMetadata(database, document, analyses),
            sharing=Sharing(database, bus, access),
            versions=versions,
            archives=archives,
            providers=providers,
            generation=generation,
            finishing=requests,
            toolbox=toolbox,
            voice=voice,
            brain=brain,
            memory=memory,
            lyrics=lyrics,
            webhooks=outside.webhooks,
        )
        yield parts, Jobs(queue, runner, sweeper, settler, measuring, cleaner)


@contextlib.asynccontextmanager
async def faces(parts: Services) -> AsyncIterator[tuple[web.Application, Server]]:
    """REST and sockets over the services, not listening yet."""
    server = create_server(
        cors_origins=parts.settings.cors_origins,
        on_slow_client=lambda namespace, sid: parts.metrics.dropped_events.labels("slow_client").inc(),
        **await _among_others(parts),
    )
    gate.mount(server, parts, on_leave=lambda sid: rooms.disconnected(parts, server, sid))
    routing.mount(server, parts, *tables.ALL)
    relay.mount(parts.bus, parts.feed, server, parts.links)
    rooms.mount(server, parts)
    parts.metrics.count_sockets(server.sockets_by_namespace)
    forwarder = server.eio.forwarder
    parts.metrics.count_cluster(
        listener_age=lambda: parts.bus.listener_age,
        other_replicas=lambda: len(parts.replicas.others),
        visits=lambda: parts.presence.visits,
        dropped=lambda: parts.bus.dropped,
        recovered=lambda: parts.feed.recovered,
        forwarded=lambda: forwarder.forwarded if forwarder else 0,
    )
    app = application.build(parts)
    server.attach(app)
    async with contextlib.AsyncExitStack() as stack:
        if server.eio.forwarder is not None:
            stack.push_async_callback(server.eio.forwarder.close)
        await parts.presence.start(alone=parts.settings.database_url is None)
        stack.push_async_callback(parts.presence.close)
        await parts.feed.start()
        stack.push_async_callback(parts.feed.close)
        await parts.replicas.start()
        stack.push_async_callback(parts.replicas.close)
        stack.push_async_callback(server.close)
        yield app, server


async def _among_others(parts: Services) -> dict[str, Any]:
    """What a socket server needs to be one of several."""
    if not parts.settings.redis_adapter:
        return {}
    key = await server_secrets.get_or_create(parts.database, REPLICA_KEY)
    own = parts.replicas.own
    return {"manager": ClusterManager(parts.bus, own), "forwarder": Forwarder(parts.replicas.address, own, key)}


def start_jobs(settings: Settings, jobs: Jobs, *, alone: bool) -> None:
    """Takes up what a crash left behind, then takes new work. `alone`: nobody else can be at work on the database."""

    def begin() -> None:
        if settings.job_concurrency:
            jobs.queue.start(jobs.runner.run, settings.job_concurrency)

    jobs.sweeper.start(alone=alone, ready=begin)
    jobs.settler.start()
    jobs.measuring.start(alone=alone)
    jobs.cleaner.start()


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
    )
