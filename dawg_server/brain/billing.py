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
FIRST_INPUT = 8000  # tokens that are reserved before the first request is put together
FIRST_CALL = FIRST_INPUT + MAX_TOKENS  # tokens


def estimate(costs: Costs, model: str, input_tokens: int, output_tokens: int) -> Decimal:
    """USD at most: everything is new to the cache."""
    return costs.estimate(PROVIDER, model, {"cache_write_tokens": input_tokens, "output_tokens": output_tokens})


class TurnBilling:
    """The reservation and the running totals of one turn."""

    def __init__(
        self,
        costs: Costs,
        reservation: Reservation,
        slot: TurnSlot,
        model: str,
        project_id: str | None,
        conversation_id: str | None,
    ) -> None:
        self._costs, self._reservation, self._slot, self._model = costs, reservation, slot, model
        self._project_id, self._conversation_id = project_id, conversation_id
        self._input = self._output = self._cached = 0
        self._cost = Decimal(0)
        self._held = FIRST_CALL  # tokens, and their price
        self._unbooked: list[Usage] = []
        self.remaining: dict[str, float | None] = {"dailyUsd": None, "monthlyUsd": None}

    @staticmethod
    async def reserve(costs: Costs, user_id: str, model: str) -> Reservation:
        """Raises `BudgetExceeded`, and `DependencyUnavailable` when the ledger cannot be read."""
        return await costs.reserve(user_id, PROVIDER, estimate(costs, model, FIRST_INPUT, MAX_TOKENS))

    async def hold(self, request: Mapping[str, Any]) -> None:
        """Reserves the most that this request can use: tokens of the user's minute, and their price.

        Raises `RateLimited` when the minute is full, or else as `reserve`.
        """
        if self._unbooked:
            await self.book()
        parts = (request["tools"], request["system"], request["messages"])
        read = sum(len(orjson.dumps(part)) for part in parts) // CHARACTERS_PER_TOKEN
        tokens = read + request["max_tokens"]
        if tokens > self._held:
            await self._slot.hold_tokens(tokens)
            await self._reservation.renew(estimate(self._costs, self._model, read, request["max_tokens"]))
            self._held = tokens

    async def book(self) -> None:
        """Writes down what was used so far, which frees what was held for it beyond that."""
        booked, self._unbooked = self._unbooked, []
        for usage in booked:
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
        await self._reservation.settle(*booked, outcome=outcome)


def _tokens(billed: reported.Billed) -> tuple[int, int, int]:
    cached = billed.get("cache_read_tokens", 0.0)
    new = sum(billed.get(unit, 0.0) for unit in ("input_tokens", "cache_write_tokens", "cache_write_1h_tokens"))
    return int(new + cached), int(cached), int(billed.get("output_tokens", 0.0))
