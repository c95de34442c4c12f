"""How fast one socket may change things, and how fast it may chatter (contract, section 1.3)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable

from dawg_server import errors

WINDOW = 1.0  # seconds


class Pace:
    """Of one socket. `mutations` and `relays` are per second, relays also per event and project."""

    def __init__(self, mutations: int, relays: int) -> None:
        self._mutations: deque[float] = deque(maxlen=mutations)
        self._most, self._most_relays = mutations, relays
        self._relays: dict[Hashable, _Valve] = {}

    def mutate(self) -> None:
        """Counts a change; raises `RateLimited` for one too many within a second."""
        now = time.monotonic()
        if len(self._mutations) == self._most and now - self._mutations[0] < WINDOW:
            raise errors.RateLimited(
                f"A socket makes at most {self._most} changes per second.",
                details={"limit": self._most},
                retry_after=WINDOW - (now - self._mutations[0]),
            )
        self._mutations.append(now)

    def relay(self, what: Hashable, send: Callable[[], None]) -> None:
        """Sends now, or as soon as there is room again; whatever came in between is forgotten for what came last."""
        valve = self._relays.get(what)
        if valve is None:
            valve = self._relays[what] = _Valve(self._most_relays)
        valve.put(send)

    def close(self) -> None:
        """What waits is not sent any more."""
        for valve in self._relays.values():
            valve.close()
        self._relays.clear()


class _Valve:
    """Lets `most` through in each window; then only the newest, when the window has passed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sent: deque[float] = deque(maxlen=most)
        self._waiting: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def put(self, send: Callable[[], None]) -> None:
        now = time.monotonic()
        if self._timer is None and (len(self._sent) < self._most or now - self._sent[0] >= WINDOW):
            self._sent.append(now)
            send()
            return
        self._waiting = send
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._sent[0] + WINDOW - now, self._release)

    def close(self) -> None:
        self._waiting = None
        if self._timer is not None:
            self._timer.cancel()

    def _release(self) -> None:
        self._timer = None
        if (send := self._waiting) is not None:
            self._waiting = None
            self._sent.append(time.monotonic())
            send()
