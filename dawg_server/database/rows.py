"""Rows of the tables of entities that need no SQL of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dawg_server.database.pool import Connection, Database
from dawg_server.database.table import Table


async def of_project(database: Database | Connection, table: Table, project_id: str) -> list[dict[str, Any]]:
    """Every row of a project, oldest first."""
    rows: list[dict[str, Any]] = await database.fetch_value(f"SELECT {table.listed('%s')}", (project_id,))
    return rows


async def get(
    database: Database | Connection, table: Table, project_id: str, ids: Iterable[str]
) -> list[dict[str, Any]]:
    """Those of the rows that exist in that project."""
    rows = await database.fetch_all(
        f"""SELECT {table.json("x")} AS row FROM {table.table} x
            WHERE {table.within("x", "%s")} AND id = ANY(%s::uuid[])""",
        (project_id, list(ids)),
    )
    return [row["row"] for row in rows]


async def project_of(database: Database, table: Table, id: str) -> str | None:
    """The project that a row is in, if there is such a row."""
    project = "x.project_id" if table.parent == "project" else "(SELECT project_id FROM tracks WHERE id = x.track_id)"
    found: str | None = await database.fetch_value(f"SELECT {project} FROM {table.table} x WHERE x.id = %s", (id,))
    return found
