"""The way through a recording that follows the tempo: where in it the sound of each moment of its clip comes from.

What is slowed down passes its attacks at their own speed, since a window that reaches over an attack would let it be
heard too early; the time that this takes is made up for between them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dawg_server.audio import alignment
from dawg_server.audio.arrays import Doubles
from dawg_server.audio.mixing.arrangement import Clip
from dawg_server.daw.tempo_map import TempoMap

HELD = 0.05  # seconds before and after an attack, about half a window of the stretcher
SHARE = 0.2  # of the distance to the next attack, at most
SLOWED = 1.05  # from which ratio on attacks are held


def origin(clip: Clip, tempo: TempoMap) -> Callable[[float], float] | None:
    """From seconds of the clip to seconds of its recording behind the clip's offset; None where they are the same."""
    original = clip.original_bpm
    if original is None or (tempo.is_constant and tempo.bpm(0) == original):
        return None
    first = tempo.beat(clip.start)

    def plain(seconds: float) -> float:
        return (tempo.beat(clip.start + seconds) - first) * 60 / original

    def place(seconds: float) -> float:
        return tempo.seconds(first + seconds * original / 60) - clip.start

    times, ahead = _detours(_attacks(clip, plain(clip.duration)), plain, place)
    return lambda seconds: plain(seconds) + float(np.interp(seconds, times, ahead))


def _attacks(clip: Clip, length: float) -> Doubles:
    """Seconds behind the clip's offset at which something begins in the `length` that it plays."""
    assert clip.path is not None
    status = Path(clip.path).stat()
    found = _heard(clip.path, status.st_size, status.st_mtime_ns) - clip.offset
    return found[(found > 0) & (found < length)]


@functools.lru_cache(maxsize=16)
def _heard(path: str, size: int, changed: int) -> Doubles:
    return alignment.times(alignment.hear(path))


def _detours(
    attacks: Doubles, plain: Callable[[float], float], place: Callable[[float], float]
) -> tuple[list[float], list[float]]:
    """(seconds of the clip, seconds by which its recording is ahead of the plain way), between which it goes straight.

    It never goes back: an attack is held over at most a fifth of the way to the next one.
    """
    times, ahead = [0.0], [0.0]
    gaps = np.diff(np.concatenate(([0.0], attacks, [np.inf])))
    for attack, before, after in zip(attacks.tolist(), gaps[:-1].tolist(), gaps[1:].tolist(), strict=True):
        held = min(HELD, SHARE * before, SHARE * after)
        at = place(attack)
        if held <= 0 or place(attack + held) - place(attack - held) < SLOWED * 2 * held:
            continue
        times += [at - held, at + held]
        ahead += [attack - held - plain(at - held), attack + held - plain(at + held)]
    return [*times, times[-1] + 1.0], [*ahead, 0.0]
