"""Requests that must not be done twice: the reply to the first one is kept for those that repeat it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from dawg_server import errors
from dawg_server.database import idempotency_keys
from dawg_server.database.idempotency_keys import IdempotencyKey, Replayed
from dawg_server.database.pool import Database

__all__ = ["FirstReplies", "IdempotencyKey", "Replayed"]

T = TypeVar("T")


class FirstReplies:
    """For requests that change something before their reply commits. Those that do not call `idempotency_keys.claim`
    in their own transaction, which raises `Replayed`; so do these with a key that is begun, where their last effect
    commits with the reply.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def once(
        self, key: IdempotencyKey, answer: Callable[[], Awaitable[T]], stored: Callable[[T], tuple[int, Any] | None]
    ) -> T:
        """Runs `answer` for the first request with that key; raises `Replayed` for later ones (24 h).

        `stored`: status and body to be repeated, if the reply can be. Replies from 500 on, 429 and that to a client
        that has gone are not remembered; a reply that `answer` has committed stays.
        """
        row = await self._database.repeat(lambda: idempotency_keys.begin(self._database, key))
        if row is not None:
            raise Replayed(row)
        try:
            reply = await answer()
        except errors.DawgError as error:
            if error.status < 500 and not isinstance(error, errors.RateLimited | errors.HungUp):
                await idempotency_keys.finish(self._database, key, error.status, error.envelope())
            else:
                await idempotency_keys.forget(self._database, key)
            raise
        except BaseException:
            await asyncio.shield(idempotency_keys.forget(self._database, key))
            raise
        if (shown := stored(reply)) is not None:
            await idempotency_keys.finish(self._database, key, *shown)
        return reply
