"""Long answers are for somebody: when the client goes, the work for it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiohttp import web

from dawg_server import errors

INTERVAL = 0.25  # seconds between two looks at the connection
CANCEL_TIMEOUT = 5.0  # seconds

T = TypeVar("T")


async def while_connected(request: web.Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; raises `errors.HungUp`, which nobody will read, when the client has gone."""
    task = asyncio.create_task(work, name=f"answer-{request.path}")
    try:
        while not (await asyncio.wait({task}, timeout=INTERVAL))[0]:
            if request.transport is None or request.transport.is_closing():
                raise errors.HungUp()
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_TIMEOUT)
