"""How often a provider is asked how far it is, how long its silence is borne, and what a purchase waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from dawg_server.generation.providers.base import Transient
from dawg_server.generation.providers.webhook_hints import Listener

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between two readings: `first`, growing by `growth` each time, up to `longest`.

    `failures`: how many readings in a row may fail before the attempt is given up. `copies`: seconds before the second
    and each further try of a copy. `lost`: seconds to wait for news of a purchase whose answer got lost.
    """

    lost: float
    first: float = 2.0
    longest: float = 5.0
    growth: float = 1.25
    failures: int = 5
    copies: tuple[float, ...] = (0.5, 2.0)

    async def readings(self, read: Callable[[], Awaitable[T]], hints: Listener) -> AsyncIterator[T]:
        """What `read` gives, again and again, sooner when there is news. Raises `Transient` when it fails too often."""
        pause, failures = self.first, 0
        while True:
            try:
                found = await read()
            except Transient:
                failures += 1
                if failures >= self.failures:
                    raise
            else:
                failures = 0
                yield found
            await hints.wait(pause)
            pause = min(pause * self.growth, self.longest)


Bought = TypeVar("Bought")


async def to_its_end(purchase: Awaitable[Bought]) -> Bought:
    """Waits for the answer to a purchase also when the caller is cancelled meanwhile, and only then raises that.

    Whoever buys has to learn what was bought; the purchase itself has a time limit.
    """
    task = asyncio.ensure_future(purchase)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
        except Exception:
            break
    if cancelled is not None:
        task.exception()
        raise cancelled
    return task.result()
