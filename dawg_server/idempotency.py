"""Requests that must not be done twice: the reply to the first one is kept for those that repeat it."""

from __future__ import annotations

from typing import Any

from dawg_server.database import idempotency_keys
from dawg_server.database.idempotency_keys import IdempotencyKey, Replayed
from dawg_server.database.pool import Database

__all__ = ["FirstReplies", "IdempotencyKey", "Replayed"]


class FirstReplies:
    """For requests whose effect does not commit with their reply. Those whose effect does call
    `idempotency_keys.claim` in their own transaction, which raises `Replayed`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, key: IdempotencyKey) -> dict[str, Any] | None:
        """None for the first request with that key, else the row of the first one."""
        return await idempotency_keys.begin(self._database, key.user_id, key.key, key.route, key.digest)

    async def finish(self, key: IdempotencyKey, status: int, body: Any) -> None:
        await idempotency_keys.finish(self._database, key.user_id, key.key, status, body)

    async def forget(self, key: IdempotencyKey) -> None:
        """The request may be tried again with the same key."""
        await idempotency_keys.forget(self._database, key.user_id, key.key)
