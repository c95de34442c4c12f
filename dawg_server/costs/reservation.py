"""Money held back for one call, as its caller sees it."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from dawg_server.costs.usage import Usage


class _Holder(Protocol):
    async def renew(self, reservation: Reservation, estimate: Decimal | float) -> None: ...
    async def settle(self, user_id: str, reservation_id: str | None, *usages: Usage) -> Decimal: ...
    def count_call(self, service: str, outcome: str) -> None: ...


class Reservation:
    """Made by `Costs.reserve` and `Costs.reserved`. Has to be settled once, also after an error."""

    def __init__(self, holder: _Holder, id: str, user_id: str, service: str) -> None:
        self.id, self.user_id, self.service = id, user_id, service
        self._holder = holder
        self._usages: list[Usage] = []

    def add(self, usage: Usage) -> None:
        """Notes what was used, to be written when the reservation is settled. Cannot fail and does not wait."""
        self._usages.append(usage)

    async def book(self, usage: Usage) -> Decimal:
        """Writes what was used at once and keeps the reservation open; returns the cost in USD."""
        return await self._holder.settle(self.user_id, None, usage)

    async def renew(self, estimate: Decimal | float) -> None:
        """Holds `estimate` USD instead, for 15 minutes from now; raises `errors.BudgetExceeded`, and then holds what
        it held."""
        await self._holder.renew(self, estimate)

    async def settle(self, *usages: Usage, outcome: str = "ok") -> Decimal:
        """Writes everything that was noted, and these; gives the rest back. Returns the cost in USD.

        `outcome` of the call, for the metrics: ok, failed or cancelled.
        """
        noted, self._usages = [*self._usages, *usages], []
        self._holder.count_call(self.service, outcome)
        return await self._holder.settle(self.user_id, self.id, *noted)
