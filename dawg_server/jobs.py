"""What takes longer than a request: generation, finishing, and the workers that do it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from dawg_server.database import server_secrets
from dawg_server.documents import Documents
from dawg_server.generation.finishing.functions import FinishingFunctions
from dawg_server.generation.finishing.local import LocalProvider
from dawg_server.generation.finishing.material import Material
from dawg_server.generation.finishing.requests import Requests
from dawg_server.generation.outcome import Placement
from dawg_server.generation.prompt_reading import PromptReading
from dawg_server.generation.provider_registry import ProviderRegistry
from dawg_server.generation.providers.embedded import EmbeddedProvider
from dawg_server.generation.purchases import Purchases
from dawg_server.generation.queue import JobQueue
from dawg_server.generation.reaper import Reaper
from dawg_server.generation.reconciler import Reconciler
from dawg_server.generation.requests import Providers
from dawg_server.generation.runner import JobRunner
from dawg_server.generation.service import GenerationService, JobLimits
from dawg_server.generation.songwriter import Songwriter
from dawg_server.generation.webhooks import Webhooks
from dawg_server.platform import Platform

CALLBACK_KEY = "callback_key"


@dataclass(frozen=True, slots=True)
class Jobs:
    """`queue`, `reaper` and `reconciler` work without being asked once they are started: see `dawg_server.app`."""

    generation: GenerationService
    finishing: Requests
    providers: Providers
    songwriter: Songwriter
    webhooks: Webhooks
    queue: JobQueue
    runner: JobRunner
    reaper: Reaper
    reconciler: Reconciler


@contextlib.asynccontextmanager
async def opened(platform: Platform, documents: Documents) -> AsyncIterator[Jobs]:
    settings, database, bus = platform.settings, platform.database, platform.bus
    storage, workers = platform.storage, platform.workers
    async with contextlib.AsyncExitStack() as stack:
        registry = ProviderRegistry(platform, await server_secrets.get_or_create(database, CALLBACK_KEY))
        stack.push_async_callback(registry.close)
        material = Material(database, documents.document, storage)
        songwriter = Songwriter(platform.small_model)
        embedded = EmbeddedProvider(workers, PromptReading(platform.small_model))
        own = (embedded, LocalProvider(workers, material), songwriter)
        providers = Providers(*own, *registry.providers)
        purchases = Purchases(database, platform.costs, *registry.providers)
        reconciler = Reconciler(database, purchases)
        stack.push_async_callback(reconciler.close)

        queue = JobQueue(database)
        stack.push_async_callback(queue.stop)
        placement = Placement(database, documents.document)
        runner = JobRunner(platform, queue, providers, purchases, reconciler, placement)
        stack.callback(runner.close)
        reaper = Reaper(database, queue, lost_after=settings.job_lost_seconds)
        stack.push_async_callback(reaper.close)
        generation = GenerationService(
            database,
            bus,
            platform.limits,
            JobLimits(settings.jobs_per_minute, settings.jobs_running, settings.jobs_waiting),
            purchases,
            platform.work,
            slots=settings.job_concurrency,
        )
        requests = Requests(database, documents.access, documents.document)
        FinishingFunctions(
            requests, generation, providers, workers, material, documents.access, platform.work
        ).register(documents.functions)
        yield Jobs(generation, requests, providers, songwriter, registry.webhooks, queue, runner, reaper, reconciler)
