"""Writes things down behind a talk: one after the other, so that nothing spoken ever waits for the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from dawg_server import errors, logs

MAX_WAITING = 500  # pieces of work; more only when Postgres has been away for long
CLOSE_TIMEOUT = 5.0  # seconds for what waits when the session ends

log = logs.get("voice")
Work = Callable[[], Awaitable[None]]


class Clerk:
    """A piece of work that fails is logged; the next one is done all the same."""

    def __init__(self, name: str) -> None:
        self._waiting: asyncio.Queue[Work | None] = asyncio.Queue(MAX_WAITING)
        self._task = asyncio.create_task(self._work(), name=f"{name} clerk")

    def do(self, work: Work) -> None:
        try:
            self._waiting.put_nowait(work)
        except asyncio.QueueFull:
            log.error("Too much waits to be written down; this is lost.", action="voice_notes_lost")

    async def close(self) -> None:
        """Returns when everything is written, or `CLOSE_TIMEOUT` has passed."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._waiting.put(None)
                await asyncio.shield(self._task)
        except TimeoutError:
            log.error("Not everything could be written down in time.", action="voice_notes_lost")
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while (work := await self._waiting.get()) is not None:
            try:
                await work()
            except errors.DawgError as error:
                log.warning("Something could not be written down.", action="voice_note_failed", code=error.code)
            except Exception:
                log.exception("Something could not be written down.", action="voice_note_failed")
