"""Memories of one user: kept, found by relevance, used in turns, forgotten on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server import errors
from dawg_server.database import memories
from dawg_server.database.pool import Database
from dawg_server.wire import is_uuid

TYPES = ("preference", "fact", "context", "interaction")


class Memory:
    """Never shows or changes a memory of anybody else: those are not found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, user_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """`type`, `content`, and maybe `category`, `importance` 1..10, `metadata`, `expires_at`."""
        return await memories.insert(self._database, user_id, values)

    async def browse(self, user_id: str, **chosen: Any) -> tuple[list[dict[str, Any]], int, int]:
        """(memories, total, session count); see `memories.used` for what can be chosen."""
        return await memories.used(self._database, user_id, **chosen)

    async def recall(self, user_id: str, about: str, limit: int = 8) -> list[dict[str, Any]]:
        """What is relevant to `about`, best first."""
        return await memories.relevant(self._database, user_id, about, limit)

    async def change(self, memory_id: str, user_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        row = await memories.update(self._database, memory_id, user_id, values) if is_uuid(memory_id) else None
        if row is None:
            raise _unknown()
        return row

    async def forget(self, memory_id: str, user_id: str) -> None:
        if not (is_uuid(memory_id) and await memories.delete(self._database, memory_id, user_id)):
            raise _unknown()


def _unknown() -> errors.NotFound:
    return errors.NotFound("There is no such memory.", details={"kind": "memory"})
