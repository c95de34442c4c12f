"""Rows of `idempotency_keys`: requests that must not be done twice, and what the first one was answered."""

from __future__ import annotations

from typing import Any

from dawg_server.database.pool import Database, Json

KEPT_HOURS = 24
ABANDONED_MINUTES = 2  # a request still marked as running after that died with its server


async def begin(database: Database, user_id: str, key: str, route: str, request_hash: bytes) -> dict[str, Any] | None:
    """None when this is the first request with that key, else the row of the first one."""
    async with database.transaction() as connection:
        await connection.execute(
            """DELETE FROM idempotency_keys WHERE user_id = %s AND key = %s AND (expires_at <= now()
                   OR (state = 'running' AND created_at < now() - %s * interval '1 minute'))""",
            (user_id, key, ABANDONED_MINUTES),
        )
        inserted = await connection.execute(
            """INSERT INTO idempotency_keys (user_id, key, route, request_hash, state, expires_at)
               VALUES (%s, %s, %s, %s, 'running', now() + %s * interval '1 hour') ON CONFLICT DO NOTHING""",
            (user_id, key, route, request_hash, KEPT_HOURS),
        )
        if inserted:
            return None
        return await connection.fetch_one(
            "SELECT request_hash, state, status, body FROM idempotency_keys WHERE user_id = %s AND key = %s",
            (user_id, key),
        )


async def finish(database: Database, user_id: str, key: str, status: int, body: Any) -> None:
    await database.execute(
        "UPDATE idempotency_keys SET state = 'done', status = %s, body = %s WHERE user_id = %s AND key = %s",
        (status, Json(body), user_id, key),
    )


async def forget(database: Database, user_id: str, key: str) -> None:
    """The request may be tried again with the same key."""
    await database.execute("DELETE FROM idempotency_keys WHERE user_id = %s AND key = %s", (user_id, key))


async def prune(database: Database) -> None:
    await database.execute("DELETE FROM idempotency_keys WHERE expires_at <= now()")
