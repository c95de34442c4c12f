"""Rows of `audio_files` (one recording each) and `audio_renditions` (the same recording in another format)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dawg_server.database.pool import Connection, Database

_COLUMNS = (
    "id",
    "owner_id",
    "project_id",
    "generation_id",
    "filename",
    "original_name",
    "mime_type",
    "size_bytes",
    "duration",
    "sample_rate",
    "channels",
    "bit_depth",
    "storage_key",
    "sha256",
    "source",
    "lufs",
    "true_peak_db",
)
# Not the waveform itself, nor the analyses, which are large and rarely wanted.
_READ = f"""{", ".join(_COLUMNS)}, created_at, updated_at,
    CASE WHEN waveform IS NULL THEN 'pending' WHEN waveform ? 'pyramid' THEN 'ready' ELSE 'failed' END
        AS waveform_status"""
_RENDITION = ("audio_file_id", "format", "mime_type", "size_bytes", "storage_key", "sha256")
# Seen by its owner and by whoever may read its project, or one in which it is played.
_VISIBLE = """(owner_id = %(user)s OR EXISTS (
    SELECT FROM projects p WHERE p.deleted_at IS NULL
        AND (p.id = audio_files.project_id OR p.id IN (
            SELECT r.project_id FROM played_recordings r WHERE r.audio_file_id = audio_files.id))
        AND (p.is_public OR EXISTS (
            SELECT FROM collaborators c
            WHERE c.project_id = p.id AND c.user_id = %(user)s AND c.accepted_at IS NOT NULL))))"""
_IN_PROJECT = """(project_id = %(project)s OR id IN (
    SELECT r.audio_file_id FROM played_recordings r WHERE r.project_id = %(project)s))"""


async def insert(
    connection: Connection, rows: Sequence[dict[str, Any]], renditions: Sequence[dict[str, Any]] = ()
) -> None:
    """Recordings and their renditions in other formats, one statement for each of the two."""
    await _insert_into(connection, "audio_files", _COLUMNS, rows)
    await _insert_into(connection, "audio_renditions", _RENDITION, renditions)


async def get(database: Database | Connection, audio_id: str) -> dict[str, Any] | None:
    return await database.fetch_one(f"SELECT {_READ} FROM audio_files WHERE id = %s", (audio_id,))


async def get_visible(database: Database | Connection, audio_id: str, user_id: str) -> dict[str, Any] | None:
    return await database.fetch_one(
        f"SELECT {_READ} FROM audio_files WHERE id = %(id)s AND {_VISIBLE}", {"id": audio_id, "user": user_id}
    )


async def page(
    database: Database,
    *,
    owner_id: str | None = None,
    project_id: str | None = None,
    search: str | None = None,
    order: str = "created_at DESC",
    limit: int,
    offset: int,
) -> tuple[list[dict[str, Any]], int]:
    """(recordings of a project and of its clips, or else of an owner, as `order` says; how many there are in all).

    `search`: only those whose name holds that. `order` is SQL, never user input.
    """
    where = f"WHERE {_IN_PROJECT}" if project_id else "WHERE owner_id = %(owner)s"
    where += " AND position(lower(%(search)s) IN lower(original_name)) > 0" if search else ""
    values = {"owner": owner_id, "project": project_id, "search": search, "limit": limit, "offset": offset}
    total = await database.fetch_value(f"SELECT count(*) FROM audio_files {where}", values)
    rows = await database.fetch_all(
        f"SELECT {_READ} FROM audio_files {where} ORDER BY {order}, id LIMIT %(limit)s OFFSET %(offset)s",
        values,
    )
    return rows, int(total)


async def used(database: Database, owner_id: str) -> tuple[int, int]:
    """(recordings of an owner, bytes of them and of their renditions)."""
    row = await database.fetch_one(
        """SELECT count(*) AS files, coalesce(sum(size_bytes), 0) AS bytes,
               (SELECT coalesce(sum(r.size_bytes), 0) FROM audio_renditions r
                JOIN audio_files f ON f.id = r.audio_file_id WHERE f.owner_id = %(owner)s) AS more
           FROM audio_files WHERE owner_id = %(owner)s""",
        {"owner": owner_id},
    )
    assert row is not None
    return int(row["files"]), int(row["bytes"]) + int(row["more"])


async def rendition(database: Database, audio_id: str, format: str) -> dict[str, Any] | None:
    return await database.fetch_one(
        f"SELECT {', '.join(_RENDITION)} FROM audio_renditions WHERE audio_file_id = %s AND format = %s",
        (audio_id, format),
    )


async def clips_with(connection: Connection, audio_id: str) -> list[str]:
    """Ids of the clips that play this recording."""
    rows = await connection.fetch_all("SELECT id FROM clips WHERE audio_file_id = %s ORDER BY id", (audio_id,))
    return [row["id"] for row in rows]


async def rename(database: Database, audio_id: str, name: str) -> bool:
    statement = "UPDATE audio_files SET original_name = %s, updated_at = now() WHERE id = %s"
    return await database.execute(statement, (name, audio_id)) == 1


async def delete(connection: Connection, audio_id: str) -> bool:
    """Its renditions go with it; the bytes of all are written down to be removed."""
    return await connection.execute("DELETE FROM audio_files WHERE id = %s", (audio_id,)) == 1


async def _insert_into(
    connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[dict[str, Any]]
) -> None:
    if rows:
        places = ", ".join(["%s"] * len(columns))
        await connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([f'({places})'] * len(rows))}",
            [row[name] for row in rows for name in columns],
        )
