"""Rows of `memories`: what the assistants know about one user. What has expired is as if it were gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.database.driver import adapted
from dawg_server.database.pool import Database

_COLUMNS = """id, user_id, type, category, content, metadata, importance, access_count, last_accessed, expires_at,
    created_at, updated_at"""
_FIELDS = ("type", "category", "content", "metadata", "importance", "expires_at")
_ALIVE = "(expires_at IS NULL OR expires_at > clock_timestamp())"
_WORDS = "to_tsvector('simple', content)"


async def insert(database: Database, user_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    given = [name for name in _FIELDS if name in values]
    row = await database.fetch_one(
        f"""INSERT INTO memories (user_id, {", ".join(given)})
            VALUES (%s, {", ".join(["%s"] * len(given))}) RETURNING {_COLUMNS}""",
        (user_id, *(adapted(values[name]) for name in given)),
    )
    assert row is not None
    return row


async def used(
    database: Database,
    user_id: str,
    *,
    limit: int,
    type: str | None = None,
    category: str | None = None,
    search: str | None = None,
    min_importance: int = 1,
) -> tuple[list[dict[str, Any]], int, int]:
    """(the most important first, then those used last; how many fit; how many of all were made or used in 24 hours).

    Counts as a use of those returned. `search` asks for all of its words.
    """
    where = {"user": user_id, "type": type, "category": category, "search": search or None, "low": min_importance}
    fit = f"""user_id = %(user)s AND {_ALIVE} AND importance >= %(low)s
        AND (%(type)s::text IS NULL OR type = %(type)s) AND (%(category)s::text IS NULL OR category = %(category)s)
        AND (%(search)s::text IS NULL OR {_WORDS} @@ plainto_tsquery('simple', %(search)s))"""
    counts = await database.fetch_one(
        f"""SELECT count(*) FILTER (WHERE {fit}) AS fitting,
                count(*) FILTER (WHERE greatest(created_at, last_accessed) > now() - interval '24 hours') AS session
            FROM memories WHERE user_id = %(user)s AND {_ALIVE}""",
        where,
    )
    rows = await database.fetch_all(
        f"""WITH wanted AS (
                SELECT id, importance, coalesce(last_accessed, created_at) AS used FROM memories WHERE {fit}
                ORDER BY importance DESC, coalesce(last_accessed, created_at) DESC, id LIMIT %(limit)s
            ), touched AS (
                UPDATE memories SET access_count = access_count + 1, last_accessed = clock_timestamp()
                WHERE id IN (SELECT id FROM wanted) RETURNING {_COLUMNS}
            )
            SELECT touched.* FROM touched JOIN wanted USING (id)
            ORDER BY wanted.importance DESC, wanted.used DESC, id""",
        {**where, "limit": limit},
    )
    return rows, int(counts["fitting"]) if counts else 0, int(counts["session"]) if counts else 0


async def relevant(database: Database, user_id: str, text: str, limit: int) -> list[dict[str, Any]]:
    """Those that share words with `text`, best first, then the most important of the others. Counts as a use."""
    return await database.fetch_all(
        f"""WITH asked AS (
                SELECT replace(plainto_tsquery('simple', %(text)s)::text, '&', '|')::tsquery AS words
            ), ranked AS (
                SELECT id, CASE WHEN {_WORDS} @@ words THEN ts_rank({_WORDS}, words, 1) ELSE 0 END AS rank, importance
                FROM memories, asked WHERE user_id = %(user)s AND {_ALIVE}
                ORDER BY rank DESC, importance DESC, coalesce(last_accessed, created_at) DESC LIMIT %(limit)s
            ), touched AS (
                UPDATE memories SET access_count = access_count + 1, last_accessed = clock_timestamp()
                WHERE id IN (SELECT id FROM ranked) RETURNING {_COLUMNS}
            )
            SELECT touched.* FROM touched JOIN ranked USING (id)
            ORDER BY ranked.rank DESC, ranked.importance DESC, id""",
        {"user": user_id, "text": text, "limit": limit},
    )


async def update(database: Database, memory_id: str, user_id: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row as it is then; None for one of somebody else, or that has expired."""
    given = [name for name in _FIELDS if name in values]
    if not given:
        return await database.fetch_one(
            f"SELECT {_COLUMNS} FROM memories WHERE id = %s AND user_id = %s AND {_ALIVE}", (memory_id, user_id)
        )
    return await database.fetch_one(
        f"""UPDATE memories SET {", ".join(f"{name} = %s" for name in given)}
            WHERE id = %s AND user_id = %s AND {_ALIVE} RETURNING {_COLUMNS}""",
        (*(adapted(values[name]) for name in given), memory_id, user_id),
    )


async def delete(database: Database, memory_id: str, user_id: str) -> bool:
    return bool(
        await database.execute(
            f"DELETE FROM memories WHERE id = %s AND user_id = %s AND {_ALIVE}", (memory_id, user_id)
        )
    )
