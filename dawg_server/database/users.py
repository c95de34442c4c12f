"""Rows of `users`."""

from __future__ import annotations

from dawg_server.database.pool import Database


async def ensure(database: Database, user_id: str, origin: str) -> None:
    """Makes the row on first sight of an identity, so that nothing fails for want of a user."""
    await database.execute(
        "INSERT INTO users (id, origin) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING", (user_id, origin)
    )
