"""Writes a conversation down, typed or spoken, message by message: a crash loses nothing that was said or done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dawg_server import errors
from dawg_server.claude.message import blank, visible
from dawg_server.database import ForeignKeyViolation, UniqueViolation, conversations, messages
from dawg_server.database.pool import Database

Content = str | Sequence[Mapping[str, Any]]  # words, or blocks as a model reads them


class TranscriptWriter:
    """Text without a visible character is left out. Without a conversation nothing is written.

    `request_id`: the turn that the messages belong to; the same question with the same one is refused.
    Raises `DuplicateRequest`, and `NotFound` when the conversation was deleted meanwhile.
    """

    def __init__(
        self,
        database: Database,
        conversation_id: str | None,
        *,
        origin: messages.Origin = "text",
        request_id: str | None = None,
    ) -> None:
        self._database, self._conversation_id = database, conversation_id
        self._origin, self._request_id = origin, request_id

    async def begin(self, question: str, owner_id: str, project_id: str | None) -> None:
        """The first question of a new conversation, which is made with it: one that is refused leaves none."""
        if self._conversation_id is not None:
            await conversations.begin(
                self._database, self._conversation_id, owner_id, project_id, _blocks(question), self._request_id
            )

    async def user(self, content: Content) -> str:
        return await self._append("user", content)

    async def assistant(self, content: Content, **fields: Any) -> str:
        """`fields` are those of `messages.append`: `stop_reason`, `model`, `usage`, `group_id`, `id`,
        `instead_of`.

        An answer without content is kept too: its end is part of the conversation.
        """
        return await self._append("assistant", content, **fields)

    async def tool_results(self, content: Content) -> str:
        return await self._append("tool", content)

    async def correct(self, message_id: str, content: Content) -> None:
        """What was really said or heard; a message of which nothing is left goes."""
        if kept := _blocks(content):
            await messages.rewrite(self._database, message_id, kept)
        else:
            await messages.delete(self._database, message_id)

    async def withdraw(self, *message_ids: str) -> None:
        """These were not said."""
        await messages.delete(self._database, *message_ids)

    async def _append(self, role: messages.Role, content: Content, **fields: Any) -> str:
        """The id of the message, "" when nothing is written."""
        if self._conversation_id is None:
            return ""
        about = {"origin": self._origin, "request_id": self._request_id, **fields}
        try:
            row = await messages.append(self._database, self._conversation_id, role, _blocks(content), **about)
        except UniqueViolation:
            raise errors.DuplicateRequest("This request was answered already.") from None
        except ForeignKeyViolation:
            raise errors.NotFound(
                "This conversation was deleted meanwhile.", details={"kind": "conversation"}
            ) from None
        return str(row["id"])


def _blocks(content: Content) -> messages.Content:
    if isinstance(content, str):
        return [] if blank(content) else [{"type": "text", "text": content}]
    return visible(content)
