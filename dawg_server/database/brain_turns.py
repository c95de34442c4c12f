"""Rows of `brain_turns`: the places that running turns of the text assistant hold, on all replicas together."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, NamedTuple

from dawg_server.database.pool import Connection, Database

LEASE = 8.0  # seconds that a place is held without a word of its replica


class Full(NamedTuple):
    """Why no tokens could be held: `used` within the last minute. `until` is None when other turns hold the rest."""

    used: int
    until: datetime.datetime | None


async def lock(connection: Connection, user_id: str) -> list[dict[str, Any]]:
    """The user's running turns, oldest first; nobody else begins one for them until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('brain:' || %s, 0))", (user_id,))
    return await connection.fetch_all(
        "SELECT conversation_id, request_id FROM brain_turns WHERE user_id = %s AND expires_at > clock_timestamp()",
        (user_id,),
    )


async def insert(connection: Connection, id: str, user_id: str, conversation_id: str, request_id: str) -> None:
    """Those of the user that have expired go at the same time."""
    await connection.execute(
        """WITH gone AS (DELETE FROM brain_turns WHERE user_id = %(user)s AND expires_at <= clock_timestamp())
           INSERT INTO brain_turns (id, user_id, conversation_id, request_id, expires_at)
           VALUES (%(id)s, %(user)s, %(conversation)s, %(request)s,
                   clock_timestamp() + make_interval(secs => %(lease)s))""",
        {"id": id, "user": user_id, "conversation": conversation_id, "request": request_id, "lease": LEASE},
    )


async def hold_tokens(database: Database | Connection, id: str, user_id: str, tokens: int, allowed: int) -> Full | None:
    """Counts `tokens` as used by that turn until they are held anew, in one atomic step, or says why not.

    Allowed as long as the minute has anything left, so that a call which is larger than the limit is not refused for
    ever: it is paid for by waiting afterwards.
    """
    row = await database.fetch_one("SELECT * FROM hold_brain_tokens(%s, %s, %s, %s)", (id, user_id, tokens, allowed))
    assert row is not None
    return None if row["held"] else Full(int(row["used"]), row["full_until"])


async def release_tokens(database: Database, id: str) -> None:
    """After what was really used is in the ledger."""
    await database.execute("UPDATE brain_turns SET tokens_held = 0 WHERE id = %s", (id,))


async def renew(database: Database, ids: Sequence[str]) -> None:
    await database.execute(
        "UPDATE brain_turns SET expires_at = clock_timestamp() + make_interval(secs => %s) WHERE id = ANY(%s::uuid[])",
        (LEASE, list(ids)),
    )


async def delete(database: Database, id: str) -> None:
    await database.execute("DELETE FROM brain_turns WHERE id = %s", (id,))
