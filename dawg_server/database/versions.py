"""Rows of `versions`: states of a project that somebody wanted to keep, numbered from 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.database import projects
from dawg_server.database.pool import Connection, Database
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
    lists = "".join(f", '{name}', {table.listed('p.id')}" for name, table in tables.items())
    return await connection.fetch_one(
        f"""INSERT INTO versions (project_id, number, name, description, revision, snapshot, automatic, created_by)
            SELECT p.id, (SELECT coalesce(max(number), 0) + 1 FROM versions WHERE project_id = p.id),
                %(name)s, %(description)s, p.revision, json_build_object('project', {projects.SHOWN}{lists})::jsonb,
                %(automatic)s, %(user)s
            FROM projects p WHERE p.id = %(project)s AND p.deleted_at IS NULL
            RETURNING {_SHOWN}""",
        {
            "project": project_id,
            "user": user_id,
            "name": name,
            "description": description,
            "automatic": automatic,
        },
    )


async def texts(connection: Connection, project_id: str, *, most: int, limit: int) -> list[dict[str, Any]]:
    """The newest `most` with their snapshots as JSON text, as many as have `limit` bytes together."""
    return await connection.fetch_all(
        """SELECT number, name, description, automatic, created_at, snapshot FROM (
               SELECT number, name, description, automatic, created_at, snapshot::text AS snapshot,
                   sum(octet_length(snapshot::text)) OVER (ORDER BY number DESC) AS total
               FROM versions WHERE project_id = %s ORDER BY number DESC LIMIT %s) AS found
           WHERE total <= %s ORDER BY number DESC""",
        (project_id, most, limit),
    )


async def copy(connection: Connection, project_id: str, user_id: str, version: Mapping[str, Any]) -> None:
    """A version of another project, under its number there. `snapshot` is JSON text, `createdAt` ISO 8601."""
    columns = ("number", "name", "description", "automatic", "snapshot", "createdAt")
    await connection.execute(
        """INSERT INTO versions (project_id, created_by, revision, number, name, description, automatic, snapshot,
               created_at)
           VALUES (%s, %s, 0, %s, %s, %s, %s, %s::jsonb, %s::timestamptz)""",
        (project_id, user_id, *(version[each] for each in columns)),
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
    rows = await connection.fetch_all(
        """SELECT part.key, jsonb_typeof(part.value) = 'array' AS listed, entity.value
            FROM versions, jsonb_each(snapshot) AS part, jsonb_array_elements(
                CASE WHEN jsonb_typeof(part.value) = 'array' THEN part.value ELSE jsonb_build_array(part.value) END
                || '[null]'  -- so that empty lists are there
            ) WITH ORDINALITY AS entity
            WHERE project_id = %s AND number = %s ORDER BY part.key, entity.ordinality""",
        (project_id, number),
    )
    kept: dict[str, Any] = {}
    for row in rows:
        if not row["listed"]:
            kept.setdefault(row["key"], row["value"])
            continue
        found = kept.setdefault(row["key"], [])
        if row["value"] is not None:
            found.append(row["value"])
    return kept or None
