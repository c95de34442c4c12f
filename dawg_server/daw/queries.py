"""Looks at parts of projects, for those who may read them."""

from __future__ import annotations

from typing import Any

from dawg_server.database import clips, operations, projects, table, tracks
from dawg_server.database.pool import Database
from dawg_server.daw import access
from dawg_server.daw.draft import missing
from dawg_server.daw.entities import TRACK
from dawg_server.daw.entities.base import EntityType
from dawg_server.wire import is_uuid

Entity = dict[str, Any]


class Queries:
    """What is not there and what is none of the caller's business is `NotFound` alike."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def projects(
        self, user_id: str, *, search: str | None, sort_by: str, sort_order: str, page: int, limit: int
    ) -> tuple[list[Entity], int]:
        """(the user's own and shared projects with `role`, how many there are in all)."""
        return await projects.page(
            self._database,
            user_id,
            search=search,
            sort_by=sort_by,
            sort_order=sort_order,
            limit=limit,
            offset=(page - 1) * limit,
        )

    async def visit(self, project_id: str, user_id: str) -> Entity:
        """`role`, `revision` and the caller's `username`."""
        row = await projects.visit(self._database, project_id, user_id) if is_uuid(project_id) else None
        access.check(row["role"] if row else None, "viewer")
        assert row is not None
        return row

    async def log(self, project_id: str, user_id: str, *, since: int, limit: int) -> tuple[list[Entity], int]:
        """(the operations after a revision, oldest first; the present revision)."""
        await self.visit(project_id, user_id)
        found = await operations.since(self._database, project_id, since, limit)
        visit = await self.visit(project_id, user_id)
        return found, max(found[-1]["revision"] if found else 0, visit["revision"])

    async def tracks(self, project_id: str, user_id: str, *, page: int, limit: int) -> tuple[list[Entity], int]:
        """(tracks with their sends in order, how many there are in all)."""
        await self.visit(project_id, user_id)
        found = await tracks.of_project(self._database, project_id, limit=limit, offset=(page - 1) * limit)
        return found, await tracks.count(self._database, project_id)

    async def clips(self, track_id: str, user_id: str) -> list[Entity]:
        """The clips of a track, by time."""
        await self._visible("track", track_id, await self.home(TRACK, track_id), user_id)
        return await clips.of_tracks(self._database, [track_id])

    async def all(self, kind: EntityType, project_id: str, user_id: str) -> list[Entity]:
        """Every entity of a kind whose API is made from its declaration, oldest first."""
        await self.visit(project_id, user_id)
        return await table.of_project(self._database, kind.table, project_id)

    async def one(self, kind: EntityType, id: str, user_id: str) -> Entity:
        """A single entity; a track has its sends with it."""
        project_id = await self.home(kind, id)
        await self._visible(kind.name, id, project_id, user_id)
        if kind.name == "track":
            found = await tracks.get(self._database, [id])
        else:
            found = await table.get(self._database, kind.table, project_id, [id])
        if not found:
            raise missing(kind.name, id)
        return found[0]

    async def home(self, kind: EntityType, id: str, *, repeated: tuple[str, str | None] | None = None) -> str:
        """The project in which an entity is, whoever asks.

        `repeated`: (user, client operation) of a request that may be a repetition, so that the entity may be gone.
        """
        known = is_uuid(id)
        project_id = await table.project_of(self._database, kind.table, id) if known else None
        if project_id is None and known and repeated and repeated[1]:
            project_id = await operations.project_of(self._database, repeated[0], repeated[1], id)
        if project_id is None:
            raise missing(kind.name, id)
        return project_id

    async def _visible(self, kind: str, id: str, project_id: str, user_id: str) -> None:
        if await projects.role(self._database, project_id, user_id) is None:
            raise missing(kind, id)
