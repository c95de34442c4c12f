"""How many changes and how many relayed events one socket may send (contract, section 1.3)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable

from dawg_server import errors

WINDOW = 1.0  # seconds


class RateLimit:
    """Of one socket. `mutations` and `relays` are per second; relays are counted per event and project."""

    def __init__(self, mutations: int, relays: int) -> None:
        self._mutations: deque[float] = deque(maxlen=mutations)
        self._max_mutations, self._max_relays = mutations, relays
        self._throttles: dict[Hashable, Throttle] = {}

    def mutate(self) -> None:
        """Counts a change; raises `RateLimited` for one too many within a second."""
        now = time.monotonic()
        if len(self._mutations) == self._max_mutations and now - self._mutations[0] < WINDOW:
            raise errors.RateLimited(
                f"A socket makes at most {self._max_mutations} changes per second.",
                details={"limit": self._max_mutations},
                retry_after=WINDOW - (now - self._mutations[0]),
            )
        self._mutations.append(now)

    def relay(self, what: Hashable, send: Callable[[], None]) -> None:
        """Calls `send` now, or when the window allows it; of the calls that wait only the last is made."""
        throttle = self._throttles.get(what)
        if throttle is None:
            throttle = self._throttles[what] = Throttle(self._max_relays)
        throttle.call(send)

    def close(self) -> None:
        """Calls that wait are not made."""
        for throttle in self._throttles.values():
            throttle.close()
        self._throttles.clear()


class Throttle:
    """At most `limit` calls in each window; of those beyond, the newest is made when the window has passed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._called_at: deque[float] = deque(maxlen=limit)
        self._waiting: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def call(self, function: Callable[[], None]) -> None:
        now = time.monotonic()
        if self._timer is None and (len(self._called_at) < self._limit or now - self._called_at[0] >= WINDOW):
            self._called_at.append(now)
            function()
            return
        self._waiting = function
        if self._timer is None:
            delay = self._called_at[0] + WINDOW - now
            self._timer = asyncio.get_running_loop().call_later(delay, self._release)

    def close(self) -> None:
        self._waiting = None
        if self._timer is not None:
            self._timer.cancel()

    def _release(self) -> None:
        self._timer = None
        if (function := self._waiting) is not None:
            self._waiting = None
            self._called_at.append(time.monotonic())
            function()
