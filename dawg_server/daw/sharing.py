"""Who may work on a project: changing what they may do, letting them go."""

from __future__ import annotations

from typing import Any

from bus import events
from bus.local import LocalBus
from dawg_server import errors
from dawg_server.database import collaborators
from dawg_server.database.pool import Connection, Database
from dawg_server.daw.access import Access
from dawg_server.wire import is_uuid


class Sharing:
    """Rows are those of `database.collaborators`. Every change is told to the sockets in the project's room."""

    def __init__(self, database: Database, bus: LocalBus, access: Access) -> None:
        self._database = database
        self._bus = bus
        self._access = access

    async def members(self, project_id: str, user_id: str) -> list[dict[str, Any]]:
        """The owner first. Visitors of a public project are not shown addresses, nor who is only invited."""
        await self._require(project_id, user_id, "viewer")
        rows = await collaborators.listed(self._database, project_id)
        if any(row["user_id"] == user_id for row in rows):
            return rows
        return [row | {"email": None} for row in rows if row["accepted_at"] is not None]

    async def change(self, project_id: str, user_id: str, collaborator_id: str, *, role: str) -> dict[str, Any]:
        await self._require(project_id, user_id, "owner")
        async with self._database.transaction() as connection:
            row = await self._lock(connection, project_id, collaborator_id)
            await collaborators.set_role(connection, row["id"], role)
        if row["role"] != role:
            await self._tell(row, role)
        return row | {"role": role}

    async def remove(self, project_id: str, user_id: str, collaborator_id: str) -> dict[str, Any]:
        """The row as it was. Members may remove themselves, owners everybody but themselves."""
        held = await self._require(project_id, user_id, "viewer")
        async with self._database.transaction() as connection:
            only_for = None if held == "owner" else user_id
            row = await self._lock(connection, project_id, collaborator_id, only_for)
            await collaborators.delete(connection, row["id"])
        await self._tell(row, None)
        return row

    async def _require(self, project_id: str, user_id: str, role: str) -> str:
        return await self._access.require(project_id, user_id, role)

    async def _lock(
        self, connection: Connection, project_id: str, collaborator_id: str, only_for: str | None = None
    ) -> dict[str, Any]:
        known = is_uuid(collaborator_id)
        row = await collaborators.lock(connection, project_id, collaborator_id) if known else None
        if row is None:
            raise errors.NotFound("There is no such collaborator.", details={"kind": "collaborator"})
        if only_for is not None and row["user_id"] != only_for:
            raise errors.Forbidden("Only the owner removes other people.", details={"required": "owner"})
        if row["role"] == "owner":
            raise errors.Conflict("A project keeps its owner. Delete the project instead.", details={"role": "owner"})
        return row

    async def _tell(self, row: dict[str, Any], role: str | None) -> None:
        if row["user_id"] is not None:
            await self._bus.publish(events.MembershipChanged(row["project_id"], row["user_id"], role))
