"""Rows of `users`: whatever the identity comes from, and those that have an address and a password here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server import errors
from dawg_server.database.driver import UniqueViolation
from dawg_server.database.pool import Connection, Database


def named(user_id: str) -> str:
    """How others see the user whose id that expression gives: never by e-mail address."""
    return f"""coalesce((SELECT coalesce(nullif(username, ''), nullif(concat_ws(' ', first_name, last_name), ''))
        FROM users WHERE id = {user_id}), {user_id})"""


async def ensure(database: Database, user_id: str, origin: str) -> dict[str, Any]:
    """Makes the row on first sight of an identity, so that nothing fails for want of a user.

    `is_account`: this person signs in here, with a password.
    """
    found = await database.fetch_one(
        """WITH made AS (INSERT INTO users (id, origin) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING)
           SELECT is_active, password_hash IS NOT NULL AS is_account FROM users WHERE id = %s""",
        (user_id, origin, user_id),
    )
    return found or {"is_active": True, "is_account": False}  # made just now


async def name(database: Database | Connection, user_id: str) -> str:
    """How others see that user."""
    return str(await database.fetch_value(f"SELECT {named('%(id)s')}", {"id": user_id}))


async def get(database: Database | Connection, user_id: str) -> dict[str, Any] | None:
    return await database.fetch_one("SELECT * FROM users WHERE id = %s", (user_id,))


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
    except UniqueViolation:
        raise errors.EmailTaken() from None
    assert row is not None
    return row


async def ensure_without_password(database: Database, *, email: str, username: str) -> dict[str, Any]:
    """The row of that address, made as one of development mode unless there is one."""
    row = await database.fetch_one(
        """INSERT INTO users (email, username, origin) VALUES (%s, %s, 'development')
           ON CONFLICT (email) WHERE email IS NOT NULL DO UPDATE SET email = excluded.email RETURNING *""",
        (email, username),
    )
    assert row is not None
    return row


async def by_email(database: Database | Connection, email: str) -> dict[str, Any] | None:
    return await database.fetch_one("SELECT * FROM users WHERE email = %s", (email,))


async def note_login(connection: Connection, user_id: str) -> dict[str, Any]:
    row = await connection.fetch_one("UPDATE users SET last_login_at = now() WHERE id = %s RETURNING *", (user_id,))
    assert row is not None
    return row


async def change(database: Database, user_id: str, changes: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row with these of its columns set, or as it was without any; None when there is none."""
    settings = ", ".join(f"{name} = %({name})s" for name in ("first_name", "last_name", "avatar") if name in changes)
    statement = (
        f"UPDATE users SET {settings} WHERE id = %(id)s RETURNING *"
        if settings
        else "SELECT * FROM users WHERE id = %(id)s"
    )
    return await database.fetch_one(statement, {**changes, "id": user_id})


async def change_password(
    connection: Connection, user_id: str, password_hash: str, *, instead_of: str | None = None
) -> bool:
    """False for a user without a password, or when it is another one by now than that with the hash `instead_of`."""
    changed = await connection.fetch_value(
        """UPDATE users SET password_hash = %s
           WHERE id = %s AND password_hash = coalesce(%s, password_hash) RETURNING true""",
        (password_hash, user_id, instead_of),
    )
    return bool(changed)
