"""When a lost connection is worth another try, and after which pause: 1, 2, 4 s with jitter, three tries."""

from __future__ import annotations

import random

from dawg_server.voice.leg import Ending

TRIES = 3
FIRST_PAUSE = 1.0  # seconds, doubled each time
JITTER = 0.2
SETTLED = 60.0  # seconds after which a connection counts as a good one


class Reconnecting:
    """A connection that was good wipes out the losses before it; short ones do not, so that nothing loops for ever."""

    def __init__(self, settled: float = SETTLED) -> None:
        self._settled = settled
        self._losses = 0

    def pause(self, ending: Ending, lived: float | None) -> float | None:
        """Seconds until the next connection, 0 when a good one is only replaced; None: there is to be none.

        `lived` is how long the connection was ready, None when it never was.
        """
        settled = lived is not None and lived >= self._settled
        if settled:
            self._losses = 0
        if ending.how == "final":
            return None
        if ending.how == "recycle" and (settled or ending.reason == "voice"):
            return 0.0
        self._losses += 1
        if self._losses > TRIES:
            return None
        return FIRST_PAUSE * float(2 ** (self._losses - 1)) * random.uniform(1 - JITTER, 1 + JITTER)
