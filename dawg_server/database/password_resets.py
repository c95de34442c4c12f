"""Rows of `password_resets`: who has asked for a link to set a new password, and the hashes of those that they got."""

from __future__ import annotations

from typing import Any

from dawg_server.database.pool import Connection, Database

_IS_OF = "(token_hash = %(hash)s OR earlier_hashes @> ARRAY[%(hash)s]::bytea[])"


async def request(database: Database, email: str, *, seconds: float, most: int) -> None:
    """A link is to be sent, which is good for so many seconds.

    There is a row whether or not the address has an account with a password, so that both take the same time; it names
    nobody when not, or when `most` links of that account are good already.
    """
    await database.execute(
        """INSERT INTO password_resets (user_id, expires_at) VALUES (
               (SELECT id FROM users WHERE email = %s AND password_hash IS NOT NULL AND is_active
                AND (SELECT count(*) FROM password_resets WHERE user_id = users.id AND expires_at > now()) < %s),
               now() + %s * interval '1 second')""",
        (email, most, seconds),
    )


async def take(database: Database, token_hash: bytes, *, attempts: int, retry_seconds: float) -> dict[str, Any] | None:
    """`id`, `email` and `attempts` of the oldest whose mail has not been sent; its link has `token_hash` from now on.

    Nobody else gets the row for `retry_seconds`, and so it is tried again when this process dies; `attempts` times. The
    links of earlier tries stay good, because a mail may have arrived although nobody knows.
    """
    return await database.fetch_one(
        """UPDATE password_resets SET token_hash = %s, attempts = attempts + 1, tried_at = now(),
               earlier_hashes = array_remove(earlier_hashes || token_hash, NULL) FROM users
           WHERE users.id = password_resets.user_id AND password_resets.id = (
               SELECT id FROM password_resets
               WHERE user_id IS NOT NULL AND sent_at IS NULL AND expires_at > now() AND attempts < %s
                   AND (tried_at IS NULL OR tried_at <= now() - %s * interval '1 second')
               ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING password_resets.id, users.email, attempts""",
        (token_hash, attempts, retry_seconds),
    )


async def sent(database: Database, id: str) -> None:
    await database.execute("UPDATE password_resets SET sent_at = now() WHERE id = %s", (id,))


async def insert_sent(database: Database, email: str, token_hash: bytes, *, seconds: float) -> bool:
    """A link that its maker hands over; False when the address has no account with a password."""
    made = await database.fetch_value(
        """INSERT INTO password_resets (user_id, token_hash, sent_at, expires_at)
           SELECT id, %s, now(), now() + %s * interval '1 second' FROM users
           WHERE email = %s AND password_hash IS NOT NULL AND is_active RETURNING true""",
        (token_hash, seconds, email),
    )
    return bool(made)


async def is_good(database: Database, token_hash: bytes) -> bool:
    return bool(
        await database.fetch_value(
            f"SELECT EXISTS (SELECT FROM password_resets WHERE {_IS_OF} AND expires_at > now())", {"hash": token_hash}
        )
    )


async def spend(connection: Connection, token_hash: bytes) -> str | None:
    """The id of the user whose link that is, locked until the transaction ends; none of their links is good then."""
    user_id: str | None = await connection.fetch_value(
        f"""SELECT users.id FROM users JOIN password_resets ON user_id = users.id
            WHERE {_IS_OF} AND expires_at > now() AND is_active FOR NO KEY UPDATE OF users""",
        {"hash": token_hash},
    )
    if user_id is None:
        return None
    spent = await connection.fetch_all(
        f"DELETE FROM password_resets WHERE user_id = %(user)s RETURNING {_IS_OF} AS mine",
        {"user": user_id, "hash": token_hash},
    )
    return user_id if any(row["mine"] for row in spent) else None


async def end_all(connection: Connection, user_id: str) -> None:
    """No link of that user is good any more, also of mails that are still to be sent."""
    await connection.execute("DELETE FROM password_resets WHERE user_id = %s", (user_id,))
