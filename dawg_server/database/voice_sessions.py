"""Rows of `voice_sessions`: how many sessions a user has open and how long they talked today, on all replicas.

A session is relayed by a server, which marks it as seen while it lives, or it is reserved: a call of the browser's own,
which nobody here can see. A reserved one counts with its full length, today and, where it reaches so far, tomorrow.
"""

from __future__ import annotations

from typing import NamedTuple

from dawg_server.database.pool import Connection, Database

LOST_AFTER = 90  # seconds; a session that was not seen for so long has died with its server

# A reservation that was never confirmed belongs to a request under way, or to one whose server died.
_LIVE = f"ended_at IS NULL AND coalesce(reserved_until > now(), seen_at > now() - interval '{LOST_AFTER} seconds')"
_SINCE = "greatest(started_at, date_trunc('day', now(), 'UTC'))"
_TALK = f"""
    SELECT count(*) FILTER (WHERE {_LIVE}) AS open,
        count(*) FILTER (WHERE {_LIVE} AND reserved_until IS NOT NULL) AS reserved,
        coalesce(min(extract(epoch FROM reserved_until - now())) FILTER (WHERE {_LIVE}), 0)::float8 AS reserved_seconds,
        coalesce(sum(CASE
            WHEN reserved_seconds IS NULL THEN greatest(0, extract(epoch FROM
                coalesce(ended_at, CASE WHEN {_LIVE} THEN now() ELSE seen_at END) - {_SINCE}))
            WHEN reserved_until IS NOT NULL THEN
                greatest(0, least(reserved_seconds, extract(epoch FROM reserved_until - {_SINCE})))
            WHEN {_LIVE} THEN reserved_seconds
            ELSE 0
        END), 0)::float8 AS seconds
    FROM voice_sessions
    WHERE user_id = %(user)s AND started_at > date_trunc('day', now(), 'UTC') - interval '1 day'"""


class TalkTime(NamedTuple):
    """`open` sessions, and `seconds` of all sessions since midnight UTC.

    `reserved` are those that nobody can end, the first of them in `reserved_seconds`.
    """

    open: int
    seconds: float
    reserved: int
    reserved_seconds: float


async def lock(connection: Connection, user_id: str) -> TalkTime:
    """Makes counting and `insert` one step."""
    await connection.execute("SELECT 1 FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,))
    return await talk(connection, user_id)


async def talk(database: Database | Connection, user_id: str) -> TalkTime:
    row = await database.fetch_one(_TALK, {"user": user_id})
    assert row is not None
    return TalkTime(row["open"], row["seconds"], row["reserved"], row["reserved_seconds"])


async def insert(connection: Connection, session_id: str, user_id: str, *, reserved_seconds: int | None = None) -> None:
    """`reserved_seconds`: how long a call of the browser's own can talk; to be confirmed or ended soon."""
    await connection.execute(
        "INSERT INTO voice_sessions (id, user_id, reserved_seconds) VALUES (%s, %s, %s)",
        (session_id, user_id, reserved_seconds),
    )


async def confirm(database: Database, session_id: str, seconds: float) -> None:
    """The browser is about to be given its secret: `seconds` from now on no call of it can go on."""
    await database.execute(
        "UPDATE voice_sessions SET reserved_until = now() + %s * interval '1 second' WHERE id = %s",
        (seconds, session_id),
    )


async def seen(database: Database, session_id: str) -> None:
    await database.execute("UPDATE voice_sessions SET seen_at = now() WHERE id = %s", (session_id,))


async def end(database: Database, session_id: str) -> None:
    await database.execute(
        "UPDATE voice_sessions SET seen_at = now(), ended_at = now() WHERE id = %s AND ended_at IS NULL", (session_id,)
    )
