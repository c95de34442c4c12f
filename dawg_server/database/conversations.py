"""Rows of `conversations`: talk with the assistants, typed or spoken, always of one user alone."""

from __future__ import annotations

from typing import Any

from dawg_server.database.pool import Connection, Database

_COLUMNS = "id, owner_id, project_id, title, summary, created_at, updated_at"


async def insert(
    database: Database | Connection, owner_id: str, *, project_id: str | None = None, title: str | None = None
) -> dict[str, Any]:
    row = await database.fetch_one(
        f"INSERT INTO conversations (owner_id, project_id, title) VALUES (%s, %s, %s) RETURNING {_COLUMNS}",
        (owner_id, project_id, title),
    )
    assert row is not None
    return row


async def get(database: Database | Connection, conversation_id: str, owner_id: str) -> dict[str, Any] | None:
    """None also for a conversation of somebody else."""
    return await database.fetch_one(
        f"SELECT {_COLUMNS} FROM conversations WHERE id = %s AND owner_id = %s", (conversation_id, owner_id)
    )
