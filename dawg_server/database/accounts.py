"""Rows of `users` that have an address and a password here."""

from __future__ import annotations

from typing import Any

from dawg_server import errors
from dawg_server.database import constraint_errors
from dawg_server.database.pool import Connection, Database


async def lock_address(connection: Connection, email: str) -> None:
    """Until the transaction ends, nobody else signs up with, or is invited at, that address."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('email:' || %s, 0))", (email,))


async def insert(
    connection: Connection,
    *,
    email: str,
    password_hash: str,
    username: str,
    first_name: str | None,
    last_name: str | None,
) -> dict[str, Any]:
    """The new row; `errors.EmailTaken` when the address has an account already."""
    try:
        row = await connection.fetch_one(
            """INSERT INTO users (email, password_hash, username, first_name, last_name, origin, last_login_at)
               VALUES (%s, %s, %s, %s, %s, 'local', now()) RETURNING *""",
            (email, password_hash, username, first_name, last_name),
        )
    except constraint_errors.UniqueViolation:
        raise errors.EmailTaken() from None
    assert row is not None
    return row


async def by_email(database: Database | Connection, email: str) -> dict[str, Any] | None:
    return await database.fetch_one("SELECT * FROM users WHERE email = %s", (email,))


async def note_login(connection: Connection, user_id: str) -> dict[str, Any]:
    row = await connection.fetch_one("UPDATE users SET last_login_at = now() WHERE id = %s RETURNING *", (user_id,))
    assert row is not None
    return row
