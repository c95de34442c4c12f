"""Rows of `storage_leftovers`: keys of bytes that no recording names, or not yet.

Triggers cross a key out when a recording or a rendition names it, and write it down when that row goes.
"""

from __future__ import annotations

from collections.abc import Collection

from dawg_server.database.pool import Connection, Database


async def announce(database: Database, keys: Collection[str], seconds: float) -> None:
    """Bytes are about to be stored. Without a row that names them by then, they are removed after so many seconds."""
    await database.execute(
        """INSERT INTO storage_leftovers (storage_key, remove_after)
           SELECT DISTINCT key, now() + %s * interval '1 second' FROM unnest(%s::text[]) AS key ORDER BY key
           ON CONFLICT (storage_key) DO UPDATE SET remove_after = excluded.remove_after""",
        (seconds, list(keys)),
    )


async def next_due(connection: Connection) -> str | None:
    """A key to remove, locked until the transaction ends: who wants to store under it waits."""
    key = await connection.fetch_value(
        """SELECT storage_key FROM storage_leftovers WHERE remove_after <= now()
           ORDER BY remove_after LIMIT 1 FOR UPDATE SKIP LOCKED"""
    )
    return str(key) if key is not None else None


async def is_named(connection: Connection, key: str) -> bool:
    return bool(
        await connection.fetch_value(
            """SELECT EXISTS (SELECT FROM audio_files WHERE storage_key = %(key)s)
                   OR EXISTS (SELECT FROM audio_renditions WHERE storage_key = %(key)s)""",
            {"key": key},
        )
    )


async def forget(connection: Connection, key: str) -> None:
    await connection.execute("DELETE FROM storage_leftovers WHERE storage_key = %s", (key,))
