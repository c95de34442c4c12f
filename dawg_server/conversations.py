"""Conversations with the assistants, typed or spoken: each belongs to one user, and nobody else finds it."""

from __future__ import annotations

from typing import Any

from dawg_server import errors, ids
from dawg_server.database import conversations, messages
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access

Row = dict[str, Any]


class Conversations:
    """Raises `NotFound` for a conversation that is not the user's, whatever its id looks like."""

    def __init__(self, database: Database, access: Access) -> None:
        self._database, self._access = database, access

    async def newest(self, user_id: str, limit: int, offset: int) -> tuple[list[Row], int]:
        """(those used last, with `message_count`; how many there are)."""
        return await conversations.newest(self._database, user_id, limit, offset)

    async def create(self, user_id: str, *, title: str | None = None, project_id: str | None = None) -> Row:
        """Without messages. Raises `NotFound` for a project that the user must not see."""
        if project_id is not None:
            await self._access.require(project_id, user_id, "viewer")
        return await conversations.insert(self._database, user_id, project_id=project_id, title=title)

    async def get(self, conversation_id: str, user_id: str) -> Row:
        known = ids.is_uuid(conversation_id)
        row = await conversations.get(self._database, conversation_id, user_id) if known else None
        if row is None:
            raise _unknown()
        return row

    async def read(
        self, conversation_id: str, user_id: str, limit: int, before: int | None = None
    ) -> tuple[Row, list[Row], int | None]:
        """(the conversation with `message_count`, then as `messages.page`)."""
        known = ids.is_uuid(conversation_id)
        row = await conversations.counted(self._database, conversation_id, user_id) if known else None
        if row is None:
            raise _unknown()
        return row, *await messages.page(self._database, row["id"], limit, before)

    async def unsummarized(self, conversation: Row, newest: int) -> list[Row]:
        """Its newest messages for which no summary stands, in order."""
        return await messages.of_conversation(
            self._database, str(conversation["id"]), after=conversation["summarized_seq"], newest=newest
        )

    async def rename(self, conversation_id: str, user_id: str, title: str) -> None:
        if not (
            ids.is_uuid(conversation_id) and await conversations.rename(self._database, conversation_id, user_id, title)
        ):
            raise _unknown()

    async def delete(self, conversation_id: str, user_id: str) -> None:
        if not (ids.is_uuid(conversation_id) and await conversations.delete(self._database, conversation_id, user_id)):
            raise _unknown()


def _unknown() -> errors.NotFound:
    return errors.NotFound("There is no such conversation.", details={"kind": "conversation"})
