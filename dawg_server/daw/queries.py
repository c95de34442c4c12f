"""Looks at parts of projects, for those who may read them."""

from __future__ import annotations

from dawg_server.database import operations, projects, table
from dawg_server.database.pool import Database
from dawg_server.daw import entity as registry
from dawg_server.daw.entity import Entity, EntityType, missing
from dawg_server.wire import is_uuid


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

    async def role_and_revision(self, project_id: str, user_id: str) -> Entity:
        """`role`, `revision` and the caller's `username`."""
        row = await projects.role_and_revision(self._database, project_id, user_id) if is_uuid(project_id) else None
        registry.check(row["role"] if row else None, "viewer")
        assert row is not None
        return row

    async def log(self, project_id: str, user_id: str, *, since: int, limit: int) -> tuple[list[Entity], int]:
        """(the operations after a revision, oldest first; the present revision)."""
        await self.role_and_revision(project_id, user_id)
        found = await operations.since(self._database, project_id, since, limit)
        now = await self.role_and_revision(project_id, user_id)
        return found, max(found[-1]["revision"] if found else 0, now["revision"])

    async def page(
        self, kind: EntityType, project_id: str, user_id: str, *, page: int, limit: int
    ) -> tuple[list[Entity], int]:
        """(entities of a kind, sorted; how many there are in all)."""
        await self.role_and_revision(project_id, user_id)
        offset = (page - 1) * limit
        found = await table.of_project(self._database, kind.table, project_id, limit=limit, offset=offset)
        return found, await table.count(self._database, kind.table, project_id)

    async def all(self, kind: EntityType, project_id: str, user_id: str) -> list[Entity]:
        """Every entity of a kind, sorted."""
        await self.role_and_revision(project_id, user_id)
        return await table.of_project(self._database, kind.table, project_id)

    async def on(self, kind: EntityType, parent_id: str, user_id: str) -> list[Entity]:
        """Every entity of a kind on a track, sorted."""
        parent = registry.find(kind.parent)
        project_id = await self.home(parent, parent_id)
        await self._visible(parent.name, parent_id, project_id, user_id)
        return await table.naming(self._database, kind.table, project_id, kind.parent_field, parent_id)

    async def one(self, kind: EntityType, id: str, user_id: str) -> Entity:
        """A single entity; a track has its sends with it."""
        project_id = await self.home(kind, id)
        await self._visible(kind.name, id, project_id, user_id)
        found = await table.get(self._database, kind.table, project_id, [id])
        if not found:
            raise missing(kind.name, id)
        return found[0]

    async def home(self, kind: EntityType, id: str, *, repeated: tuple[str, str | None] | None = None) -> str:
        """The project in which an entity is, whoever asks.

        `repeated`: (user, client operation) of a request that may be a repetition, so that the entity may be gone.
        """
        known = is_uuid(id)
        project_id = (await table.projects_of(self._database, kind.table, [id])).get(id.lower()) if known else None
        if project_id is None and known and repeated and repeated[1]:
            project_id = await operations.project_of(self._database, repeated[0], repeated[1], id)
        if project_id is None:
            raise missing(kind.name, id)
        return project_id

    async def _visible(self, kind: str, id: str, project_id: str, user_id: str) -> None:
        if await projects.role(self._database, project_id, user_id) is None:
            raise missing(kind, id)
