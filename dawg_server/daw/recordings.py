"""Recordings whose length has turned out: the clips that play them follow, in whichever projects they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from dawg_server.database import operations, tracks
from dawg_server.database.pool import Connection, Database
from dawg_server.daw.access import Actor
from dawg_server.daw.document import Document, Editing

Store = Callable[[Connection], Awaitable[None]]


async def measured(database: Database, document: Document, audio_file_id: str, length: float, store: Store) -> None:
    """Stores what was measured of a recording; clips that would outlast its `length` (seconds) follow at once."""
    playing = await tracks.projects_playing(database, audio_file_id)
    while (others := await _measured(database, document, audio_file_id, length, store, playing)) is not None:
        playing = others


async def _measured(
    database: Database, document: Document, audio_file_id: str, length: float, store: Store, project_ids: Sequence[str]
) -> list[str] | None:
    """None when it is done, else all the projects that have to be locked before the recording is."""
    async with document.alone(project_ids) as outgoing, database.transaction() as connection:
        for project_id in project_ids:
            await operations.lock(connection, project_id, "")
        recording = await tracks.lock_recording(connection, audio_file_id)
        if recording is None:  # deleted meanwhile
            return None
        playing = await tracks.projects_playing(connection, audio_file_id)
        if not set(playing) <= set(project_ids):
            return playing
        await store(connection)
        for project_id in playing:
            editing = Editing(connection, project_id, Actor(str(recording["owner_id"]), "measuring"))
            await editing.follow_recording(audio_file_id, length)
            outgoing += editing.outgoing
    return None
