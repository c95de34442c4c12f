"""What is to be analysed, and `audio_files.analysis`: what was found, by excerpt and question, kept for all who ask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dawg_server.database.pool import Connection, Database, Json

MAX_KEPT = 32  # analyses of one recording; with one more the old ones are forgotten
_CLIP = """c.id AS clip_id, c.name AS clip_name, c.track_id, c.source_offset, c.duration AS clip_duration, t.project_id,
    a.id, a.storage_key, a.sha256, a.duration
    FROM clips c JOIN tracks t ON t.id = c.track_id LEFT JOIN audio_files a ON a.id = c.audio_file_id"""


async def clips(database: Database, clip_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By clip id: the clip, its project, and its recording (`id` null when it plays none)."""
    rows = await database.fetch_all(f"SELECT {_CLIP} WHERE c.id = ANY(%s::uuid[])", (list(clip_ids),))
    return {row["clip_id"]: row for row in rows}


async def clips_of_track(database: Database, track_id: str) -> list[dict[str, Any]]:
    """The clips of a track that play a recording, the longest first."""
    return await database.fetch_all(
        f"SELECT {_CLIP} WHERE c.track_id = %s AND a.id IS NOT NULL ORDER BY c.duration DESC, c.start_time, c.id",
        (track_id,),
    )


async def find(database: Database, sha256: bytes, question: str) -> dict[str, Any] | None:
    """What was found before in the same bytes."""
    found: dict[str, Any] | None = await database.fetch_value(
        "SELECT analysis->%(question)s FROM audio_files WHERE sha256 = %(sha256)s AND analysis ? %(question)s LIMIT 1",
        {"sha256": sha256, "question": question},
    )
    return found


async def keep(database: Database, sha256: bytes, question: str, found: dict[str, Any]) -> None:
    await database.execute(
        """UPDATE audio_files SET analysis = jsonb_build_object(%(question)s::text, %(found)s::jsonb) || CASE
               WHEN (SELECT count(*) FROM jsonb_object_keys(coalesce(analysis, '{}'))) < %(most)s
               THEN coalesce(analysis, '{}') ELSE '{}' END
           WHERE sha256 = %(sha256)s""",
        {"sha256": sha256, "question": question, "found": Json(found), "most": MAX_KEPT},
    )


async def lock_metadata(connection: Connection, project_id: str, track_id: str) -> dict[str, Any] | None:
    """`tracks.metadata`, while nobody else changes that project."""
    await connection.fetch_value("SELECT 1 FROM projects WHERE id = %s FOR UPDATE", (project_id,))
    found: dict[str, Any] | None = await connection.fetch_value(
        "SELECT metadata FROM tracks WHERE id = %s AND project_id = %s", (track_id, project_id)
    )
    return found
