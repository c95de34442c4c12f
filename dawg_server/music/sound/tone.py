"""One note as a voice sees it, and the type of all voices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SLUR, SLUR_SECONDS = 2.0, 0.02  # semitones from which a bound note is reached at most, and how fast

Samples = NDArray[np.floating[Any]]
"""Sound: float32 at run time, (frames,) or (frames, channels), full scale at -1..1."""

Signal = NDArray[np.floating[Any]]
"""What shapes sound, such as phases and envelopes: float64 at run time."""


@dataclass(frozen=True, slots=True)
class Bend:
    """A glide of a sounding note: seconds from the note's start, seconds long, and its two MIDI numbers."""

    start: float
    duration: float
    from_pitch: float
    to_pitch: float


@dataclass(frozen=True, slots=True)
class Tone:
    """A note to sound.

    `pitch`: MIDI number; `seconds`: how long the key is held; `velocity`: 0..1, for the timbre (loudness is set by
    the mixer); `beat`: seconds per beat; `rng`: the only source of chance, so that equal tones are equal samples;
    `tonic`: the pitch class to which drums are tuned, if any; `came_from`: the pitch that a bound note is slurred from.
    """

    pitch: float
    seconds: float
    velocity: float
    rate: int
    beat: float
    rng: np.random.Generator
    bends: tuple[Bend, ...] = ()
    tonic: int | None = None
    came_from: float | None = None

    @property
    def frequency(self) -> float:
        """In Hz, equal temperament, A4 = 440."""
        return hertz(self.pitch)

    @property
    def held(self) -> int:
        """Frames for which the key is down."""
        return max(1, round(self.seconds * self.rate))

    def time(self, frames: int) -> Signal:
        """Seconds since the note's start."""
        return np.arange(frames) / self.rate

    def pitch_curve(self, frames: int) -> Signal:
        """The MIDI pitch at every frame, with the bends in it."""
        curve = np.full(frames, float(self.pitch))
        time = self.time(frames)
        for bend in self.bends:
            x = np.clip((time - bend.start) / max(bend.duration, 0.005), 0.0, 1.0)
            curve += (bend.to_pitch - bend.from_pitch) * (0.5 - 0.5 * np.cos(np.pi * x))
        if self.came_from is not None:
            below = float(np.clip(self.came_from - self.pitch, -SLUR, SLUR))
            curve += below * np.exp(-time / SLUR_SECONDS)
        return curve

    def cycles(self, frames: int, vibrato_cents: Signal | float = 0.0) -> Signal:
        """The phase in whole turns, continuous through bends and vibrato."""
        still = not self.bends and self.came_from is None
        if still and isinstance(vibrato_cents, float):
            return np.arange(frames) * (hertz(self.pitch + vibrato_cents / 100.0) / self.rate)
        away = np.asarray(vibrato_cents, np.float32) * np.float32(0.01)
        if not still:
            away = away + (self.pitch_curve(frames) - self.pitch).astype(np.float32)
        # Single precision is exact to a thousandth of a cent here; the sum below is what needs double.
        steps = self.frequency * np.exp(away * np.float32(np.log(2.0) / 12.0)).astype(np.float64)
        turns = np.cumsum(steps) / self.rate
        out: Signal = turns - turns[0]
        return out

    def swaying(self, frames: int, hertz: float, turns: float = 0.0) -> Samples:
        """A sine of 1 at `hertz`, for vibrato and tremolo."""
        cycles = np.arange(frames) * (hertz / self.rate) + turns
        wave: Samples = np.sin(((cycles - np.floor(cycles)) * (2 * np.pi)).astype(np.float32))
        return wave


Voice = Callable[[Tone], Samples]
"""Makes a note's samples, tail included: float32, (frames,) or (frames, 2)."""


def hertz(pitch: float) -> float:
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))
