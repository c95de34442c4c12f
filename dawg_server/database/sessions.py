"""Rows of `sessions`: one per refresh token. A login is a family of them; at most one of a family is unspent.

Whoever changes rows locks their user first (`lock_user_of`), so that a login cannot be renewed and ended at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from dawg_server.database.pool import Connection, Database

_UNSPENT = "revoked_at IS NULL AND replaced_by IS NULL AND expires_at > now()"


async def lock_user_of(connection: Connection, refresh_hash: bytes) -> dict[str, Any] | None:
    """The user whose token has that hash, locked until the transaction ends; None for an unknown token."""
    return await connection.fetch_one(
        """SELECT * FROM users WHERE id = (SELECT user_id FROM sessions WHERE refresh_hash = %s)
           FOR NO KEY UPDATE""",
        (refresh_hash,),
    )


async def lock_user(connection: Connection, user_id: str) -> None:
    await connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,))


async def by_hash(connection: Connection, refresh_hash: bytes) -> dict[str, Any] | None:
    """`expired` says whether the token's time is over; `spent_for` is how many seconds ago it was replaced."""
    return await connection.fetch_one(
        """SELECT spent.id, spent.user_id, spent.family, spent.revoked_at, spent.replaced_by,
                  spent.expires_at <= now() AS expired,
                  extract(epoch FROM now() - successor.created_at)::float AS spent_for
           FROM sessions spent LEFT JOIN sessions successor ON successor.id = spent.replaced_by
           WHERE spent.refresh_hash = %s""",
        (refresh_hash,),
    )


async def insert(
    connection: Connection,
    user_id: str,
    family: str,
    refresh_hash: bytes,
    *,
    days: int,
    user_agent: str | None,
    replaces: str | None = None,
) -> None:
    """A token that is good for `days`; `replaces` is the row that it takes over from, which is spent by that."""
    id = str(uuid.uuid4())
    if replaces is not None:
        await connection.execute("UPDATE sessions SET replaced_by = %s WHERE id = %s", (id, replaces))
    await connection.execute(
        """INSERT INTO sessions (id, user_id, family, refresh_hash, user_agent, expires_at)
           VALUES (%s, %s, %s, %s, %s, now() + %s * interval '1 day')""",
        (id, user_id, family, refresh_hash, user_agent, days),
    )


async def end(connection: Connection, family: str) -> None:
    await connection.execute(
        "UPDATE sessions SET revoked_at = now() WHERE family = %s AND revoked_at IS NULL", (family,)
    )


async def end_all(connection: Connection, user_id: str, *, keep: str | None = None) -> set[str]:
    """The families that end by this: all of the user's but `keep`."""
    rows = await connection.fetch_all(
        """UPDATE sessions SET revoked_at = now()
           WHERE user_id = %s AND revoked_at IS NULL AND family IS DISTINCT FROM %s::uuid RETURNING family""",
        (user_id, keep),
    )
    return {row["family"] for row in rows}


async def is_open(database: Database, family: str) -> bool:
    return bool(
        await database.fetch_value(f"SELECT EXISTS (SELECT FROM sessions WHERE family = %s AND {_UNSPENT})", (family,))
    )


async def open_among(database: Database, families: Iterable[str]) -> set[str]:
    rows = await database.fetch_all(
        f"SELECT DISTINCT family FROM sessions WHERE family = ANY(%s::uuid[]) AND {_UNSPENT}", (list(families),)
    )
    return {row["family"] for row in rows}


async def prune(connection: Connection, user_id: str) -> None:
    """Tokens whose time is over prove nothing any more."""
    await connection.execute("DELETE FROM sessions WHERE user_id = %s AND expires_at <= now()", (user_id,))
