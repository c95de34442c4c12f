"""Ending background tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any

ASK_AGAIN = 1.0  # seconds


async def end(*tasks: asyncio.Task[Any], ask_again: float = ASK_AGAIN) -> None:
    """Cancels the tasks and returns when they have ended, however they did.

    They are asked again every `ask_again` seconds, because in Python 3.11 `asyncio.wait_for`, which the database driver
    uses, loses a request that meets the end of what it waits for. Give tasks that clean up time for that.
    """
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=ask_again)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen, so that nobody complains of an error that nobody has looked at
