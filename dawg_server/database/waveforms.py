"""The column `audio_files.waveform`: null until measured, then `{pyramid}` in base64, or `{failed}` with the reason."""

from __future__ import annotations

import base64
from typing import Any

from dawg_server.database.pool import Connection, Database, Json


async def take_unmeasured(database: Database, lease_seconds: float) -> dict[str, Any] | None:
    """The recording that has waited longest; nobody else takes it until the lease is over."""
    return await database.fetch_one(
        """UPDATE audio_files SET measure_after = now() + %s * interval '1 second' WHERE id = (
               SELECT id FROM audio_files WHERE waveform IS NULL AND measure_after <= now()
               ORDER BY measure_after LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING id, storage_key""",
        (lease_seconds,),
    )


async def end_leases(database: Database) -> None:
    """For a server that knows itself alone: whoever was measuring is dead."""
    await database.execute("UPDATE audio_files SET measure_after = now() WHERE waveform IS NULL")


async def postpone(database: Database, audio_id: str, seconds: float) -> None:
    await database.execute(
        "UPDATE audio_files SET measure_after = now() + %s * interval '1 second' WHERE id = %s", (seconds, audio_id)
    )


async def read(database: Database, audio_id: str) -> tuple[bytes | None, str | None]:
    """(the pyramid, why there is none); (None, None) when it is not measured yet."""
    stored = await database.fetch_value("SELECT waveform FROM audio_files WHERE id = %s", (audio_id,)) or {}
    pyramid = stored.get("pyramid")
    return base64.b64decode(pyramid) if pyramid else None, stored.get("failed")


async def store(
    connection: Connection,
    audio_id: str,
    pyramid: bytes,
    *,
    duration: float,
    lufs: float | None,
    true_peak: float | None,
) -> None:
    """Loudness that was measured before, when the file was made, stays."""
    await connection.execute(
        """UPDATE audio_files SET waveform = %s, duration = %s, lufs = coalesce(lufs, %s),
               true_peak_db = coalesce(true_peak_db, %s) WHERE id = %s""",
        (Json({"pyramid": base64.b64encode(pyramid).decode()}), duration, lufs, true_peak, audio_id),
    )


async def store_failure(database: Database, audio_id: str, reason: str) -> None:
    await database.execute(
        "UPDATE audio_files SET waveform = %s WHERE id = %s AND waveform IS NULL", (Json({"failed": reason}), audio_id)
    )
