"""Rows of `users`, whatever the identity comes from."""

from __future__ import annotations

from typing import Any

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
