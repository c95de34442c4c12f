"""Writes a turn down while it goes on, so that a crash loses nothing that was said or done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dawg_server import errors
from dawg_server.database import conversations, messages, refusals
from dawg_server.database.pool import Database

Blocks = Sequence[Mapping[str, Any]]


class Transcript:
    """Without a conversation nothing is written."""

    def __init__(self, database: Database, conversation_id: str | None, request_id: str) -> None:
        self._database, self._conversation_id, self._request_id = database, conversation_id, request_id

    async def begin(self, words: str, owner_id: str, project_id: str | None) -> None:
        """A question in a new conversation, which is made with it: one that is refused leaves no conversation."""
        if self._conversation_id is not None:
            await conversations.begin(
                self._database, self._conversation_id, owner_id, project_id, _text(words), self._request_id
            )

    async def asked(self, words: str) -> None:
        """Raises `DuplicateRequest` when this request was asked in this conversation before."""
        await self._append("user", _text(words), request_id=self._request_id)

    async def said(
        self,
        content: Blocks,
        stop_reason: str | None,
        *,
        model: str,
        usage: Mapping[str, Any] | None,
        group_id: str | None = None,
        id: str | None = None,
    ) -> None:
        await self._append(
            "assistant",
            content,
            stop_reason=stop_reason,
            model=model,
            usage=usage,
            group_id=group_id,
            id=id,
            request_id=self._request_id,
        )

    async def results(self, content: Blocks) -> None:
        await self._append("tool", content, request_id=self._request_id)

    async def _append(self, role: messages.Role, content: Blocks, **fields: Any) -> None:
        if self._conversation_id is None:
            return
        try:
            await messages.append(self._database, self._conversation_id, role, content, **fields)
        except refusals.UniqueViolation:
            raise errors.DuplicateRequest("This request was answered already.") from None
        except refusals.ForeignKeyViolation:
            raise errors.NotFound(
                "This conversation was deleted meanwhile.", details={"kind": "conversation"}
            ) from None


def _text(words: str) -> Blocks:
    return [{"type": "text", "text": words}]
