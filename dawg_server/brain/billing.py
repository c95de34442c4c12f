"""How many turns a user may have, and what one costs.

Turns count per minute, at once, and by their tokens. Tokens and money are reserved before each request to the
model, and its usage is booked after.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from bus.supervision import SupervisedLoop
from dawg_server import errors
from dawg_server.brain.prompt import MAX_TOKENS
from dawg_server.claude.client import PROVIDER
from dawg_server.claude.message import StreamedMessage
from dawg_server.costs import Costs, Reservation, Usage, periods, reported
from dawg_server.database import brain_turns
from dawg_server.database.pool import Database
from dawg_server.limits import Limits
from dawg_server.wire import timestamp

RENEWAL = 2.0  # seconds between two renewals of the leases of this replica's turns
BUSY_RETRY_AFTER = 5.0  # seconds
CHARACTERS_PER_TOKEN = 3  # fewer than is usual, as an estimate must not be too low
MIN_TOKENS = 512  # of an answer; with less left of the budget, nothing is asked
MARGIN = Decimal("0.00001")  # USD, for rounding


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Per user, and for one turn."""

    per_minute: int
    at_once: int
    tokens_per_minute: int
    seconds: float = 120.0  # of a whole turn
    browser_seconds: float = 30.0  # for a function that the browser runs


@dataclass(frozen=True, slots=True)
class TurnSlot:
    """Held by one running turn."""

    id: str
    user_id: str
    conversation_id: str
    database: Database
    tokens_per_minute: int

    async def hold_tokens(self, tokens: int) -> None:
        """Counts so many tokens as used, instead of those held before, until `release`.

        Raises `RateLimited` when nothing is left of the user's minute, on all replicas together.
        """
        full = await brain_turns.hold_tokens(self.database, self.id, self.user_id, tokens, self.tokens_per_minute)
        if full is None:
            return
        details: dict[str, Any] = {"limit": self.tokens_per_minute, "unit": "tokens per minute"}
        if full.until is None:
            raise errors.RateLimited(
                "Your other question may use all the tokens that you have for this minute. Wait until it is answered.",
                details=details,
                retry_after=BUSY_RETRY_AFTER,
            )
        raise errors.RateLimited(
            f"The model has read and written {full.used} tokens for you within a minute. Wait a moment.",
            details=details | {"resetsAt": timestamp(full.until)},
            retry_after=max(1.0, (full.until - periods.now()).total_seconds()),
        )

    async def release_tokens(self) -> None:
        """What was used is in the ledger, and counts there. Never fails: a hold that stays is replaced or expires."""
        with contextlib.suppress(errors.DependencyUnavailable):
            await brain_turns.release_tokens(self.database, self.id)


class TurnSlots:
    """The slots are leased rows of Postgres: they count on all replicas together, and those of a crash expire."""

    def __init__(self, database: Database, rates: Limits, limits: TurnLimits) -> None:
        self.limits = limits
        self._database, self._rates = database, rates
        self._held: set[str] = set()
        self._loop = SupervisedLoop(
            "turn-slots",
            self._renew,
            doing="Renewing the leases of running turns",
            interval=RENEWAL,
            expected=(errors.DependencyUnavailable,),
        )

    async def take(self, user_id: str, request_id: str, conversation_id: str | None) -> TurnSlot:
        """A slot for a turn in that conversation, or in one to be.

        Raises `RateLimited`, `DuplicateRequest` and `TurnInProgress`.
        """
        await self._rates.hit("turns", user_id, self.limits.per_minute)
        id = str(uuid.uuid4())
        async with self._database.transaction() as connection:
            running = await brain_turns.lock(connection, user_id)
            self._check(running, request_id, conversation_id)
            conversation_id = conversation_id or str(uuid.uuid4())
            await brain_turns.insert(connection, id, user_id, conversation_id, request_id)
        self._held.add(id)
        if not self._loop.running:
            self._loop.start()
        return TurnSlot(id, user_id, conversation_id, self._database, self.limits.tokens_per_minute)

    async def release(self, slot: TurnSlot) -> None:
        """Never fails: what cannot be deleted now expires."""
        self._held.discard(slot.id)
        with contextlib.suppress(errors.DependencyUnavailable):
            await brain_turns.delete(self._database, slot.id)

    async def close(self) -> None:
        await self._loop.close()

    def _check(self, running: list[dict[str, Any]], request_id: str, conversation_id: str | None) -> None:
        if any(turn["request_id"] == request_id for turn in running):
            raise errors.DuplicateRequest()
        if conversation_id and any(turn["conversation_id"] == conversation_id for turn in running):
            raise errors.TurnInProgress(retry_after=BUSY_RETRY_AFTER)
        if len(running) >= self.limits.at_once:
            raise errors.RateLimited(
                f"You have {len(running)} questions running already. Wait until one is answered.",
                details={"limit": self.limits.at_once, "unit": "turns at once"},
                retry_after=BUSY_RETRY_AFTER,
            )

    async def _renew(self) -> None:
        if self._held:
            await brain_turns.renew(self._database, tuple(self._held))


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
        self._held = 0  # tokens
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
        self.max_tokens = MAX_TOKENS
        while True:  # at most once for each limit that is lower than the one before
            try:
                await self._hold(self._price(read, self.max_tokens))
                break
            except errors.BudgetExceeded as error:
                affordable = self._affordable(read, error.remaining)
                if not MIN_TOKENS <= affordable < self.max_tokens:
                    raise
                self.max_tokens = affordable
        self._held = read + MAX_TOKENS

    async def _hold(self, amount: Decimal) -> None:
        if self._reservation is None:
            self._reservation = await self._costs.reserve(self._slot.user_id, PROVIDER, amount)
        else:
            await self._reservation.renew(amount)

    def _affordable(self, read: int, remaining: float) -> int:
        """Tokens of an answer that so many USD pay for, beside the prompt."""
        usable = Decimal(str(remaining)) - self._price(read, 0) - MARGIN
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
