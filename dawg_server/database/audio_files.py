"""Rows of `audio_files` (one recording each) and `audio_renditions` (the same recording in another format)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dawg_server.database.pool import Connection, Database

_COLUMNS = (
    "id", "owner_id", "project_id", "generation_id", "filename", "original_name", "mime_type", "size_bytes", "duration",
    "sample_rate", "channels", "bit_depth", "storage_key", "sha256", "source", "lufs", "true_peak_db",
)  # fmt: skip
_RENDITION = ("audio_file_id", "format", "mime_type", "size_bytes", "storage_key", "sha256")
_VISIBLE = """(owner_id = %(user)s OR project_id IN (
    SELECT project_id FROM collaborators WHERE user_id = %(user)s AND accepted_at IS NOT NULL))"""


async def insert(connection: Connection, row: dict[str, Any], renditions: Iterable[dict[str, Any]]) -> None:
    await connection.execute(_insert_into("audio_files", _COLUMNS), row)
    for rendition in renditions:
        await connection.execute(_insert_into("audio_renditions", _RENDITION), rendition)


async def get(database: Database, audio_id: str) -> dict[str, Any] | None:
    return await database.fetch_one("SELECT * FROM audio_files WHERE id = %s", (audio_id,))


async def get_visible(database: Database, audio_id: str, user_id: str) -> dict[str, Any] | None:
    return await database.fetch_one(
        f"SELECT * FROM audio_files WHERE id = %(id)s AND {_VISIBLE}", {"id": audio_id, "user": user_id}
    )


async def rendition(database: Database, audio_id: str, format: str) -> dict[str, Any] | None:
    return await database.fetch_one(
        "SELECT * FROM audio_renditions WHERE audio_file_id = %s AND format = %s", (audio_id, format)
    )


def _insert_into(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f'%({name})s' for name in columns)})"
