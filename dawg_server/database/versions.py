"""Rows of `versions`: states of a project that somebody wanted to keep, numbered from 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.database import projects
from dawg_server.database.pool import Connection, Database, Json
from dawg_server.database.table import Table

KEPT_AUTOMATIC = 50  # per project; versions that somebody made on purpose are all kept
_SHOWN = "id, number, name, description, revision, automatic, created_by, created_at"


async def insert(
    connection: Connection,
    project_id: str,
    user_id: str,
    *,
    name: str | None,
    description: str | None = None,
    automatic: bool = False,
    tables: Mapping[str, Table],
) -> dict[str, Any] | None:
    """Keeps the project as it is in this transaction, which holds its lock. None when there is no such project.

    `tables`: as for `projects.snapshot`.
    """
    state = await projects.snapshot(connection, project_id, user_id, tables)
    if state is None:
        return None
    kept = {part: state[part] for part in ("project", *tables)}
    return await connection.fetch_one(
        f"""INSERT INTO versions (project_id, number, name, description, revision, snapshot, automatic, created_by)
            VALUES (%(project)s, (SELECT coalesce(max(number), 0) + 1 FROM versions WHERE project_id = %(project)s),
                %(name)s, %(description)s, %(revision)s, %(snapshot)s, %(automatic)s, %(user)s)
            RETURNING {_SHOWN}""",
        {
            "project": project_id,
            "user": user_id,
            "name": name,
            "description": description,
            "automatic": automatic,
            "revision": state["project"]["revision"],
            "snapshot": Json(kept),
        },
    )


async def prune(connection: Connection, project_id: str) -> None:
    """Only the newest of the automatic versions are kept."""
    await connection.execute(
        """DELETE FROM versions WHERE automatic AND project_id = %(project)s AND number NOT IN (
               SELECT number FROM versions WHERE automatic AND project_id = %(project)s
               ORDER BY number DESC LIMIT %(kept)s)""",
        {"project": project_id, "kept": KEPT_AUTOMATIC},
    )


async def page(database: Database, project_id: str, *, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
    """(versions, the newest first; how many there are in all)."""
    total = await database.fetch_value("SELECT count(*) FROM versions WHERE project_id = %s", (project_id,))
    rows = await database.fetch_all(
        f"SELECT {_SHOWN} FROM versions WHERE project_id = %s ORDER BY number DESC LIMIT %s OFFSET %s",
        (project_id, limit, offset),
    )
    return rows, int(total)


async def snapshot(connection: Connection, project_id: str, number: int) -> dict[str, Any] | None:
    """`project`, and each list of what was in it, as it was."""
    kept: dict[str, Any] | None = await connection.fetch_value(
        "SELECT snapshot FROM versions WHERE project_id = %s AND number = %s", (project_id, number)
    )
    return kept
