"""How many turns a user may have: counted per minute, at once, and by the tokens that they use (contract, 1.3)."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import uuid
from dataclasses import dataclass

import structlog

from dawg_server import errors, logs
from dawg_server.costs import periods
from dawg_server.database import brain_turns, conversations, usage_records
from dawg_server.database.pool import Database
from dawg_server.limits import Limits

RENEWAL = 2.0  # seconds between two signs of life of this replica's turns
MINUTE = datetime.timedelta(minutes=1)
BUSY_RETRY_AFTER = 5.0  # seconds

log: structlog.stdlib.BoundLogger = logs.get("ai-brain")


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """Per user."""

    per_minute: int
    at_once: int
    tokens_per_minute: int


class Places:
    """The places are rows of Postgres, so they hold on all replicas together; those of a crash expire by themselves."""

    def __init__(self, database: Database, limits: Limits, allowed: TurnLimits) -> None:
        self._database, self._limits, self._allowed = database, limits, allowed
        self._held: set[str] = set()
        self._keeper: asyncio.Task[None] | None = None

    async def take(
        self, user_id: str, request_id: str, conversation_id: str | None, project_id: str | None, *, stored: bool
    ) -> tuple[str, str]:
        """(the place, the conversation, which is a new one without an id).

        Raises `RateLimited`, `DuplicateRequest` and `TurnInProgress`.
        """
        await self._limits.hit("turns", user_id, self._allowed.per_minute)
        await self._check_tokens(user_id)
        id = str(uuid.uuid4())
        async with self._database.transaction() as connection:
            running = await brain_turns.lock(connection, user_id)
            if any(turn["request_id"] == request_id for turn in running):
                raise errors.DuplicateRequest()
            if conversation_id and any(turn["conversation_id"] == conversation_id for turn in running):
                raise errors.TurnInProgress(retry_after=BUSY_RETRY_AFTER)
            if len(running) >= self._allowed.at_once:
                raise errors.RateLimited(
                    f"You have {len(running)} questions running already. Wait until one is answered.",
                    details={"limit": self._allowed.at_once, "unit": "turns at once"}, retry_after=BUSY_RETRY_AFTER,
                )  # fmt: skip
            if conversation_id is None:
                conversation_id = str(uuid.uuid4())
                if stored:
                    made = await conversations.insert(connection, user_id, project_id=project_id)
                    conversation_id = str(made["id"])
            await brain_turns.insert(connection, id, user_id, conversation_id, request_id)
        self._held.add(id)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="brain places")
        return id, conversation_id

    async def leave(self, id: str) -> None:
        """Never fails: what cannot be deleted now expires."""
        self._held.discard(id)
        with contextlib.suppress(errors.DependencyUnavailable):
            await brain_turns.delete(self._database, id)

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _check_tokens(self, user_id: str) -> None:
        now = periods.now()
        used, oldest = await usage_records.recent_tokens(self._database, user_id, "anthropic", now - MINUTE)
        if used < self._allowed.tokens_per_minute or oldest is None:
            return
        resets_at = oldest + MINUTE
        raise errors.RateLimited(
            f"The model has read and written {used} tokens for you within a minute. Wait a moment.",
            details={
                "limit": self._allowed.tokens_per_minute, "unit": "tokens per minute",
                "resetsAt": resets_at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
            },
            retry_after=max(1.0, (resets_at - now).total_seconds()),
        )  # fmt: skip

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL)
            if self._held:
                try:
                    await brain_turns.renew(self._database, tuple(self._held))
                except errors.DependencyUnavailable:
                    log.warning("Running turns could not be renewed.", action="brain_renewal_failed")
