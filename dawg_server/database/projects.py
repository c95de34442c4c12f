"""Rows of `projects` and `collaborators`."""

from __future__ import annotations

from dawg_server.database.pool import Database


async def role(database: Database, project_id: str, user_id: str) -> str | None:
    """The role of a member, `viewer` for anybody in a public project, None for strangers and for what is deleted."""
    held = await database.fetch_value(
        """SELECT coalesce(
               (SELECT role FROM collaborators WHERE project_id = p.id AND user_id = %s AND accepted_at IS NOT NULL),
               CASE WHEN p.owner_id = %s THEN 'owner' WHEN p.is_public THEN 'viewer' END)
           FROM projects p WHERE p.id = %s AND p.deleted_at IS NULL""",
        (user_id, user_id, project_id),
    )
    return str(held) if held else None
