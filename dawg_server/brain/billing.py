"""What a turn costs: tokens and money are reserved before each request to the model, its usage is booked after."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from dawg_server import errors
from dawg_server.brain.prompt import MAX_TOKENS
from dawg_server.brain.turn_slots import TurnSlot
from dawg_server.claude.client import PROVIDER
from dawg_server.claude.message import StreamedMessage
from dawg_server.costs import Costs, Reservation, Usage, reported

CHARACTERS_PER_TOKEN = 3  # fewer than is usual, as an estimate must not be too low
MIN_TOKENS = 512  # of an answer; with less left of the budget, nothing is asked
MARGIN = Decimal("0.00001")  # USD, for rounding


class TurnBilling:
    """The reservation and the running totals of one turn."""

    def __init__(
        self, costs: Costs, slot: TurnSlot, model: str, project_id: str | None, conversation_id: str | None
    ) -> None:
        self._costs, self._slot, self._model = costs, slot, model
        self._project_id, self._conversation_id = project_id, conversation_id
        self._input = self._output = self._cached = 0
        self._cost = Decimal(0)
        self._reservation: Reservation | None = None
        self._held, self._held_usd = 0, Decimal(0)  # tokens, and the most that they cost
        self._unbooked: list[Usage] = []
        self.max_tokens = MAX_TOKENS  # that the newest reservation pays for
        self.remaining: dict[str, float | None] = {"dailyUsd": None, "monthlyUsd": None}

    async def reserve(self, request: Mapping[str, Any]) -> None:
        """Reserves the most that this request can use: tokens of the user's minute, and their price.

        When the budget does not pay for the longest answer, `max_tokens` is what it pays for.
        Raises `RateLimited` when the minute is full, `BudgetExceeded` when less than `MIN_TOKENS` could be paid for,
        and `DependencyUnavailable` when the ledger cannot be read.
        """
        if self._unbooked:
            await self.book()
        parts = (request["tools"], request["system"], request["messages"])
        read = sum(len(orjson.dumps(part)) for part in parts) // CHARACTERS_PER_TOKEN
        if read + MAX_TOKENS <= self._held:
            return
        await self._slot.hold_tokens(read + MAX_TOKENS)
        try:
            await self._hold(self._price(read, MAX_TOKENS))
            self.max_tokens = MAX_TOKENS
        except errors.BudgetExceeded:
            fewer = await self._affordable(read)
            if fewer < MIN_TOKENS:
                raise
            await self._hold(self._price(read, fewer))
            self.max_tokens = fewer
        self._held = read + MAX_TOKENS

    async def _hold(self, amount: Decimal) -> None:
        if self._reservation is None:
            self._reservation = await self._costs.reserve(self._slot.user_id, PROVIDER, amount)
        else:
            await self._reservation.renew(amount)
        self._held_usd = amount

    async def _affordable(self, read: int) -> int:
        """Tokens of an answer that what is left of the budget pays for, beside the prompt."""
        status = await self._costs.status(self._slot.user_id)
        left = [each.remaining for each in (status.daily, status.monthly) if each.remaining is not None]
        if not left:
            return 0
        usable = Decimal(str(min(left))) + self._held_usd - self._price(read, 0) - MARGIN
        return min(MAX_TOKENS, int(usable / max(self._price(0, 1_000_000), MARGIN) * 1_000_000))

    def _price(self, read: int, written: int) -> Decimal:
        """USD at most: everything that is read is new to the cache."""
        billed = {"cache_write_tokens": read, "output_tokens": written}
        return self._costs.estimate(PROVIDER, self._model, billed)

    async def book(self) -> None:
        """Writes down what was used so far, which frees what was held for it beyond that."""
        booked, self._unbooked = self._unbooked, []
        for usage in booked:
            if self._reservation is not None:
                await self._reservation.book(usage)
        self._held = 0
        await self._slot.release_tokens()
        await self.refresh_remaining()

    def add(self, answer: StreamedMessage) -> dict[str, Any]:
        """Adds the usage of one message of the model; returns it, for its row."""
        billed = reported.anthropic(answer.used())
        # Not every compatible service gives each message an id of its own, and the ledger books an id once.
        usage = Usage(
            PROVIDER,
            answer.model or self._model,
            "chat",
            billed,
            f"{answer.id}:{uuid.uuid4()}",
            project_id=self._project_id,
            conversation_id=self._conversation_id,
            metadata={} if answer.complete else {"estimated": True},
        )
        self._unbooked.append(usage)
        cost = self._costs.price(usage).amount
        read, cached, written = _tokens(billed)
        self._input, self._cached, self._output = self._input + read, self._cached + cached, self._output + written
        self._cost += cost
        return {"inputTokens": read, "outputTokens": written, "cachedTokens": cached, "costUsd": float(cost)}

    async def refresh_remaining(self) -> None:
        """Reads from the ledger what is left; the last figures stand when it cannot be read."""
        try:
            status = await self._costs.status(self._slot.user_id)
        except errors.DependencyUnavailable:
            return
        self.remaining = {"dailyUsd": status.daily.remaining, "monthlyUsd": status.monthly.remaining}

    def totals(self) -> dict[str, Any]:
        """Of the turn so far; `inputTokens` include those that were read from the cache."""
        return {
            "model": self._model,
            "inputTokens": self._input,
            "outputTokens": self._output,
            "cachedTokens": self._cached,
            "costUsd": float(round(self._cost, 6)),
            "remaining": self.remaining,
        }

    async def settle(self, outcome: str) -> None:
        """Books what is not booked yet and gives the rest back. Cannot fail."""
        booked, self._unbooked = self._unbooked, []
        if self._reservation is not None:
            await self._reservation.settle(*booked, outcome=outcome)


def _tokens(billed: reported.Billed) -> tuple[int, int, int]:
    cached = billed.get("cache_read_tokens", 0.0)
    new = sum(billed.get(unit, 0.0) for unit in ("input_tokens", "cache_write_tokens", "cache_write_1h_tokens"))
    return int(new + cached), int(cached), int(billed.get("output_tokens", 0.0))
