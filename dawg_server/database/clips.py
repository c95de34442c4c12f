"""Rows of `clips`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dawg_server.database.pool import Connection, Database
from dawg_server.database.table import TIMES, Batch, Column, Table, plain

TABLE = Table(
    "clips",
    {
        **plain("id", "trackId", "audioFileId", "name", "color", "startTime", "duration"),
        "offset": Column("source_offset"),
        **plain("fadeIn", "fadeOut"),
        "gain": Column("gain_db"),
        "midiData": Column("midi", json=True),
    },
    TIMES,
    "track",
)
SHOWN = TABLE.json("c")


async def of_tracks(database: Database | Connection, track_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Every clip of these tracks, by time."""
    rows = await database.fetch_all(
        f"SELECT {SHOWN} AS clip FROM clips c WHERE track_id = ANY(%s::uuid[]) ORDER BY start_time, id",
        (list(track_ids),),
    )
    return [row["clip"] for row in rows]


async def get(database: Database | Connection, project_id: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Those of the clips that exist in that project."""
    rows = await database.fetch_all(
        f"""SELECT {SHOWN} AS clip FROM clips c JOIN tracks t ON t.id = c.track_id
            WHERE t.project_id = %s AND c.id = ANY(%s::uuid[])""",
        (project_id, list(ids)),
    )
    return [row["clip"] for row in rows]


async def projects_of(database: Database, ids: Iterable[str]) -> dict[str, str]:
    """The project of each clip that exists."""
    rows = await database.fetch_all(
        "SELECT c.id, t.project_id FROM clips c JOIN tracks t ON t.id = c.track_id WHERE c.id = ANY(%s::uuid[])",
        (list(ids),),
    )
    return {row["id"]: row["project_id"] for row in rows}


async def with_notes(connection: Connection, project_id: str) -> list[dict[str, Any]]:
    """Every clip of notes in a project."""
    rows = await connection.fetch_all(
        f"""SELECT {SHOWN} AS clip FROM clips c JOIN tracks t ON t.id = c.track_id
            WHERE t.project_id = %s AND c.midi IS NOT NULL ORDER BY c.start_time, c.id""",
        (project_id,),
    )
    return [row["clip"] for row in rows]


async def playing(connection: Connection, project_id: str, audio_file_id: str) -> list[dict[str, Any]]:
    """Every clip of a project that plays this recording."""
    rows = await connection.fetch_all(
        f"""SELECT {SHOWN} AS clip FROM clips c JOIN tracks t ON t.id = c.track_id
            WHERE t.project_id = %s AND c.audio_file_id = %s ORDER BY c.start_time, c.id""",
        (project_id, audio_file_id),
    )
    return [row["clip"] for row in rows]


async def projects_playing(connection: Connection | Database, audio_file_id: str) -> list[str]:
    """The projects in which clips play this recording, sorted."""
    rows = await connection.fetch_all(
        """SELECT DISTINCT t.project_id FROM clips c JOIN tracks t ON t.id = c.track_id
           WHERE c.audio_file_id = %s ORDER BY t.project_id""",
        (audio_file_id,),
    )
    return [row["project_id"] for row in rows]


async def recording(connection: Connection, project_id: str, audio_file_id: str) -> dict[str, Any] | None:
    """What a clip has to know of the recording that it plays; `played`: by a clip of that project, as stored.

    The lock makes a correction of its length (see `lock_recording`) wait until the clip is stored.
    """
    return await connection.fetch_one(
        """SELECT id, owner_id, project_id, duration, original_name, filename, EXISTS (
               SELECT FROM clips c JOIN tracks t ON t.id = c.track_id
               WHERE t.project_id = %s AND c.audio_file_id = a.id) AS played
           FROM audio_files a WHERE id = %s FOR KEY SHARE OF a""",
        (project_id, audio_file_id),
    )


async def lock_recording(connection: Connection, audio_file_id: str) -> dict[str, Any] | None:
    """`owner_id`; returns when no transaction that has read the recording's length is under way."""
    return await connection.fetch_one("SELECT owner_id FROM audio_files WHERE id = %s FOR UPDATE", (audio_file_id,))


def attach(batch: Batch, project_id: str, audio_file_ids: Iterable[str]) -> None:
    """Recordings that belong to no project yet become that project's."""
    batch.add(
        "UPDATE audio_files SET project_id = %s WHERE id = ANY(%s::uuid[]) AND project_id IS NULL",
        (project_id, list(audio_file_ids)),
    )
