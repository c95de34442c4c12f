"""The sampler: notes played by a recording."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dawg_server.audio import arrays, codecs
from dawg_server.audio.devices.catalogue import SAMPLER
from dawg_server.music.score import Note

LONGEST = 60.0  # seconds of the recording that are played


class Sampler:
    """Each note plays the recording from `start` on, for a minute at most, at the speed
    `2^((pitch - rootPitch) / 12)` (1 without `keyTracking`), resampled by soxr's HQ; a page's AudioBufferSourceNode
    with that `playbackRate` differs only in its interpolation.

    The gain is `10^(gain / 20) (velocity / 127)^1.5`. It rises in a straight line over `attack`; after the end of the
    note (of the recording, with `oneShot`) it falls in a straight line over `release`, from wherever it is.
    """

    def __init__(self, path: str, parameters: Mapping[str, Any], rate: int) -> None:
        self._values = {**SAMPLER.defaults, **parameters}
        self._rate = rate
        self._sound = _recording(path, rate, float(self._values["start"]))
        self._pitches: dict[int, arrays.Samples] = {}

    def play(self, notes: Sequence[Note]) -> arrays.Samples:
        """`notes` in seconds; float32 `(frames, 2)` from time zero until the last of them is silent."""
        played = [(round(note.start * self._rate), self._note(note)) for note in notes]
        total = np.zeros((max((at + len(sound) for at, sound in played), default=0), 2), np.float32)
        for at, sound in played:
            total[at : at + len(sound)] += sound
        return total

    def _note(self, note: Note) -> arrays.Samples:
        values, sound = self._values, self._at(note.pitch)
        attack, release = (values[name] / 1000 * self._rate for name in ("attack", "release"))
        held = len(sound) if values["oneShot"] else round(note.duration * self._rate)
        sound = sound[: held + int(release)]
        time = np.arange(len(sound))
        rise = np.minimum(time / attack, 1.0) if attack else np.ones(len(time))
        fall = np.clip(1 - (time - held) / release, 0.0, 1.0)
        reached = min(held / attack, 1.0) if attack else 1.0
        shape = np.where(time < held, rise, reached * fall)
        loud = 10 ** (values["gain"] / 20) * (note.velocity / 127) ** 1.5
        shaped: arrays.Samples = sound * (shape * loud).astype(np.float32)[:, None]
        return shaped

    def _at(self, pitch: int) -> arrays.Samples:
        steps = pitch - self._values["rootPitch"] if self._values["keyTracking"] else 0
        if steps not in self._pitches:
            import soxr  # type: ignore[import-untyped]

            ratio = 2 ** (steps / 12)
            self._pitches[steps] = soxr.resample(self._sound, self._rate * ratio, self._rate) if steps else self._sound
        return self._pitches[steps]


@functools.lru_cache(maxsize=2)
def _recording(path: str, rate: int, start: float) -> arrays.Samples:
    first, left = round(start * rate), round(LONGEST * rate)
    kept = [np.zeros((0, 2), np.float32)]
    for block in codecs.read_blocks(path, rate=rate, max_seconds=None):
        part = block[first:][:left]
        first = max(0, first - len(block))
        left -= len(part)
        kept.append(np.repeat(part, 2, axis=1) if part.shape[1] == 1 else part[:, :2])
        if left <= 0:
            break
    return np.concatenate(kept)
