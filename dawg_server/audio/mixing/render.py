"""The project as heard: every clip through its track's fader to the output, block by block, always the same samples.

Only what sounds in a block is open, so memory grows with how many clips sound at once and not with the project.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import numpy as np

from dawg_server import errors
from dawg_server.audio import arrays, codecs, encoder, recording_meter
from dawg_server.audio.mixing import arrangement, gain_matrix, sources
from dawg_server.audio.mixing.arrangement import Arrangement, Clip

BLOCK = sources.BLOCK  # frames
Report = Callable[[float], None]
Blocks = Generator[arrays.Samples, None, None]


class Player:
    """The clips of one track in adjoining blocks."""

    def __init__(self, clips: Sequence[Clip], rate: int, bpm: float, start: int) -> None:
        """Begins at frame `start` of the timeline; what sounds there already is joined in its middle."""
        self._rate, self._bpm, self._position = rate, bpm, start
        self._coming = sorted(clips, key=lambda clip: clip.start, reverse=True)
        self._playing: list[_Voice] = []

    def block(self, frames: int) -> arrays.Samples | None:
        """The next frames, float32 `(frames, 2)`; None when nothing sounds in them."""
        end = self._position + frames
        while self._coming and round(self._coming[-1].start * self._rate) < end:
            clip = self._coming.pop()
            if round((clip.end + sources.RING) * self._rate) > self._position:
                self._playing.append(_Voice(clip, self._rate, self._bpm, self._position))
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
    def __init__(self, clip: Clip, rate: int, bpm: float, position: int) -> None:
        self._blocks = sources.blocks(clip, rate, bpm)
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


def track_blocks(project: Arrangement, track: arrangement.Track, start: int, frames: int) -> Blocks:
    """One track before its fader: `frames` frames from frame `start` on, in blocks of `BLOCK`."""
    player = Player(track.clips, project.rate, project.bpm, start)
    try:
        for position in range(0, frames, BLOCK):
            length = min(BLOCK, frames - position)
            block = player.block(length)
            yield np.zeros((length, 2), np.float32) if block is None else block
    finally:
        player.close()


def blocks(project: Arrangement, start: int, frames: int) -> Blocks:
    """The mix: `frames` frames from frame `start` of the timeline on, float32 `(frames, 2)`, not limited to -1..1."""
    gains = gain_matrix.gains(project)
    with contextlib.ExitStack() as open_players:
        players = []
        for track in project.tracks:
            if track.clips and gains[track.id].any():
                player = Player(track.clips, project.rate, project.bpm, start)
                open_players.callback(player.close)
                players.append((player, gains[track.id].astype(np.float32)))
        for position in range(0, frames, BLOCK):
            length = min(BLOCK, frames - position)
            mix = np.zeros((length, 2), np.float32)
            for player, gain in players:
                block = player.block(length)
                if block is not None:
                    mix += block @ gain
            yield mix


def render(
    project: Arrangement,
    path: str,
    format: encoder.WriteFormat,
    *,
    start: float = 0.0,
    end: float | None = None,
    tail: float = 2.0,
    bit_depth: int | None = None,
    bitrate: int | None = None,
    report: Report = lambda fraction: None,
) -> dict[str, Any]:
    """Writes the project from `start` to `end` seconds (None: the last clip's end and `tail` more) and measures it.

    Returns `facts` (columns of `audio_files`) and `clippedSamples`, how many samples lay beyond full scale before they
    were written; everything is measured on the file. Raises ValidationError when there is no length.
    """
    rate = encoder.writable_rate(format, project.rate)
    project = unpacked(dataclasses.replace(project, rate=rate), pathlib.Path(path).parent)
    first = round(start * project.rate)
    last = round((project.end + tail if end is None else end) * project.rate)
    if last <= first:
        raise errors.ValidationError("There is nothing to render.", details={"to": "has to lie after `from`"})
    frames = last - first
    clipped = 0
    with codecs.Writer(path, format, project.rate, 2, bit_depth=bit_depth, bitrate=bitrate) as writer:
        for block in blocks(project, first, frames):
            clipped += int(np.count_nonzero(np.abs(block) > 1.0))
            writer.write(block)
            report(writer.frames / frames)
    return {"facts": recording_meter.of_file(path).facts(bit_depth), "clippedSamples": clipped}


def unpacked(project: Arrangement, folder: pathlib.Path) -> Arrangement:
    """The same project, its often used compressed recordings written out once: jumping into those is slow."""
    uses: dict[str, int] = {}
    for clip in project.clips():
        if clip.path is not None:
            uses[clip.path] = uses.get(clip.path, 0) + 1
    moved = {
        path: _unpack(path, folder / f"unpacked-{number}.wav")
        for number, (path, count) in enumerate(uses.items())
        if count > 1 and not sources.is_seekable(path)
    }
    return dataclasses.replace(project, tracks=tuple(_moved(track, moved) for track in project.tracks))


def _moved(track: arrangement.Track, moved: Mapping[str, str]) -> arrangement.Track:
    clips = tuple(
        dataclasses.replace(clip, path=moved.get(clip.path, clip.path)) if clip.path else clip for clip in track.clips
    )
    return dataclasses.replace(track, clips=clips)


def _unpack(path: str, target: pathlib.Path) -> str:
    info = codecs.probe(path, max_seconds=None)
    with codecs.Writer(target, "wav", info.rate, info.channels, bit_depth=32) as writer:
        for block in codecs.read_blocks(path, max_seconds=None):
            writer.write(block)
    return str(target)
