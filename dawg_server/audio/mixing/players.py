"""The clips of one track, one after another and together, in adjoining blocks.

Only what sounds in a block is open, so memory grows with how many clips sound at once and not with the project.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence

import numpy as np

from dawg_server.audio import arrays
from dawg_server.audio.mixing import sources
from dawg_server.audio.mixing.arrangement import Clip
from dawg_server.daw.tempo_map import TempoMap


class Player:
    """The clips of one track in adjoining blocks."""

    def __init__(self, clips: Sequence[Clip], rate: int, tempo: TempoMap, start: int) -> None:
        """Begins at frame `start` of the timeline; what sounds there already is joined in its middle."""
        self._rate, self._tempo, self._position = rate, tempo, start
        self._coming = sorted(clips, key=lambda clip: clip.start, reverse=True)
        self._playing: list[_Voice] = []

    def block(self, frames: int) -> arrays.Samples | None:
        """The next frames, float32 `(frames, 2)`; None when nothing sounds in them."""
        end = self._position + frames
        while self._coming and round(self._coming[-1].start * self._rate) < end:
            clip = self._coming.pop()
            if round((clip.end + sources.RING) * self._rate) > self._position:
                self._playing.append(_Voice(clip, self._rate, self._tempo, self._position))
        total: arrays.Samples | None = None
        for voice in self._playing:
            total = np.zeros((frames, 2), np.float32) if total is None else total
            voice.add_to(total, self._position)
        self._playing = [voice for voice in self._playing if not voice.over]
        self._position = end
        return total

    def close(self) -> None:
        for voice in self._playing:
            voice.close()
        self._playing = []


class _Voice:
    def __init__(self, clip: Clip, rate: int, tempo: TempoMap, position: int) -> None:
        parts = _together(clip.parts, rate, tempo) if clip.parts else None
        self._blocks = sources.blocks(clip, rate, tempo, parts)
        self._kept = np.zeros((0, 2), np.float32)
        self._at = round(clip.start * rate)  # timeline frame of the first kept sample
        self.over = False
        while self._at < position and not self.over:
            self._drop(position - self._at)

    def add_to(self, total: arrays.Samples, position: int) -> None:
        while not self.over and self._at < position + len(total):
            if not len(self._kept):
                self._pull()
                continue
            begin = self._at - position
            taken = self._kept[: len(total) - begin]
            total[begin : begin + len(taken)] += taken
            self._advance(len(taken))

    def close(self) -> None:
        self._blocks.close()

    def _drop(self, frames: int) -> None:
        if len(self._kept):
            self._advance(min(frames, len(self._kept)))
        else:
            self._pull()

    def _advance(self, frames: int) -> None:
        self._kept = self._kept[frames:]
        self._at += frames

    def _pull(self) -> None:
        try:
            self._kept = next(self._blocks)
        except StopIteration:
            self.over = True


def _together(clips: Sequence[Clip], rate: int, tempo: TempoMap) -> Generator[arrays.Samples, None, None]:
    """Without end."""
    player = Player(clips, rate, tempo, 0)
    with contextlib.closing(player):
        while True:
            block = player.block(sources.BLOCK)
            yield np.zeros((sources.BLOCK, 2), np.float32) if block is None else block
