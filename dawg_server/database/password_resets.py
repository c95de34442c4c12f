"""Rows of `password_resets`: who has asked for a link to set a new password, and the hash of the one that they got."""

from __future__ import annotations

from typing import Any

from dawg_server.database.pool import Connection, Database


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
    """`id`, `email` and `attempts` of the oldest that has no link yet; its link is that with `token_hash` from now on.

    Nobody else gets the row for `retry_seconds`, and so it is tried again when this process dies; `attempts` times.
    """
    return await database.fetch_one(
        """UPDATE password_resets SET token_hash = %s, attempts = attempts + 1, tried_at = now() FROM users
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
            "SELECT EXISTS (SELECT FROM password_resets WHERE token_hash = %s AND expires_at > now())", (token_hash,)
        )
    )


async def spend(connection: Connection, token_hash: bytes) -> str | None:
    """The id of the user whose link that is, locked until the transaction ends; none of their links is good then."""
    user_id: str | None = await connection.fetch_value(
        """SELECT users.id FROM users JOIN password_resets ON user_id = users.id
           WHERE token_hash = %s AND expires_at > now() AND is_active FOR NO KEY UPDATE OF users""",
        (token_hash,),
    )
    if user_id is None:
        return None
    spent = await connection.fetch_all(
        "DELETE FROM password_resets WHERE user_id = %s RETURNING token_hash = %s AS mine", (user_id, token_hash)
    )
    return user_id if any(row["mine"] for row in spent) else None


async def prune(database: Database) -> None:
    await database.execute("DELETE FROM password_resets WHERE user_id IS NULL OR expires_at <= now()")
