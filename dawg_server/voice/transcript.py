"""Writes down what was said, behind the talk: words, never sound."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from dawg_server import errors, logs
from dawg_server.database import messages
from dawg_server.transcript import TranscriptWriter

MAX_REMEMBERED = 64  # items whose words may still turn out not to have been heard
PATIENCE = 10.0  # seconds that an answer waits for the words that it answers
MAX_WAITING = 500  # writes; more only when Postgres has been away for long
CLOSE_TIMEOUT = 3.0  # seconds for what waits when the session ends, and again for what is left of it

log = logs.get("voice")
Write = Callable[[], Awaitable[None]]


class WriteQueue:
    """Writes one after the other, so that nothing spoken waits for the database. A write that fails is logged."""

    def __init__(self, name: str) -> None:
        self._waiting: asyncio.Queue[Write | None] = asyncio.Queue(MAX_WAITING)
        self._task = asyncio.create_task(self._work(), name=f"{name} writes")

    def put(self, write: Write) -> None:
        try:
            self._waiting.put_nowait(write)
        except asyncio.QueueFull:
            log.error("Too much waits to be written down; this is lost.", action="voice_notes_lost")

    async def close(self) -> None:
        """Returns when everything is written, or was tried.

        A database that hangs delays each write, so what waits after `CLOSE_TIMEOUT` is written at once: bills then go
        to the ledger's folder, all of them.
        """
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._waiting.put(None)
                await asyncio.shield(self._task)
            return
        except TimeoutError:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        left = [asyncio.create_task(_written(write), name="late write") for write in self._drained()]
        if left:
            _, late = await asyncio.wait(left, timeout=CLOSE_TIMEOUT)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            if late:
                log.error("Not everything could be written down in time.", action="voice_notes_lost", lost=len(late))

    async def _work(self) -> None:
        while (write := await self._waiting.get()) is not None:
            await _written(write)

    def _drained(self) -> Iterator[Write]:
        while not self._waiting.empty():
            if (write := self._waiting.get_nowait()) is not None:
                yield write


async def _written(write: Write) -> None:
    try:
        await write()
    except errors.DawgError as error:
        log.warning("Something could not be written down.", action="voice_note_failed", code=error.code)
    except Exception:
        log.exception("Something could not be written down.", action="voice_note_failed")


@dataclass(slots=True)
class _SpokenLine:
    item_id: str
    role: messages.Role
    text: str | None = None  # None: the words are still awaited
    group_id: str | None = None
    until: float = 0.0  # how long they are waited for, on the loop's clock


class SpokenTranscript:
    """Stores utterances and responses in the order in which they were said, though transcripts of users come late.

    A response that is cut off after it was stored is corrected to what was heard.
    """

    def __init__(self, writer: TranscriptWriter, queue: WriteQueue, model: str) -> None:
        self._writer, self._queue, self._model = writer, queue, model
        self._lines: deque[_SpokenLine] = deque()
        self._stored: dict[str, str] = {}  # item id -> message id
        self._cut: dict[str, str] = {}  # item id -> what was heard of it

    def expect(self, item_id: str) -> None:
        """The user has spoken; the words follow."""
        self._lines.append(_SpokenLine(item_id, "user", until=asyncio.get_running_loop().time() + PATIENCE))

    def user_said(self, item_id: str, text: str) -> None:
        """Empty text: nothing could be understood."""
        line = self._line(item_id)
        if line is None:
            self._lines.append(_SpokenLine(item_id, "user", text))
        else:
            line.text = text
        self._release()

    def assistant_said(self, item_id: str, text: str, group_id: str | None) -> None:
        """`group_id`: the step in the project's history that this answer belongs to."""
        self._lines.append(_SpokenLine(item_id, "assistant", self._cut.pop(item_id, text), group_id))
        self._release()

    def interrupted(self, item_id: str, heard: str) -> None:
        line = self._line(item_id)
        if line is not None:
            line.text = heard
            return
        self._cut[item_id] = heard
        _forget_oldest(self._cut)
        self._queue.put(functools.partial(self._correct, item_id))

    def close(self) -> None:
        """Hands over everything, whether or not the words before it came."""
        self._release(whole=True)

    def _line(self, item_id: str) -> _SpokenLine | None:
        return next((line for line in self._lines if line.item_id == item_id), None)

    def _release(self, *, whole: bool = False) -> None:
        now = asyncio.get_running_loop().time()
        while self._lines and (whole or self._lines[0].text is not None or self._lines[0].until < now):
            line = self._lines.popleft()
            if line.text and line.text.strip():
                self._queue.put(functools.partial(self._store, line))

    async def _store(self, line: _SpokenLine) -> None:
        words = line.text or ""
        if line.role == "user":
            await self._writer.user(words)
            return
        self._stored[line.item_id] = await self._writer.assistant(words, model=self._model, group_id=line.group_id)
        _forget_oldest(self._stored)

    async def _correct(self, item_id: str) -> None:
        message_id = self._stored.pop(item_id, None)
        if message_id is not None:
            await self._writer.correct(message_id, self._cut.pop(item_id, ""))


def _forget_oldest(memory: dict[str, str]) -> None:
    if len(memory) > MAX_REMEMBERED:
        del memory[next(iter(memory))]
