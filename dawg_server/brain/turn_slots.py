"""How many turns a user may have: per minute, at once, and by the tokens that they use."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from typing import Any

from bus.supervision import SupervisedLoop
from dawg_server import errors
from dawg_server.costs import periods
from dawg_server.database import brain_turns
from dawg_server.database.pool import Database
from dawg_server.limits import Limits
from dawg_server.wire import timestamp

RENEWAL = 2.0  # seconds between two renewals of the leases of this replica's turns
BUSY_RETRY_AFTER = 5.0  # seconds


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
