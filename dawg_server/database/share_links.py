"""Rows of `share_links`: what makes whoever has the secret a member of a project. Only a hash of it is kept."""

from __future__ import annotations

import datetime
from typing import Any

from dawg_server.database.pool import Connection, Database

_SHOWN = "id, project_id, role, created_at, expires_at, uses"


async def insert(
    connection: Connection,
    *,
    project_id: str,
    role: str,
    token_hash: bytes,
    created_by: str,
    expires_at: datetime.datetime,
    most: int,
) -> dict[str, Any] | None:
    """The row, or None when the project has `most` links that are good already. Those that are not are forgotten."""
    await connection.execute("SELECT FROM projects WHERE id = %s FOR NO KEY UPDATE", (project_id,))
    await connection.execute("DELETE FROM share_links WHERE project_id = %s AND expires_at <= now()", (project_id,))
    return await connection.fetch_one(
        f"""INSERT INTO share_links (project_id, role, token_hash, created_by, expires_at)
            SELECT %s, %s, %s, %s, %s WHERE (SELECT count(*) FROM share_links WHERE project_id = %s) < %s
            RETURNING {_SHOWN}""",
        (project_id, role, token_hash, created_by, expires_at, project_id, most),
    )


async def listed(database: Database, project_id: str) -> list[dict[str, Any]]:
    """Those that are good, the newest first."""
    return await database.fetch_all(
        f"SELECT {_SHOWN} FROM share_links WHERE project_id = %s AND expires_at > now() ORDER BY created_at DESC, id",
        (project_id,),
    )


async def delete(database: Database, project_id: str, id: str) -> bool:
    return bool(
        await database.execute(
            "DELETE FROM share_links WHERE project_id = %s AND id = %s AND expires_at > now()", (project_id, id)
        )
    )


async def take(connection: Connection, token_hash: bytes) -> dict[str, Any] | None:
    """`project_id`, `role` and the project's `name`; it can't be revoked until the transaction ends."""
    return await connection.fetch_one(
        """SELECT s.id, s.project_id, s.role, p.name FROM share_links s JOIN projects p ON p.id = s.project_id
           WHERE s.token_hash = %s AND s.expires_at > now() AND p.deleted_at IS NULL FOR NO KEY UPDATE OF s""",
        (token_hash,),
    )


async def count_use(connection: Connection, id: str) -> None:
    await connection.execute("UPDATE share_links SET uses = uses + 1 WHERE id = %s", (id,))
