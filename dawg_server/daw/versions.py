"""Versions: states of a project that are kept by number and can be brought back (contract, section 4.4)."""

from __future__ import annotations

from typing import Any

import structlog

from dawg_server import errors, ids, logs
from dawg_server.database import projects, versions
from dawg_server.database.pool import Database
from dawg_server.daw import access
from dawg_server.daw.actor import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from dawg_server.daw.editing import Executed

log: structlog.stdlib.BoundLogger = logs.get("main")


class Versions:
    """Rows are those of `database.versions`. A version is kept whole, so that it outlives the log of changes."""

    def __init__(self, database: Database, document: Document) -> None:
        self._database = database
        self._document = document

    async def page(
        self, project_id: str, user_id: str, *, page: int, limit: int
    ) -> tuple[list[dict[str, Any]], int]:
        """(versions, the newest first; how many there are in all)."""
        access.check(await self._document.role(project_id, user_id), "viewer")
        return await versions.page(self._database, project_id, limit=limit, offset=(page - 1) * limit)

    async def make(self, project_id: str, user_id: str, *, name: str | None, description: str | None) -> dict[str, Any]:
        """Keeps the present state."""
        if not ids.is_uuid(project_id):
            access.check(None, "editor")
        async with self._database.transaction() as connection:
            row = await projects.lock(connection, project_id, user_id)
            access.check(row["role"] if row else None, "editor")
            made = await versions.insert(connection, project_id, user_id, name=name, description=description)
        assert made is not None
        log.info("A version was made.", action="version_made", project_id=project_id, number=made["number"])
        return made

    async def restore(self, project_id: str, user_id: str, number: str) -> Executed:
        """Brings back a version as one group of changes, which its author can undo.

        `results[0]` tells `savedNumber`, the version that keeps the state before, and `missingAudio`.
        """
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            access.check(await self._document.role(project_id, user_id), "editor")
            raise errors.NotFound("There is no such version.", details={"kind": "version"})
        command = Command("restoreVersion", {"number": int(number)})
        return await self._document.execute(project_id, [command], Actor(user_id, "restore"))
