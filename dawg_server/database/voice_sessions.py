"""Rows of `voice_sessions`: how many sessions a user has open and how long they talked today, on all replicas."""

from __future__ import annotations

from typing import NamedTuple

from dawg_server.database.pool import Connection, Database

LOST_AFTER = 90  # seconds; a session that was not seen for so long has died with its server

_LIVE = f"ended_at IS NULL AND seen_at > now() - interval '{LOST_AFTER} seconds'"
_TALK = f"""
    SELECT count(*) FILTER (WHERE {_LIVE}) AS open,
        coalesce(sum(greatest(0, extract(epoch FROM
            coalesce(ended_at, CASE WHEN {_LIVE} THEN now() ELSE seen_at END)
            - greatest(started_at, date_trunc('day', now(), 'UTC'))))), 0)::float8 AS seconds
    FROM voice_sessions
    WHERE user_id = %(user)s AND started_at > date_trunc('day', now(), 'UTC') - interval '1 day'"""


class Talk(NamedTuple):
    """`open` sessions, and `seconds` of all sessions since midnight UTC."""

    open: int
    seconds: float


async def lock(connection: Connection, user_id: str) -> Talk:
    """Makes counting and `insert` one step."""
    await connection.execute("SELECT 1 FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,))
    return await talk(connection, user_id)


async def talk(database: Database | Connection, user_id: str) -> Talk:
    row = await database.fetch_one(_TALK, {"user": user_id})
    assert row is not None
    return Talk(row["open"], row["seconds"])


async def insert(connection: Connection, session_id: str, user_id: str) -> None:
    await connection.execute("INSERT INTO voice_sessions (id, user_id) VALUES (%s, %s)", (session_id, user_id))


async def seen(database: Database, session_id: str) -> None:
    await database.execute("UPDATE voice_sessions SET seen_at = now() WHERE id = %s", (session_id,))


async def end(database: Database, session_id: str) -> None:
    await database.execute(
        "UPDATE voice_sessions SET seen_at = now(), ended_at = now() WHERE id = %s AND ended_at IS NULL", (session_id,)
    )
