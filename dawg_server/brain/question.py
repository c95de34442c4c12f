"""What somebody asks, and how the model is told about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dawg_server.brain import history, prompt
from dawg_server.brain.small import SmallJobs
from dawg_server.daw.document import Document
from dawg_server.memory.service import Memory

MAX_MEMORIES = 8  # that a question comes with


@dataclass(frozen=True, slots=True)
class Question:
    """`history` and `context` are what the client says, and are never stored.

    `interactive`: who asks can run the browser's functions while the turn goes on. `stored`: as part of a conversation.
    `owner`: the socket whose end is the end of the turn.
    """

    user_id: str
    message: str
    base_url: str
    request_id: str | None = None
    conversation_id: str | None = None
    project_id: str | None = None
    history: Sequence[Mapping[str, str]] = ()
    context: Any = None
    interactive: bool = True
    stored: bool = True
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What the model is told first: the talk before, and this question with the state of things."""

    before: Sequence[Mapping[str, Any]]
    question: Sequence[Mapping[str, Any]]


class Openings:
    def __init__(self, document: Document, memory: Memory, small: SmallJobs) -> None:
        self._document, self._memory, self._small = document, memory, small

    async def state(self, question: Question, project_id: str | None) -> list[dict[str, Any]]:
        """The question with the state of things as it is now."""
        project = await self._document.snapshot(project_id, question.user_id) if project_id else None
        memories = await self._memory.recall(question.user_id, question.message, MAX_MEMORIES)
        return prompt.question(question.message, project, question.context, memories)

    async def make(
        self, question: Question, conversation: Mapping[str, Any] | None, state: Sequence[Mapping[str, Any]]
    ) -> Opening:
        """May need the small model, for a long conversation."""
        if conversation is None:
            return Opening(history.given(question.history), state)
        rows, summary = await self._small.compact(question.user_id, conversation)
        return Opening(history.messages(rows, summary), state)
