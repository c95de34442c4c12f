"""How fast one socket may change things, and how fast it may chatter (contract, section 1.3)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable

from dawg_server import errors

MUTATIONS_PER_SECOND = 30
RELAYS_PER_SECOND = 30  # of each event, to each project
WINDOW = 1.0  # seconds


class Pace:
    """Of one socket."""

    def __init__(self) -> None:
        self._mutations: deque[float] = deque(maxlen=MUTATIONS_PER_SECOND)
        self._relays: dict[Hashable, _Valve] = {}

    def mutate(self) -> None:
        """Counts a change; raises `RateLimited` for one too many within a second."""
        now = time.monotonic()
        if len(self._mutations) == MUTATIONS_PER_SECOND and now - self._mutations[0] < WINDOW:
            raise errors.RateLimited(
                f"A socket makes at most {MUTATIONS_PER_SECOND} changes per second.",
                details={"limit": MUTATIONS_PER_SECOND}, retry_after=WINDOW - (now - self._mutations[0]),
            )  # fmt: skip
        self._mutations.append(now)

    def relay(self, what: Hashable, send: Callable[[], None]) -> None:
        """Sends now, or as soon as there is room again; whatever came in between is forgotten for what came last."""
        valve = self._relays.get(what)
        if valve is None:
            valve = self._relays[what] = _Valve()
        valve.put(send)

    def close(self) -> None:
        """What waits is not sent any more."""
        for valve in self._relays.values():
            valve.close()
        self._relays.clear()


class _Valve:
    """Lets `RELAYS_PER_SECOND` through in each window; then only the newest, when the window has passed."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque(maxlen=RELAYS_PER_SECOND)
        self._waiting: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def put(self, send: Callable[[], None]) -> None:
        now = time.monotonic()
        if self._timer is None and (len(self._sent) < RELAYS_PER_SECOND or now - self._sent[0] >= WINDOW):
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
