"""Conversations with the assistants, typed or spoken: each belongs to one user, and nobody else finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dawg_server import errors
from dawg_server.database import conversations, messages
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.wire import is_uuid

MAX_EXCHANGE = 100  # messages from a question to the end of its answer; far more than there are

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LastQuestion:
    """`answer_ids`: of all messages that followed it."""

    id: str
    words: str
    answer_ids: tuple[str, ...]


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
        known = is_uuid(conversation_id)
        row = await conversations.get(self._database, conversation_id, user_id) if known else None
        if row is None:
            raise _unknown()
        return row

    async def read(
        self, conversation_id: str, user_id: str, limit: int, before: int | None = None
    ) -> tuple[Row, list[Row], int | None]:
        """(the conversation with `message_count`, then as `messages.page`)."""
        known = is_uuid(conversation_id)
        row = await conversations.counted(self._database, conversation_id, user_id) if known else None
        if row is None:
            raise _unknown()
        return row, *await messages.page(self._database, row["id"], limit, before)

    async def unsummarized(self, conversation: Row, newest: int) -> list[Row]:
        """Its newest messages for which no summary stands, in order."""
        return await messages.of_conversation(
            self._database, str(conversation["id"]), after=conversation["summarized_seq"], newest=newest
        )

    async def last_question(self, conversation_id: str, user_id: str, answer_id: str | None = None) -> LastQuestion:
        """Raises `Conflict` when nothing was asked, or when `answer_id` is not of the newest answer."""
        conversation = await self.get(conversation_id, user_id)
        rows = await messages.of_conversation(self._database, str(conversation["id"]), newest=MAX_EXCHANGE)
        at = max((at for at, row in enumerate(rows) if row["role"] == "user"), default=None)
        if at is None:
            raise errors.Conflict("Nothing was asked in this conversation yet.")
        id, *answer_ids = (str(row["id"]) for row in rows[at:])
        if answer_id not in (None, id, *answer_ids):
            raise errors.Conflict("Only the newest answer of a conversation can be made anew.")
        words = "".join(block["text"] for block in rows[at]["content"] if block["type"] == "text")
        return LastQuestion(id, words, tuple(answer_ids))

    async def rename(self, conversation_id: str, user_id: str, title: str) -> None:
        if not (
            is_uuid(conversation_id) and await conversations.rename(self._database, conversation_id, user_id, title)
        ):
            raise _unknown()

    async def delete(self, conversation_id: str, user_id: str) -> None:
        if not (is_uuid(conversation_id) and await conversations.delete(self._database, conversation_id, user_id)):
            raise _unknown()


def _unknown() -> errors.NotFound:
    return errors.NotFound("There is no such conversation.", details={"kind": "conversation"})
