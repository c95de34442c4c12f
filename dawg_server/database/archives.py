"""What archives need that no single aggregate has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dawg_server.database import audio_files, projects, versions
from dawg_server.database.pool import Connection, Database
from dawg_server.database.table import Batch, Table


async def export(
    database: Database,
    project_id: str,
    user_id: str,
    tables: Mapping[str, Table],
    played: Callable[[Mapping[str, Any]], Iterable[str]],
    *,
    kept: int = 0,
    kept_bytes: int = 0,
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]] | None:
    """(the project as `projects.snapshot` shows it, rows of its recordings, its newest versions), all of one moment.

    `played`: the ids of the recordings that it plays, which may belong to others. `kept`: how many versions at most,
    which have `kept_bytes` of JSON together.
    """
    async with database.transaction() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        state = await projects.snapshot(connection, project_id, user_id, tables)
        if state is None:
            return None
        recordings = await connection.fetch_all(
            """SELECT id, original_name, filename, source, size_bytes, sha256, storage_key, duration, channels,
                      sample_rate
               FROM audio_files WHERE project_id = %s OR id = ANY(%s::uuid[]) ORDER BY created_at, id""",
            (project_id, list(played(state))),
        )
        found = await versions.texts(connection, project_id, most=kept, limit=kept_bytes) if kept else []
    return state, recordings, found


async def owned_by_checksum(
    connection: Database | Connection, user_id: str, checksums: Iterable[bytes]
) -> dict[bytes, dict[str, Any]]:
    """`id` and `duration` of somebody's own recordings with these checksums."""
    rows = await connection.fetch_all(
        """SELECT DISTINCT ON (sha256) sha256, id, duration FROM audio_files
           WHERE owner_id = %s AND sha256 = ANY(%s::bytea[])""",
        (user_id, list(checksums)),
    )
    return {bytes(row["sha256"]): row for row in rows}


async def insert(
    connection: Connection,
    project: Mapping[str, Any],
    recordings: Iterable[dict[str, Any]],
    content: Batch,
    kept: Iterable[Mapping[str, Any]] = (),
) -> None:
    """A new project (wire fields, `id` and `userId`) with everything in it, which `content` writes, and its versions
    (`versions.copy`)."""
    fields = {name: value for name, value in project.items() if name != "userId"}
    columns = ", ".join(projects.TABLE.columns[name].name for name in fields)
    await connection.execute(
        f"INSERT INTO projects (owner_id, {columns}) VALUES ({', '.join(['%s'] * (len(fields) + 1))})",
        (project["userId"], *fields.values()),
    )
    for row in recordings:
        await audio_files.insert(connection, [row])
    await content.run(connection)
    for version in kept:
        await versions.copy(connection, project["id"], project["userId"], version)
