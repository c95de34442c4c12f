"""Who may do what in a project, and over which interface they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from dawg_server import errors
from dawg_server.database import projects, table, tracks
from dawg_server.database.pool import Database
from dawg_server.daw.entity import check
from dawg_server.wire import is_uuid

Source = Literal["rest", "socket", "ai-brain", "voice", "generation", "restore", "measuring"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes a document. `sid` is the socket that is not told of its own change: an ack or a reply says it all."""

    user_id: str
    source: Source
    sid: str | None = None


class Access:
    """Roles are read from the database at each question, so that losing one takes effect at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def require(self, project_id: str, user_id: str, role: str) -> str:
        """The caller's role, when it is at least `role`. Raises `NotFound` for strangers and `Forbidden` for others."""
        known = is_uuid(project_id)
        return check(await projects.role(self._database, project_id, user_id) if known else None, role)

    async def require_track(self, track_id: str, user_id: str, role: str) -> dict[str, Any]:
        """The track, when the caller's role in its project is at least `role`.

        Raises `NotFound` for an unknown track and for strangers, `Forbidden` for others.
        """
        known = is_uuid(track_id)
        found = await table.select(self._database, tracks.TRACKS, "x.id = %s", (track_id,)) if known else []
        held = await projects.role(self._database, found[0]["projectId"], user_id) if found else None
        if held is None:
            raise errors.NotFound("There is no such track.", details={"kind": "track"})
        check(held, role)
        return found[0]
