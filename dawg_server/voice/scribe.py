"""Keeps what was said in the conversation: words, never sound."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from dataclasses import dataclass

from dawg_server.database import messages
from dawg_server.database.pool import Database
from dawg_server.voice.clerk import Clerk

MAX_REMEMBERED = 64  # items whose words may still turn out not to have been heard
PATIENCE = 10.0  # seconds that an answer waits for the words that it answers


@dataclass(slots=True)
class _Line:
    item_id: str
    role: messages.Role
    text: str | None = None  # None: the words are still awaited
    group_id: str | None = None
    until: float = 0.0  # how long they are waited for, on the loop's clock


class Scribe:
    """The user's words are often known only after the answer to them has begun; they come first all the same.

    An answer that is cut off after it was stored is corrected to what was heard.
    """

    def __init__(self, database: Database, clerk: Clerk, conversation_id: str, model: str) -> None:
        self._database, self._clerk = database, clerk
        self._conversation_id, self._model = conversation_id, model
        self._lines: deque[_Line] = deque()
        self._stored: dict[str, str] = {}  # item id -> message id
        self._cut: dict[str, str] = {}  # item id -> what was heard of it

    def expect(self, item_id: str) -> None:
        """The user has spoken; the words follow."""
        self._lines.append(_Line(item_id, "user", until=asyncio.get_running_loop().time() + PATIENCE))

    def user_said(self, item_id: str, text: str) -> None:
        """Empty text: nothing could be understood."""
        line = self._line(item_id)
        if line is None:
            self._lines.append(_Line(item_id, "user", text))
        else:
            line.text = text
        self._release()

    def assistant_said(self, item_id: str, text: str, group_id: str | None) -> None:
        """`group_id`: the step in the project's history that this answer belongs to."""
        self._lines.append(_Line(item_id, "assistant", self._cut.pop(item_id, text), group_id))
        self._release()

    def interrupted(self, item_id: str, heard: str) -> None:
        line = self._line(item_id)
        if line is not None:
            line.text = heard
            return
        self._cut[item_id] = heard
        _forget_oldest(self._cut)
        self._clerk.do(functools.partial(self._correct, item_id))

    def close(self) -> None:
        """Hands over everything, whether or not the words before it came."""
        self._release(whole=True)

    def _line(self, item_id: str) -> _Line | None:
        return next((line for line in self._lines if line.item_id == item_id), None)

    def _release(self, *, whole: bool = False) -> None:
        now = asyncio.get_running_loop().time()
        while self._lines and (whole or self._lines[0].text is not None or self._lines[0].until < now):
            line = self._lines.popleft()
            if line.text and line.text.strip():
                self._clerk.do(functools.partial(self._store, line))

    async def _store(self, line: _Line) -> None:
        assistant = line.role == "assistant"
        row = await messages.append(
            self._database,
            self._conversation_id,
            line.role,
            _content(line.text or ""),
            origin="voice",
            model=self._model if assistant else None,
            group_id=line.group_id,
        )
        if assistant:
            self._stored[line.item_id] = row["id"]
            _forget_oldest(self._stored)

    async def _correct(self, item_id: str) -> None:
        message_id = self._stored.pop(item_id, None)
        if message_id is None:
            return
        heard = self._cut.pop(item_id, "")
        if heard.strip():
            await messages.rewrite(self._database, message_id, _content(heard))
        else:
            await messages.delete(self._database, message_id)


def _content(text: str) -> messages.Content:
    return [{"type": "text", "text": text}]


def _forget_oldest(memory: dict[str, str]) -> None:
    if len(memory) > MAX_REMEMBERED:
        del memory[next(iter(memory))]
