"""Modulation of a whole stem: side-chain ducking under the kick, and wow and flutter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dawg_server.music.sound.tone import Samples

ATTACK = 0.004  # seconds in which a ducked stem gives way
SLOW, FAST = 0.63, 5.7  # Hz: wow and flutter
FAST_SHARE = 0.25  # of the pitch deviation
REST = 0.003  # seconds: the mean delay of wow and flutter


class Ducker:
    """A gain that dips at every kick and comes back in time for the next; the kicks' frames are known in advance."""

    def __init__(self, kicks: Sequence[int], rate: int, depth_db: float, seconds: float) -> None:
        self._kicks = np.asarray(sorted(set(kicks)), np.int64)
        attack = max(1, round(ATTACK * rate))
        frames = max(attack + 1, round(seconds * rate))
        x = np.linspace(0.0, 1.0, frames - attack)
        dip = np.concatenate([np.linspace(0, 1, attack, endpoint=False), 0.5 + 0.5 * np.cos(np.pi * x**0.8)])
        self._lead = attack
        self._curve = (10.0 ** (-depth_db * dip / 20.0)).astype(np.float32)

    def gain(self, start: int, frames: int) -> Samples:
        """float32 (frames,) for the block that begins at `start`."""
        out = np.ones(frames, np.float32)
        first = np.searchsorted(self._kicks, start - len(self._curve))
        last = np.searchsorted(self._kicks, start + frames + self._lead)
        for kick in self._kicks[first:last]:
            begin = int(kick) - self._lead - start
            low, high = max(begin, 0), min(begin + len(self._curve), frames)
            if low < high:
                np.minimum(out[low:high], self._curve[low - begin : high - begin], out=out[low:high])
        return out


class Wobble:
    """Wow and flutter: a moving delay over a streaming stem, (frames, channels)."""

    def __init__(self, rate: int, cents: float, channels: int, period: float | None = None) -> None:
        """`period`: seconds of a loop, which hold a whole number of cycles of both."""
        deviation = cents / 1200 * np.log(2)
        self._rate = rate
        self._hertz = [max(1, round(hertz * period)) / period if period else hertz for hertz in (SLOW, FAST)]
        self._slow = (1 - FAST_SHARE) * deviation / (2 * np.pi * self._hertz[0])
        self._fast = FAST_SHARE * deviation / (2 * np.pi * self._hertz[1])
        self._reach = round((2 * REST + self._slow + self._fast) * rate) + 4
        self._history = np.zeros((self._reach, channels), np.float32)

    @property
    def still(self) -> bool:
        return not self._history.any()

    def process(self, block: Samples, start: int) -> Samples:
        time = (start + np.arange(len(block))) / self._rate
        slow, fast = (np.sin(2 * np.pi * hertz * time) for hertz in self._hertz)
        delay = REST + self._slow * slow + self._fast * fast
        known = np.concatenate([self._history, block])
        self._history = known[len(block) :].copy()
        place = np.arange(len(block)) + self._reach - np.maximum(delay, 0.0) * self._rate
        whole = place.astype(np.int64)
        blend = (place - whole).astype(np.float32)[:, None]
        here = known[whole]
        out: Samples = here + (known[np.minimum(whole + 1, len(known) - 1)] - here) * blend
        return out
