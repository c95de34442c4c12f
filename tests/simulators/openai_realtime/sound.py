"""Sound of the simulator: tones to send, and an ear that hears speech by its energy. PCM16 mono at 24 kHz."""

from __future__ import annotations

import array
import functools
import math
from collections.abc import Iterator

RATE = 24_000
BYTES_PER_MS = RATE * 2 // 1000
FRAME_MS = 20
CONSECUTIVE_LOUD_MS = 60
LOUD_AT_FULL_THRESHOLD = 2000.0  # root mean square of 32767; the default threshold 0.5 hears from 1000 on


@functools.cache
def _second(hertz: int, amplitude: int) -> bytes:
    step = 2 * math.pi * hertz / RATE
    return array.array("h", (round(amplitude * math.sin(step * at)) for at in range(RATE))).tobytes()


def tone(begin_ms: int, ms: int, hertz: int = 440, amplitude: int = 8000) -> bytes:
    """A part of an endless tone of a whole number of hertz."""
    second, start = _second(hertz, amplitude), begin_ms % 1000 * BYTES_PER_MS
    length = ms * BYTES_PER_MS
    return (second * (2 + ms // 1000))[start : start + length]


def speech(ms: int) -> bytes:
    """Something loud enough to be taken for a voice."""
    return tone(0, ms, 200)


def silence(ms: int) -> bytes:
    return bytes(ms * BYTES_PER_MS)


def energy(frame: bytes) -> float:
    """Root mean square of a frame."""
    samples = array.array("h", frame)
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


class Ear:
    """Voice activity by energy: `("started", ms)` and `("stopped", ms)` on the clock of the audio written so far."""

    def __init__(self, threshold: float, silence_ms: int) -> None:
        self._loud_from = threshold * LOUD_AT_FULL_THRESHOLD
        self._silence_ms = silence_ms
        self._pending = bytearray()
        self._at_ms = 0
        self._loud_ms = 0
        self._quiet_ms = 0
        self.speaking = False

    def hear(self, audio: bytes) -> Iterator[tuple[str, int]]:
        self._pending += audio
        size = FRAME_MS * BYTES_PER_MS
        while len(self._pending) >= size:
            frame = bytes(self._pending[:size])
            del self._pending[:size]
            self._at_ms += FRAME_MS
            loud = energy(frame) >= self._loud_from
            self._loud_ms = self._loud_ms + FRAME_MS if loud else 0
            self._quiet_ms = 0 if loud else self._quiet_ms + FRAME_MS
            if not self.speaking and self._loud_ms >= CONSECUTIVE_LOUD_MS:
                self.speaking = True
                yield "started", self._at_ms - self._loud_ms
            elif self.speaking and self._quiet_ms >= self._silence_ms:
                self.speaking = False
                yield "stopped", self._at_ms
