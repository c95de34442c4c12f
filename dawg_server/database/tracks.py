"""Rows of `tracks`, `sends` and `clips`: how they lie in their tables, and which recordings clips play."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dawg_server.database.pool import Connection, Database
from dawg_server.database.table import TIMES, Batch, Column, Table, decibels, plain

SENDS = Table(
    "sends",
    plain("id", "trackId", "destinationTrackId", "level", "pan", "preFader", "enabled"),
    {"levelDb": decibels("level")},
    "track",
    sorted_by=("id",),
)
TRACKS = Table(
    "tracks",
    {
        **plain("id", "projectId", "name", "trackType", "color", "volume", "pan", "isMuted", "isSolo", "isArmed"),
        **plain("channels"),
        "order": Column("position"),
        "outputDestination": Column(
            "output_track_id", "coalesce({0}.output_track_id::text, 'master')", absent="master"
        ),
        **plain("groupId", "lyrics", "instrument"),
        "metadata": Column("metadata", json=True),
    },
    {"volumeDb": decibels("volume"), **TIMES},
    sorted_by=("order",),
    parts={"sends": SENDS},
)
CLIPS = Table(
    "clips",
    {
        **plain("id", "trackId", "audioFileId", "name", "color", "timebase", "startTime", "duration"),
        "offset": Column("source_offset"),
        **plain("fadeIn", "fadeOut", "fadeCurve"),
        **plain("startBeat", "lengthBeats", "offsetBeats", "fadeInBeats", "fadeOutBeats", "stretch", "originalBpm"),
        "gain": Column("gain_db"),
        "midiData": Column("midi", json=True),
    },
    TIMES,
    "track",
    sorted_by=("startTime", "id"),
)


async def projects_playing(connection: Connection | Database, audio_file_id: str) -> list[str]:
    """The projects in which clips play this recording, sorted."""
    rows = await connection.fetch_all(
        """SELECT DISTINCT t.project_id FROM clips c JOIN tracks t ON t.id = c.track_id
           WHERE c.audio_file_id = %s ORDER BY t.project_id""",
        (audio_file_id,),
    )
    return [row["project_id"] for row in rows]


async def recording(connection: Connection, project_id: str, audio_file_id: str) -> dict[str, Any] | None:
    """What a clip has to know of the recording that it plays; `played`: in that project, as stored.

    The lock makes a correction of its length (see `lock_recording`) wait until the clip is stored.
    """
    return await connection.fetch_one(
        """SELECT id, owner_id, project_id, duration, original_name, filename, EXISTS (
               SELECT FROM played_recordings r WHERE r.project_id = %s AND r.audio_file_id = a.id) AS played
           FROM audio_files a WHERE id = %s FOR KEY SHARE OF a""",
        (project_id, audio_file_id),
    )


async def tempo_of_recording(connection: Connection, audio_file_id: str) -> float | None:
    """The tempo at which a recording was made, or that an analysis has found in it; None while it is not known."""
    tempo: float | None = await connection.fetch_value(
        """SELECT coalesce(
               (SELECT (g.input ->> 'bpm')::double precision FROM generations g WHERE g.id = a.generation_id
                   AND jsonb_typeof(g.input -> 'bpm') = 'number'),
               (SELECT (found.value ->> 'bpm')::double precision FROM jsonb_each(a.analysis) AS found
                   WHERE jsonb_typeof(found.value -> 'bpm') = 'number' ORDER BY found.key LIMIT 1))
           FROM audio_files a WHERE a.id = %s""",
        (audio_file_id,),
    )
    return tempo


async def lock_recording(connection: Connection, audio_file_id: str) -> dict[str, Any] | None:
    """`owner_id`; returns when no transaction that has read the recording's length is under way."""
    return await connection.fetch_one("SELECT owner_id FROM audio_files WHERE id = %s FOR UPDATE", (audio_file_id,))


def attach(batch: Batch, project_id: str, audio_file_ids: Iterable[str]) -> None:
    """Recordings that belong to no project yet become that project's."""
    batch.add(
        "UPDATE audio_files SET project_id = %s WHERE id = ANY(%s::uuid[]) AND project_id IS NULL",
        (project_id, list(audio_file_ids)),
    )
