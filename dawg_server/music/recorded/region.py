"""What a recorded instrument consists of: samples, and the keys and velocities that each stands for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A place in a file: bytes `start`..`end`, of an audio file (`coded`) or of 16-bit PCM; Hz.

    `file`: which one, where it is not that of the build step.
    """

    start: int
    end: int
    rate: int
    coded: bool
    file: str = ""
    channel: int = 0


@dataclass(frozen=True, slots=True)
class Region:
    """One recording over a range of keys and velocities; times in seconds.

    `other`: the right channel of a stereo pair, with its own `other_loop`; `root`: the key at which it sounds as
    recorded, with fractions; `scale`: semitones a key; `loop`: frames of the sample, None for one that is played once;
    `sustain`: dB below the peak to which it falls; `decay` and `release` are the times in which it would fall 100 dB.
    """

    sample: Sample
    other: Sample | None
    keys: tuple[int, int]
    velocities: tuple[int, int]
    root: float
    scale: float = 1.0
    loop: tuple[int, int] | None = None
    attack: float = 0.0
    hold: float = 0.0
    decay: float = 0.0
    sustain: float = 0.0
    release: float = 0.1
    other_loop: tuple[int, int] | None = None
