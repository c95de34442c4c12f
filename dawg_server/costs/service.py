"""Reserve before a paid call, settle after it: the one way to spend a user's money."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import math
import uuid
from collections.abc import AsyncIterator, Mapping
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import structlog

from bus.local import LocalBus
from bus.supervision import SupervisedLoop
from dawg_server import errors, logs
from dawg_server.costs import alerts, periods
from dawg_server.costs.alerts import CostAlerts
from dawg_server.costs.ledger import Ledger, LedgerEntry
from dawg_server.costs.prices import MICRODOLLAR, Cost, Prices
from dawg_server.costs.reports import CostReports
from dawg_server.costs.reservation import Reservation
from dawg_server.costs.status import BudgetStatus, budget_status
from dawg_server.costs.usage import Usage
from dawg_server.database import budgets
from dawg_server.database.budgets import NO_CEILINGS, Ceilings
from dawg_server.database.pool import Connection, Database
from dawg_server.metrics import Metrics
from dawg_server.wire import timestamp

LIFETIME = datetime.timedelta(minutes=15)  # of a reservation that nobody renews
ALERT_PATIENCE = 2.0  # seconds

log: structlog.stdlib.BoundLogger = logs.get("main")


class Costs:
    """Prices, budgets and the ledger. `folder`: for entries that Postgres could not take, kept between starts."""

    def __init__(
        self,
        database: Database,
        bus: LocalBus,
        metrics: Metrics,
        folder: Path,
        *,
        clock: periods.Clock = periods.now,
        lifetime: datetime.timedelta = LIFETIME,
        ceilings: Ceilings = NO_CEILINGS,
    ) -> None:
        self.prices = Prices.load()
        self.clock = clock
        self._database, self._bus, self._metrics, self._lifetime = database, bus, metrics, lifetime
        self._ceilings = ceilings
        self._ledger = Ledger(database, folder, self._booked)
        self.reports = CostReports(database, lambda: self.clock())
        self.alerts = CostAlerts(database, lambda: self.clock())

    async def start(self) -> None:
        self._ledger.start()

    async def close(self) -> None:
        await self._ledger.close()

    def estimate(self, service: str, model: str | None, billed: Mapping[str, float]) -> Decimal:
        """USD for so many units at today's prices: what to reserve, given the most that the call can use."""
        return self.prices.cost(service, model, billed, self.clock()).amount

    def price(self, usage: Usage) -> Cost:
        """What a row will say; raises no alert."""
        return self.prices.cost(usage.service, usage.model, usage.billed, self.clock())

    @contextlib.asynccontextmanager
    async def reserved(
        self, user_id: str, service: str, estimate: Decimal | float, *, id: str | None = None
    ) -> AsyncIterator[Reservation]:
        """Holds `estimate` USD back while the block runs, however long; settles in the end, whatever the end is."""
        reservation = await self.reserve(user_id, service, estimate, id=id)
        keeper = self._keeper(reservation.id)
        outcome = "failed"
        try:
            yield reservation
            outcome = "ok"
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            try:
                await keeper.close()
            finally:
                await reservation.settle(outcome=outcome)

    async def reserve(
        self,
        user_id: str,
        service: str,
        estimate: Decimal | float,
        *,
        id: str | None = None,
        connection: Connection | None = None,
    ) -> Reservation:
        """Holds `estimate` USD back for 15 minutes; `id` (a UUID) is for who wants to find the reservation again.
        With a `connection` it is part of that transaction.

        Raises `errors.BudgetExceeded`, or `errors.DependencyUnavailable` when the ledger cannot be read.
        """
        reservation = Reservation(self, id or str(uuid.uuid4()), user_id, service)
        await self.renew(reservation, estimate, connection)
        return reservation

    async def renew(
        self, reservation: Reservation, estimate: Decimal | float, connection: Connection | None = None
    ) -> None:
        """Replaces what the reservation holds by `estimate` USD, for 15 minutes more. Raises as `reserve`."""
        at = self.clock()
        amount = _upper(estimate)
        refusal = await budgets.reserve(
            connection or self._database,
            reservation_id=reservation.id,
            user_id=reservation.user_id,
            service=reservation.service,
            amount=amount,
            at=at,
            until=at + self._lifetime,
            ceilings=self._ceilings,
        )
        if refusal is not None:
            self._metrics.provider_calls.labels(reservation.service, "over_budget").inc()
            raise _exceeded(refusal, at)

    async def settle(self, user_id: str, reservation_id: str | None, *usages: Usage) -> Decimal:
        """Books what was used, in full, and closes the reservation; returns the cost in USD.

        Never raises because of the database: what cannot be written now is written later.
        """
        costs = [self._priced(usage) for usage in usages]
        rows = [usage.row(cost) for usage, cost in zip(usages, costs, strict=True)]
        await self._ledger.book(LedgerEntry(user_id, reservation_id, self.clock().isoformat(), rows))
        return sum((cost.amount for cost in costs), Decimal(0))

    async def release(self, reservation_id: str) -> None:
        """Closes a reservation of a call that was never made."""
        await budgets.release(self._database, reservation_id, self.clock())

    async def status(self, user_id: str) -> BudgetStatus:
        at = self.clock()
        return budget_status(await budgets.sums(self._database, user_id, at), at)

    async def budget(self, user_id: str) -> Mapping[str, Any]:
        """The user's row of `budgets`; the defaults for whoever has set nothing."""
        return await budgets.get_or_create(self._database, user_id)

    async def change_budget(self, user_id: str, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """`changes` are columns of `budgets`. Tells what is over the new limits already."""
        row = await budgets.update(self._database, user_id, changes)
        await self.raise_due_alerts(user_id)
        return row

    async def raise_due_alerts(self, user_id: str) -> None:
        """After something was spent, or the budget was changed."""
        await alerts.raise_due(self._database, self._bus, user_id, self.clock())

    def count_call(self, service: str, outcome: str) -> None:
        self._metrics.provider_calls.labels(service, outcome).inc()

    def _priced(self, usage: Usage) -> Cost:
        cost = self.price(usage)
        if not cost.priced:
            log.error(
                "There is no price for what was used; a guess was booked. Complete prices.json.",
                action="price_missing",
                provider=usage.service,
                model=usage.model,
                units=sorted(usage.billed),
            )
        return cost

    async def _booked(self, user_id: str, by_service: dict[str, float]) -> None:
        for service, cost in by_service.items():
            self._metrics.provider_cost.labels(service).inc(cost)
        try:
            async with asyncio.timeout(ALERT_PATIENCE):
                await self.raise_due_alerts(user_id)
        except (errors.DependencyUnavailable, TimeoutError):
            log.warning("Alerts are looked at again with the next cost.", action="alerts_delayed", user_id=user_id)

    def _keeper(self, reservation_id: str) -> SupervisedLoop:
        """Keeps the reservation from expiring until it is closed."""
        interval = self._lifetime.total_seconds() / 3

        async def extend() -> None:
            await budgets.extend(self._database, reservation_id, self.clock() + self._lifetime)

        keeper = SupervisedLoop(
            f"reservation-{reservation_id}",
            extend,
            doing="Keeping money reserved",
            interval=interval,
            expected=(errors.DependencyUnavailable,),
        )
        keeper.start(after=interval)
        return keeper


def _upper(estimate: Decimal | float) -> Decimal:
    amount = Decimal(str(estimate))
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"An estimate is finite and not negative, not {estimate}.")
    return amount.quantize(MICRODOLLAR, ROUND_CEILING)


def _exceeded(refusal: budgets.Refusal, at: datetime.datetime) -> errors.BudgetExceeded:
    monthly = refusal.by == "month"
    resets_at = periods.next_month(at) if monthly else periods.next_day(at)
    limit, spent = alerts.dollars(refusal.limit), alerts.dollars(refusal.spent)
    held = f" and {alerts.dollars(refusal.reserved)} reserved" if refusal.reserved else ""
    remaining = max(0.0, round(refusal.limit - refusal.spent - refusal.reserved, 6))
    details = {"period": "month" if monthly else "day", "limit": refusal.limit, "resetsAt": timestamp(resets_at)}
    if refusal.by == "server":  # what others have spent concerns nobody
        message = f"This server may spend {limit} a day (SERVER_DAILY_LIMIT_USD), and that is nearly or all used up."
    else:
        whose = f"your {'monthly' if monthly else 'daily'} budget of {limit}"
        if refusal.by == "user":
            whose = f"the {limit} a day that this server grants each user (USER_DAILY_LIMIT_USD)"
        message = f"This would go over {whose}: {spent} are spent{held}."
        details |= {"spent": refusal.spent, "reserved": refusal.reserved, "remaining": remaining}
    retry_after = math.ceil((resets_at - at).total_seconds())
    return errors.BudgetExceeded(message, details=details, retry_after=retry_after, remaining=remaining)
