"""Rows of `idempotency_keys`: requests that must not be done twice, and what the first one was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dawg_server.database.pool import Connection, Database, Json

KEPT_HOURS = 24
ABANDONED_MINUTES = 2  # a request still marked as running after that died with its server


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A request counts as the same when `digest` is. `begun`: it has taken its key by `begin` already."""

    user_id: str
    key: str
    route: str
    digest: bytes
    begun: bool = False


class Replayed(Exception):
    """The request was done before; `row` tells what it was answered."""

    def __init__(self, row: dict[str, Any]) -> None:
        super().__init__("done before")
        self.row = row


async def require_new(database: Database, key: IdempotencyKey) -> None:
    """Raises `Replayed` when the reply is known already. It takes nothing: of requests at once, `claim` decides."""
    row = await database.fetch_one(
        """SELECT request_hash, state, status, body FROM idempotency_keys
           WHERE user_id = %s AND key = %s AND state = 'done' AND expires_at > now()""",
        (key.user_id, key.key),
    )
    if row is not None:
        raise Replayed(row)


async def claim(connection: Connection, key: IdempotencyKey) -> None:
    """Locks the user and takes the key, both until the transaction ends. Raises `Replayed` when it is taken.

    Whoever comes second waits for the first to commit, and then finds its reply. A key that is begun counts as taken
    only when there is a reply: somebody else may have taken it from a request that ran too long, and was first.
    """
    values = {"user": key.user_id, "key": key.key, "route": key.route, "digest": key.digest, "begun": key.begun}
    taken = await connection.execute(
        """WITH owner AS (SELECT id FROM users WHERE id = %(user)s FOR UPDATE)
           INSERT INTO idempotency_keys AS k (user_id, key, route, request_hash, state, expires_at)
           SELECT id, %(key)s, %(route)s, %(digest)s, 'running', now() + %(kept)s * interval '1 hour' FROM owner
           ON CONFLICT (user_id, key) DO UPDATE SET route = excluded.route, request_hash = excluded.request_hash,
               state = 'running', status = NULL, body = NULL, created_at = now(), expires_at = excluded.expires_at
           WHERE k.expires_at <= now()
               OR (k.state = 'running'
                   AND (%(begun)s OR k.created_at < now() - %(abandoned)s * interval '1 minute'))""",
        {**values, "kept": KEPT_HOURS, "abandoned": ABANDONED_MINUTES},
    )
    if taken:
        return
    row = await connection.fetch_one(
        "SELECT request_hash, state, status, body FROM idempotency_keys WHERE user_id = %(user)s AND key = %(key)s",
        values,
    )
    if row is not None:
        raise Replayed(row)


async def begin(database: Database, key: IdempotencyKey) -> dict[str, Any] | None:
    """None when this is the first request with that key, else the row of the first one."""
    async with database.transaction() as connection:
        await connection.execute(
            """DELETE FROM idempotency_keys WHERE user_id = %s AND key = %s AND (expires_at <= now()
                   OR (state = 'running' AND created_at < now() - %s * interval '1 minute'))""",
            (key.user_id, key.key, ABANDONED_MINUTES),
        )
        inserted = await connection.execute(
            """INSERT INTO idempotency_keys (user_id, key, route, request_hash, state, expires_at)
               VALUES (%s, %s, %s, %s, 'running', now() + %s * interval '1 hour') ON CONFLICT DO NOTHING""",
            (key.user_id, key.key, key.route, key.digest, KEPT_HOURS),
        )
        if inserted:
            return None
        return await connection.fetch_one(
            "SELECT request_hash, state, status, body FROM idempotency_keys WHERE user_id = %s AND key = %s",
            (key.user_id, key.key),
        )


async def finish(database: Database | Connection, key: IdempotencyKey, status: int, body: Any) -> None:
    """A refusal never takes the place of a reply that has committed with what was done."""
    await database.execute(
        """UPDATE idempotency_keys SET state = 'done', status = %(status)s, body = %(body)s
           WHERE user_id = %(user)s AND key = %(key)s AND (state = 'running' OR %(status)s < 400)""",
        {"status": status, "body": Json(body), "user": key.user_id, "key": key.key},
    )


async def forget(database: Database, key: IdempotencyKey) -> None:
    """The request may be tried again with the same key, unless a reply has committed with what was done."""
    await database.execute(
        "DELETE FROM idempotency_keys WHERE user_id = %s AND key = %s AND state = 'running'", (key.user_id, key.key)
    )
