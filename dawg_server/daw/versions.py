"""Versions: states of a project that are kept by number and can be brought back (contract, section 4.4)."""

from __future__ import annotations

import re
from typing import Any

import structlog

from dawg_server import errors, logs
from dawg_server.database import operations, versions
from dawg_server.database.pool import Connection, Database
from dawg_server.daw import access, entities
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from dawg_server.daw.editing import Executed
from dawg_server.wire import is_uuid

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")

log: structlog.stdlib.BoundLogger = logs.get("main")


class Versions:
    """Rows are those of `database.versions`. A version is kept whole, so that it outlives the log of changes."""

    def __init__(self, database: Database, document: Document) -> None:
        self._database = database
        self._document = document

    async def page(self, project_id: str, user_id: str, *, page: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """(versions, the newest first; how many there are in all)."""
        access.check(await self._document.role(project_id, user_id), "viewer")
        return await versions.page(self._database, project_id, limit=limit, offset=(page - 1) * limit)

    async def make(self, project_id: str, user_id: str, *, name: str | None, description: str | None) -> dict[str, Any]:
        """Keeps the present state."""
        if not is_uuid(project_id):
            access.check(None, "editor")
        async with self._database.transaction() as connection:
            made = await self._keep(connection, project_id, user_id, name=name, description=description)
        log.info("A version was made.", action="version_made", project_id=project_id, number=made["number"])
        return made

    async def restore(
        self, project_id: str, user_id: str, number: str, *, client_operation_id: str | None = None
    ) -> Executed:
        """Brings back a version as one group of changes, which its author can undo.

        The state before is kept as a version, too. `results[0]` tells its `savedNumber`, and `missingAudio`:
        recordings that were deleted since, whose clips cannot come back.
        """
        if not _NUMBER.fullmatch(number):
            access.check(await self._document.role(project_id, user_id), "editor")
            raise errors.NotFound("There is no such version.", details={"kind": "version"})
        async with self._document.editing(project_id, Actor(user_id, "restore")) as editing:

            async def keep() -> dict[str, Any]:
                name = f"Before restoring version {number}"
                saved = await self._keep(editing.connection, project_id, user_id, name=name, automatic=True)
                return {"savedNumber": saved["number"]}

            executed = await editing.execute(
                [Command("restoreVersion", {"number": int(number)})],
                client_operation_id=client_operation_id,
                first_of_all=keep,
            )
            await versions.prune(editing.connection, project_id)
        log.info("A version was restored.", action="version_restored", project_id=project_id, number=int(number))
        return executed

    async def _keep(self, connection: Connection, project_id: str, user_id: str, **fields: Any) -> dict[str, Any]:
        row = await operations.lock(connection, project_id, user_id)
        access.check(row["role"] if row else None, "editor")
        made = await versions.insert(connection, project_id, user_id, others=entities.tables(), **fields)
        assert made is not None  # because it is locked
        return made
