"""Rows of `share_links`: what makes whoever has the secret a member of a project. Only a hash of it is kept.

A link with a `collaborator_id` is an invitation: for one person, once.
"""

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
    collaborator_id: str | None = None,
) -> dict[str, Any] | None:
    """The row, or None when the project has `most` links of its kind that are good already. Those that are not are
    forgotten."""
    await connection.execute("SELECT FROM projects WHERE id = %s FOR NO KEY UPDATE", (project_id,))
    await connection.execute("DELETE FROM share_links WHERE project_id = %s AND expires_at <= now()", (project_id,))
    return await connection.fetch_one(
        f"""INSERT INTO share_links (project_id, role, token_hash, created_by, expires_at, collaborator_id)
            SELECT %(project)s, %(role)s, %(hash)s, %(by)s, %(until)s, %(place)s::uuid
            WHERE (SELECT count(*) FROM share_links WHERE project_id = %(project)s
                AND (collaborator_id IS NULL) = (%(place)s::uuid IS NULL)) < %(most)s
            RETURNING {_SHOWN}""",
        {
            "project": project_id,
            "role": role,
            "hash": token_hash,
            "by": created_by,
            "until": expires_at,
            "place": collaborator_id,
            "most": most,
        },
    )


async def listed(database: Database, project_id: str) -> list[dict[str, Any]]:
    """Those that are good, the newest first; no invitations."""
    return await database.fetch_all(
        f"""SELECT {_SHOWN} FROM share_links WHERE project_id = %s AND expires_at > now() AND collaborator_id IS NULL
            ORDER BY created_at DESC, id""",
        (project_id,),
    )


async def delete(database: Database, project_id: str, id: str) -> bool:
    return bool(
        await database.execute(
            """DELETE FROM share_links WHERE project_id = %s AND id = %s AND expires_at > now()
               AND collaborator_id IS NULL""",
            (project_id, id),
        )
    )


async def is_good(database: Database, token_hash: bytes) -> bool:
    return bool(
        await database.fetch_value(
            "SELECT true FROM share_links WHERE token_hash = %s AND expires_at > now()", (token_hash,)
        )
    )


async def take(connection: Connection, token_hash: bytes) -> dict[str, Any] | None:
    """`project_id`, `role`, `collaborator_id` and the project's `name`; it can't be revoked, and nobody else joins the
    project by another, until the transaction ends."""
    return await connection.fetch_one(
        """SELECT s.id, s.project_id, s.role, s.collaborator_id, p.name
           FROM share_links s JOIN projects p ON p.id = s.project_id
           WHERE s.token_hash = %s AND s.expires_at > now() AND p.deleted_at IS NULL FOR NO KEY UPDATE""",
        (token_hash,),
    )


async def count_use(connection: Connection, id: str) -> None:
    await connection.execute("UPDATE share_links SET uses = uses + 1 WHERE id = %s", (id,))


async def spend(connection: Connection, id: str) -> None:
    """An invitation is good once."""
    await connection.execute("DELETE FROM share_links WHERE id = %s", (id,))
