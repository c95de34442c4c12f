"""What jobs cost: reserved when they are asked for and while they run, booked once for every call of a provider."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

from dawg_server import errors
from dawg_server.costs import Costs, Usage
from dawg_server.database import generations
from dawg_server.database.pool import Connection, Database
from dawg_server.generation.job import Job
from dawg_server.generation.providers.base import Charge, PaidProvider


class Purchases:
    """`paid`: the providers that cost money; everything else is free and leaves no trace in the ledger."""

    def __init__(self, database: Database, costs: Costs, *paid: PaidProvider) -> None:
        self.paid: Mapping[str, PaidProvider] = {provider.name: provider for provider in paid}
        self._database, self._costs = database, costs

    async def reserve(
        self,
        connection: Connection,
        job_id: str,
        owner_id: str,
        type: str,
        provider: str,
        input: Mapping[str, Any],
    ) -> None:
        """In the transaction that accepts the job.

        Raises `BudgetExceeded`, and `DependencyUnavailable` when the ledger cannot be read.
        """
        estimate = self._estimate(type, provider, input)
        if estimate is not None:
            await self._costs.reserve(owner_id, provider, estimate, id=job_id, connection=connection)

    async def release(self, job_id: str) -> None:
        """For a job that will not run."""
        await self._costs.release(job_id)

    @contextlib.asynccontextmanager
    async def held(self, job: Job) -> AsyncIterator[None]:
        """Around one attempt. A job that has bought already is never refused: what remains to be done is free."""
        estimate = self._estimate(job.type, job.provider or "", job.input)
        if estimate is None or job.provider_ref is not None:
            yield
            return
        async with self._costs.reserved(job.owner_id, job.provider or "", estimate, id=job.id):
            yield

    async def book(self, job: Job, provider: str, charge: Charge) -> None:
        """Writes a call down, once however often it is told. Never fails because of the database.

        What the job has held back for it is given back in the same step: money that is spent must not count as reserved
        too, or other jobs of the same user would find no room for what was reserved for them.
        """
        usage = Usage(
            service=provider,
            model=charge.model,
            operation=job.type,
            billed=charge.billed,
            request_id=f"{provider}:{charge.ref}",
            project_id=job.project_id,
            generation_id=job.id,
            metadata=charge.metadata,
        )
        await self._costs.settle(job.owner_id, job.id if charge.billed else None, usage)
        with contextlib.suppress(errors.DependencyUnavailable):  # the ledger, which is the truth, waits in a file then
            await generations.sum_cost(self._database, job.id)

    def _estimate(self, type: str, provider: str, input: Mapping[str, Any]) -> Decimal | None:
        if provider not in self.paid:
            return None
        charge = self.paid[provider].estimate(type, dict(input))
        return self._costs.estimate(provider, charge.model, charge.billed)
