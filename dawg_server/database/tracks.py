"""Rows of `tracks` and of their `sends`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dawg_server.database.pool import Connection, Database
from dawg_server.database.table import TIMES, Batch, Column, Table, plain

TABLE = Table(
    "tracks",
    {
        **plain("id", "projectId", "name", "trackType", "color", "volume", "pan", "isMuted", "isSolo", "isArmed"),
        **plain("channels"),
        "order": Column("position"),
        "outputDestination": Column(
            "output_track_id", "coalesce({0}.output_track_id::text, 'master')", "nullif(%s, 'master')::uuid"
        ),
        **plain("lyrics"),
        "metadata": Column("metadata", json=True),
    },
    TIMES,
)
SENDS = Table("sends", plain("id", "trackId", "destinationTrackId", "level", "pan", "preFader", "enabled"), {}, "track")
_SENDS = f"""'sends', (SELECT coalesce(json_agg({SENDS.json("s")} ORDER BY s.id), '[]'::json)
    FROM sends s WHERE s.track_id = t.id)"""
SHOWN = TABLE.json("t", [_SENDS])


async def of_project(
    database: Database | Connection, project_id: str, *, limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Every track with its sends, in order."""
    rows = await database.fetch_all(
        f"SELECT {SHOWN} AS track FROM tracks t WHERE project_id = %s ORDER BY position LIMIT %s OFFSET %s",
        (project_id, limit, offset),
    )
    return [row["track"] for row in rows]


async def count(database: Database, project_id: str) -> int:
    return int(await database.fetch_value("SELECT count(*) FROM tracks WHERE project_id = %s", (project_id,)))


async def get(database: Database | Connection, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Those of the tracks that exist, with their sends."""
    rows = await database.fetch_all(f"SELECT {SHOWN} AS track FROM tracks t WHERE id = ANY(%s::uuid[])", (list(ids),))
    return [row["track"] for row in rows]


async def projects_of(database: Database, ids: Iterable[str]) -> dict[str, str]:
    """The project of each track that exists."""
    rows = await database.fetch_all("SELECT id, project_id FROM tracks WHERE id = ANY(%s::uuid[])", (list(ids),))
    return {row["id"]: row["project_id"] for row in rows}


def reorder(batch: Batch, orders: Iterable[Mapping[str, Any]]) -> None:
    pairs = list(orders)
    batch.add(
        """UPDATE tracks SET position = wanted.position
           FROM unnest(%s::uuid[], %s::integer[]) AS wanted (id, position) WHERE tracks.id = wanted.id""",
        [[pair["id"] for pair in pairs], [pair["order"] for pair in pairs]],
    )
