"""Finds purchases of jobs that have ended without their cost being booked, and books them.

Most calls are booked by the provider as soon as they end. This is for the rest: jobs that were cancelled, stopped at
their time limit or killed. Booking twice is harmless, so every replica may do it.
"""

from __future__ import annotations

import asyncio

import structlog

from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.database import generations
from dawg_server.database.pool import Database
from dawg_server.generation.job import Job
from dawg_server.generation.providers.base import Transient
from dawg_server.generation.purchases import Purchases

INTERVAL = 15.0  # seconds
SETTLE_AFTER = 5.0  # seconds after the end of a job; until then its worker may be about to do it
KEPT = 2 * 86_400.0  # seconds after which a purchase that cannot be settled is given up
TIMEOUT = 30.0  # seconds for one purchase

log: structlog.stdlib.BoundLogger = logs.get("main")


class Reconciler:
    """Runs on every replica until closed."""

    def __init__(self, database: Database, purchases: Purchases) -> None:
        self._database, self._purchases = database, purchases
        self._loop = SupervisedLoop(
            "purchase-reconciler",
            self.sweep,
            doing="Booking purchases of jobs that have ended",
            interval=INTERVAL,
            expected=(errors.DependencyUnavailable,),
        )

    def start(self) -> None:
        if self._purchases.paid:
            self._loop.start()

    async def close(self) -> None:
        await self._loop.close()

    async def sweep(self, *, ended_for: float = SETTLE_AFTER) -> None:
        for job in await generations.unsettled(
            self._database, list(self._purchases.paid), ended_for=ended_for, kept=KEPT
        ):
            await self.settle(job)

    async def settle(self, job: Job) -> None:
        """Ends what still runs for a job that has ended, and books what it has cost; later, if that is not known."""
        provider = self._purchases.paid.get(job.provider or "")
        if provider is None or job.provider_ref is None:
            return
        try:
            async with asyncio.timeout(TIMEOUT):
                charge = await provider.settle(job.provider_ref)
        except (Transient, TimeoutError, errors.DawgError) as error:
            log.warning(
                "The cost of a job cannot be found out at the moment.",
                action="settle_failed",
                job_id=job.id,
                provider=provider.name,
                ref=job.provider_ref,
                error=str(error),
            )
            return
        if charge is not None:
            await self._purchases.book(job, provider.name, charge)
            log.info(
                "The cost of a job that has ended was booked.",
                action="purchase_settled",
                job_id=job.id,
                provider=provider.name,
                ref=job.provider_ref,
            )
